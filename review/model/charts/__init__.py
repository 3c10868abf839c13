"""Charts of a model as SVG."""
