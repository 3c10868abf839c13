"""AWS on the laptop: an existing emulator, plus SageMaker that really trains and really hosts."""
