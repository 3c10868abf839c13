"""What the stacks are held to: findings, and what is accepted with a reason."""
