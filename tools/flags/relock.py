"""Write rows of the lock: `python -m tools.flags.relock 1.8=1.8.0 …`, each a minor and its release.

The engines are those that Dynamo's own package asks for; what it does not ask for stays at its version.
"""

import hashlib
import json
import re
import sys
import tempfile
from pathlib import Path

from tools.flags import fetch

PINNED = ("ai-dynamo-runtime", "vllm", "sglang")
NOTHING = re.compile("$^")


def main() -> None:
    """Add or replace the rows of the minors that are given."""
    releases = json.loads(fetch.LOCK.read_text())["releases"]
    others = {row["package"]: row["version"] for rows in releases.values() for row in rows}
    for each in sys.argv[1:]:
        minor, version = each.split("=")
        wanted = {**others, "ai-dynamo": version, **pins(version)}
        releases[minor] = [
            row(package, wanted[package]) for package in ("ai-dynamo", *PINNED, "aiconfigurator")
        ]
    fetch.LOCK.write_text(json.dumps({"releases": dict(sorted(releases.items()))}, indent=2) + "\n")


def pins(version: str) -> dict[str, str]:
    """Return the versions that a release of Dynamo's package asks for."""
    with tempfile.TemporaryDirectory() as folder:
        fetch.read(fetch.locate("ai-dynamo", version)["url"], NOTHING, Path(folder))
        return fetch.asked(Path(folder), PINNED)


def row(package: str, version: str) -> dict[str, str]:
    """Return the row of a package, with the checksums that the index has today."""
    found = fetch.locate(package, version)
    with tempfile.TemporaryDirectory() as folder:
        fetch.read(found["url"], NOTHING, Path(folder))
        record = hashlib.sha256(fetch.record_of(Path(folder)).read_bytes()).hexdigest()
    file = found["url"].rpartition("/")[2]
    return {"package": package, "version": version, "file": file, "sha256": found["hash"], "record": record}


if __name__ == "__main__":
    main()
