"""What a deployment changes in the stacks: resources, permissions, network, and whether traffic is at risk."""
