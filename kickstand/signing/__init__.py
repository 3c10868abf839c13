"""Who vouches for a release: in-toto statements in DSSE envelopes, signed with a key file, AWS KMS or sigstore."""
