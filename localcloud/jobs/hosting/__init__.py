"""Around a serving container: its model fetched, its program started, watched, replaced when it dies, invoked."""
