"""What must be right around an environment before it is deployed, asked of AWS and of this machine."""
