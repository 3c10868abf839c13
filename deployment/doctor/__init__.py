"""`kickstand doctor`: what must be right around an environment before it is deployed, in AWS and on this machine."""
