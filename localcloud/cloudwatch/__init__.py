"""CloudWatch in the local cloud: metrics of endpoints, alarms that a clock evaluates, metric math."""
