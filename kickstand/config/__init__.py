"""The project file, `kickstand.toml`: parsed once into frozen typed models."""
