"""What a month costs, from a dated table of prices, and what was spent so far."""
