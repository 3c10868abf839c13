"""Checked channels to the artifact bucket, under their digests, and the manifest that announces them."""
