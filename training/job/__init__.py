"""One training job: start it through the trigger, follow the attempt that runs, read its log."""
