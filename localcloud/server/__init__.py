"""The server's process: its lock and port, its certificates, its listener, and what it keeps on disk."""
