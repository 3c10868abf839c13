"""CloudFormation: operations, change sets, drift, and recovery after a restart."""
