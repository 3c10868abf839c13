"""What is measured at three sizes, beside a peer at each, and how it grows."""
