"""Models as files in an object store: formats, ids, keys, as LLMariner's model-manager has them.

Only names are looked at; nothing is copied.
"""

from recipegen.ingestion.formats import detect
from recipegen.ingestion.identity import (
    Layout,
    base_folder,
    guessed_quantization,
    listing_prefix,
    model_id,
    tuned_folder,
    tuned_id,
)
from recipegen.ingestion.listing import Listed, read_folder, read_listing
from recipegen.ingestion.stored import Identified, Stored, identify

__all__ = [
    "Identified",
    "Layout",
    "Listed",
    "Stored",
    "base_folder",
    "detect",
    "guessed_quantization",
    "identify",
    "listing_prefix",
    "model_id",
    "read_folder",
    "read_listing",
    "tuned_folder",
    "tuned_id",
]
