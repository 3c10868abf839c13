"""An endpoint that is updated while requests go to it: what is done, what is counted."""
