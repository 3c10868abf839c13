"""EventBridge Scheduler: what it refuses, when schedules are due, their calls, retries and dead letters."""
