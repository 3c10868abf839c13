"""The pipeline of a user's own repository: workflow files, and the roles that they act in."""
