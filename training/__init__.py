"""The data scientist's side: data, hyperparameters, training, release, predictions."""
