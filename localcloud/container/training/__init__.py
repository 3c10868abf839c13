"""What `train` does: channels, boosting, cross-validation, several hosts."""
