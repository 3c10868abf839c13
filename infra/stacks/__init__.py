"""The stacks of one environment: training, hosting, and the roles of its pipeline."""
