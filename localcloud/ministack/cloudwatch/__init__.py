"""CloudWatch in ministack: metrics and the evaluation of alarms are those of `localcloud.cloudwatch`."""
