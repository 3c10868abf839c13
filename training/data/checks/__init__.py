"""Rules for the rows, columns, labels and files of a channel."""
