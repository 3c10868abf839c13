"""KMS: keys of every account, and who may use them."""
