"""Policy checks of the stacks while they are synthesised."""
