"""IAM and STS: callers, requests as IAM evaluates them, policies, roles."""
