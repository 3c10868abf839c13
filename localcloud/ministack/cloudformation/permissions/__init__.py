"""Which IAM permissions CloudFormation needs for the resources of a stack, and with which role it works."""
