"""The command line: one module a command or a few that belong together, thin above the packages that do the work."""
