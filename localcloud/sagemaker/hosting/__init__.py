"""Models, endpoint configurations and endpoints, and what runs behind them."""
