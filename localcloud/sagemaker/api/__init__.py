"""A request to SageMaker: its call, and what it is checked against before an operation sees it."""
