"""The data scientist's side: data, hyperparameters, training and transform jobs, models, evaluation, predictions."""
