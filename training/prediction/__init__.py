"""Rows through an endpoint and back: batches, requests, answers."""
