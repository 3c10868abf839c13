"""Kickstand: from three CSV files to a SageMaker XGBoost HTTPS endpoint with one deploy."""

__version__ = "0.3.0"
