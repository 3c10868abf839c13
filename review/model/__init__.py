"""The model part of a review: the model that would be served, beside the one that is."""
