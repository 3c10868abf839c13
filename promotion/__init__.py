"""Promotion of a release from one environment to the next, and rollback to an earlier one."""
