"""The pictures of the model section, each a function of numbers: deterministic SVG."""
