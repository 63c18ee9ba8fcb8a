"""What a path in a hub's cache says of the model that lies there."""

import re
from os import PathLike
from pathlib import Path

# How the cache calls the folder of a model; below it lies one for each commit.
FOLDER = re.compile(r"models--(?P<org>[\w.-]+?)--(?P<name>[\w.-]+)")
BELOW = "snapshots"
COMMIT = re.compile("[0-9a-f]{40}")


def identity(path: str | PathLike[str]) -> tuple[str, str]:
    """Return id and commit of the model at a path; what the path does not say is empty.

    Source: huggingface_hub, which keeps a model in `models--ORG--NAME/snapshots/COMMIT`.
    """
    # Standard input lies nowhere.
    parts = () if str(path) == "-" else Path(path).absolute().parts
    for at in reversed(range(len(parts))):
        if found := FOLDER.fullmatch(parts[at]):
            below, commit = (*parts[at + 1 :], "", "")[:2]
            known = below == BELOW and COMMIT.fullmatch(commit)
            return f"{found['org']}/{found['name']}", commit if known else ""
    return "", ""
