"""Batch transform: rows into S3, one job through the transform trigger, its results back."""
