"""The model card: what the front matter of a README.md says of the licence, and of access."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recipegen import yamlio
from recipegen.errors import RecipeError, brief

# The Hub's identifiers of licences, where SPDX or the catalog write another one. Others keep the Hub's.
SPDX = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
}
# Says nothing by itself: `license_name` has the name.
OTHER = "other"
# The first line with words of a LICENSE file, of texts that say what they are.
HEADS = (
    (r"apache license,? version 2\.0|apache license$", "Apache-2.0"),
    (r"(the )?mit license( \(mit\))?$", "MIT"),
    (r"llama .*community license agreement", "Llama Community License"),
)
FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Card:
    """What a card says; empty where it says nothing."""

    license: str = ""
    """As a recipe writes it: an SPDX identifier where there is one, else the name that the card gives."""
    source: str = ""
    """Where the licence was read, in words."""
    gated: bool | None = None
    """Whether the Hub asks for the terms to be accepted first; None where that is not known."""
    trouble: str = ""
    """Why the front matter could not be read."""


def of_readme(text: str, source: str) -> Card:
    """Return what the front matter of a README.md says; a text without one says nothing."""
    found = FRONT.match(text)
    if found is None:
        return Card()
    try:
        data = yamlio.read(found[1], source).data
    except RecipeError as error:
        # A card is written for people, and its mistakes are no reason to go without a recipe.
        return Card(trouble=f"the front matter of {source} cannot be read: {error.problems[0].message}")
    return of_data(data, source)


def of_data(data: Mapping[str, Any], source: str, *, gated: bool | None = None) -> Card:
    """Return what the metadata of a card says, where it has been read already."""
    said, name = data.get("license"), data.get("license_name")
    if isinstance(said, list):
        said = next((each for each in said if isinstance(each, str)), None)
    word = said.strip() if isinstance(said, str) else ""
    called = name.strip() if isinstance(name, str) else ""
    found = called if word.lower() in (OTHER, "") else SPDX.get(word.lower(), word)
    if gated is None and any(str(key).startswith("extra_gated_") for key in data):
        gated = True
    return Card(brief(found), source if found else "", gated)


def of_license_file(text: str, source: str) -> Card:
    """Return the licence that the first line of a LICENSE file names, where it is a known one."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    for pattern, name in HEADS:
        if re.match(pattern, first, re.IGNORECASE):
            return Card(name, f"the first line of {source}")
    return Card()
