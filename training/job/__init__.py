"""Training jobs: started through the trigger, followed attempt by attempt, with their log."""
