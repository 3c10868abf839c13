"""Constructs: thin wrappers of CloudFormation resources, with what all stacks set on them."""
