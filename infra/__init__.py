"""The CDK side: the stacks of an environment, their constructs, policies, state machines and policy checks.

It makes no AWS call and reads no clock, no git and no environment variable: one commit gives the same templates
anywhere.
"""
