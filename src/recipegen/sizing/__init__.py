"""Sizing: what a model needs, of which GPU, and how that was worked out."""
