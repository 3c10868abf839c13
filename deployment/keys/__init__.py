"""Customer keys of AWS KMS: who needs what of them, and whether their policies allow it."""
