"""What each view of the console shows: read from AWS, git and files into values that the templates print."""
