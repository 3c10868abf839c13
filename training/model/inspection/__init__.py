"""Opening a model that nobody vouches for: bounded, confined, checked before xgboost loads it."""
