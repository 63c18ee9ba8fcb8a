"""The version of recipegen and of its charts."""

__version__ = "0.1.0"
