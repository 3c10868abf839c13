"""The files of a channel: found, read in one streaming pass, checked, and named by their content."""
