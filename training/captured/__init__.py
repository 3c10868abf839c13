"""Captured requests, read back from S3."""
