"""`review.md`: the review as the comment of a pull request."""
