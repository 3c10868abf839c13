"""Load on an endpoint: requests at planned instants, and what came of them."""
