"""What a deployment changes in the stacks: resources, their properties, and what is at risk while it runs."""
