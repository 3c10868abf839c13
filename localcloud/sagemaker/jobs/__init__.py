"""Training and transform jobs: operations, records, runs, and the tasks of Step Functions that start them."""
