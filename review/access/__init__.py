"""Who may do what: policies as sets of permissions, compared, put in words, and asked."""
