"""How good a model is: test rows, metrics, losses, and the comparison of two models."""
