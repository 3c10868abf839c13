"""CloudFormation's handlers for SageMaker's resource types."""
