"""The CDK side: constructs, one noun a file, and the two stacks that wire them."""
