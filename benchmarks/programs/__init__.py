"""Programs that the benchmarks run as processes of their own: load generators and peers."""
