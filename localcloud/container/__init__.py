"""The stand-in for the built-in XGBoost image: `train` and `serve`, which see only the container layout."""
