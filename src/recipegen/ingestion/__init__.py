"""Models as files in an object store: formats, ids, keys, as LLMariner's model-manager has them.

Only names are looked at; nothing is copied.
"""
