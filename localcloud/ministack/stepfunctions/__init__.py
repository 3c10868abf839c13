"""Step Functions: executions, their roles, integrations and logs."""
