"""Around a training container: its channels and checkpoints, its hosts, its metrics, its artifacts."""
