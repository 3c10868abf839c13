"""The channels' CSV files: found, checked in one streaming pass, and named by their content."""
