"""Deployment of one environment: the CDK, change sets, verification of what is served, and deletion."""
