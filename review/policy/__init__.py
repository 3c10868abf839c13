"""What the stacks are checked against: findings, and what is accepted with a reason."""
