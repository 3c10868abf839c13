"""The release: the file that says which model an environment serves and where it came from."""
