"""The same model in the next environment: copied under its digest, registered, released; or taken back."""
