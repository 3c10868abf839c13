"""What `serve` does: requests to rows, rows to predictions, predictions to answers."""
