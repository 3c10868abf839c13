"""Kickstand: from three CSV files to a SageMaker XGBoost HTTPS endpoint with one deploy.

This package is what every other one builds on: project file, releases, signatures, names, AWS sessions and errors. It
imports no other package of the project.
"""

__version__ = "0.3.0"
