"""Processes of containers: nothing by accident in their environment, ended with the process that made them."""
