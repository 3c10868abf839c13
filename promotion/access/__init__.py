"""Who may do what in an environment, by the policies of its deployed stacks."""
