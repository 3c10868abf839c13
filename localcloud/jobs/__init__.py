"""What SageMaker does around a container: data in, logs and artifacts out, the process watched and replaced."""
