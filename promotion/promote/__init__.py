"""Promotion of a release from one environment to the next, and the way back to an earlier one."""
