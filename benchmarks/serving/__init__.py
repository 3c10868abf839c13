"""Servers and load generators under load: rates and latencies beside those of others."""
