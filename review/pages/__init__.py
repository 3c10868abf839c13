"""The pages of a review: `review.md` for the pull request and `index.html` to look at, drawn from the bundle alone."""

from review.pages.html import review_html
from review.pages.markdown import review_markdown

__all__ = ["review_html", "review_markdown"]
