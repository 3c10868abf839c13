"""Rows through an endpoint and back: batches, answers, evaluation."""
