"""The stand-in for the built-in XGBoost image 3.2-0: `train` and `serve`, which see only the container layout."""
