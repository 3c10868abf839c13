"""IAM policies as values: what each role and each managed policy of an environment allows, statement by statement."""
