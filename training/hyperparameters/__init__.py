"""The hyperparameters of the built-in XGBoost: every rule of the container, checked before a job is paid for."""
