"""AWS as every package needs it: sessions, errors, S3 objects, endpoints, tables of what AWS offers."""
