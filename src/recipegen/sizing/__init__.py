"""Sizing: how much GPU memory a model takes, and what other tools would answer for it."""
