"""Customer keys: who needs what of them, and whether their policies let them."""
