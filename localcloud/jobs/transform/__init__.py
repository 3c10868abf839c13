"""Around the container of a transform job: input files cut into records, invocations, output files."""
