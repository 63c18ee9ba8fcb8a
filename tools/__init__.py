"""Commands for developers of recipegen; no part of the wheel."""
