"""S3: buckets, objects, encryption, and buckets of other accounts."""
