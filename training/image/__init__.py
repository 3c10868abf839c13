"""The images of SageMaker's built-in XGBoost on this machine: what each brings, in an environment of its own."""
