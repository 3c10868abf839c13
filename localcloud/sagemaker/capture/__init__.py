"""Data capture: requests to endpoints and their answers, written to S3 as SageMaker writes them."""
