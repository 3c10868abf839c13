"""What a model must pass before an environment takes it."""
