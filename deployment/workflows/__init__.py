"""The pipeline of a user's own repository: GitHub workflows that review and deploy."""
