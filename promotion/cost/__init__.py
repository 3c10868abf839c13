"""What a month costs, from a dated table of prices."""
