"""The files of published packages that the tables are read from, in a cache outside the checkout.

pip says where a wheel of the lock lies; of the wheel only the wanted members are read, by HTTP ranges: 15 MB
instead of the 450 MB that one release of vLLM weighs. What was read is checked: the wheel's sha256, as the
index states it, and that of its RECORD are in the lock, and RECORD has the sha256 of every other member.
"""

import base64
import csv
import hashlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = Path(__file__).with_name("lock.json")
# Members that lie closer to each other than this are read at once.
GAP = 200_000
# Enough for the list of members of the largest wheel.
TAIL = 3_000_000


@dataclass(frozen=True)
class Wheel:
    """A wheel of the lock."""

    package: str
    version: str
    file: str
    sha256: str
    record: str
    """The sha256 of its RECORD."""

    @property
    def source(self) -> dict[str, str]:
        """Return how a table names it as a source."""
        return {"package": self.package, "version": self.version, "file": self.file, "sha256": self.sha256}


def lock() -> dict[str, dict[str, Wheel]]:
    """Return the wheels that belong to a release of Dynamo, by its minor version and by package."""
    table = json.loads(LOCK.read_text())
    return {
        minor: {row["package"]: Wheel(**row) for row in rows} for minor, rows in table["releases"].items()
    }


def fetch(wheel: Wheel, wanted: str) -> Path:
    """Return the folder with those members of a wheel whose names match `wanted`, a regular expression."""
    digest = hashlib.sha256(f"{wheel.sha256} {wanted}".encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "recipegen" / "flags" / f"{wheel.package}-{wheel.version}-{digest}"
    if not folder.is_dir():
        print(f"reading {wheel.file}", file=sys.stderr)
        found = locate(wheel.package, wheel.version)
        if found["hash"] != wheel.sha256 or not found["url"].endswith(wheel.file):
            raise SystemExit(f"the index has another {wheel.package} {wheel.version}: {found['hash']}")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            # There under its name only when it is whole.
            whole = Path(temporary, folder.name)
            read(found["url"], re.compile(wanted), whole)
            whole.rename(folder)
    check(wheel, re.compile(wanted), folder)
    return folder


def check(wheel: Wheel, wanted: re.Pattern[str], folder: Path) -> None:
    """Compare what lies in a folder with the lock and the wheel's own list.

    Raises:
        SystemExit: when a file is missing or not as it was published.
    """
    record = record_of(folder).read_bytes()
    if hashlib.sha256(record).hexdigest() != wheel.record:
        raise SystemExit(f"RECORD of {wheel.file} is not the one of the lock")
    sums = {name: value for name, value, _ in csv.reader(io.StringIO(record.decode())) if value}
    for name, published in sums.items():
        path = folder / name
        if wanted.search(name) and (not path.is_file() or published != checksum(path)):
            raise SystemExit(f"{path} is not as published; remove {folder}")


def checksum(path: Path) -> str:
    """Return the checksum of a file as RECORD has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def record_of(folder: Path) -> Path:
    """Return the list of members of an unpacked wheel."""
    return next(folder.glob("*.dist-info/RECORD"))


def asked(folder: Path, packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of other packages that an unpacked wheel asks for, each at exactly one.

    Raises:
        SystemExit: when it does not ask for one of them.
    """
    said = next(folder.glob("*.dist-info/METADATA")).read_text()
    wanted = dict(re.findall(r"^Requires-Dist: ([\w-]+)(?:\[[^]]*\])?==([^;\s]+)", said, re.MULTILINE))
    try:
        return {package: wanted[package] for package in packages}
    except KeyError as missing:
        raise SystemExit(f"{folder} asks for no {missing}") from None


def locate(package: str, version: str) -> dict[str, str]:
    """Return the address and sha256 of a wheel as pip finds it, which knows the package index."""
    platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in range(39, 16, -1)]
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-deps",
        "--quiet",
    ]
    only = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", *platforms]
    with tempfile.TemporaryDirectory() as target:
        report = ["--disable-pip-version-check", f"--target={target}", "--report=-", f"{package}=={version}"]
        done = subprocess.run([*command, *only, *report], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"pip finds no {package} {version}: {done.stderr.strip()}")
    info = json.loads(done.stdout)["install"][0]["download_info"]
    return {"url": info["url"], "hash": info["archive_info"]["hashes"]["sha256"]}


def read(url: str, wanted: re.Pattern[str], folder: Path) -> None:
    """Write the members of a remote wheel that are wanted, and its list of members, into a folder."""
    members = [each for each in listing(url) if wanted.search(each.filename) or is_metadata(each.filename)]
    for group in grouped(sorted(members, key=lambda each: each.header_offset)):
        first = group[0].header_offset
        # 30 bytes, name and extra field stand before the data; the last may be longer than listed.
        end = group[-1].header_offset + group[-1].compress_size + len(group[-1].filename) + 2000
        data = part(url, f"{first}-{end}")
        for each in group:
            at = each.header_offset - first
            name, extra = struct.unpack("<HH", data[at + 26 : at + 30])
            body = data[at + 30 + name + extra :][: each.compress_size]
            path = folder / each.filename
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                zlib.decompress(body, -15) if each.compress_type == zipfile.ZIP_DEFLATED else body
            )


def is_metadata(name: str) -> bool:
    """Return whether a member says what the wheel is."""
    return name.endswith((".dist-info/RECORD", ".dist-info/METADATA"))


def listing(url: str) -> list[zipfile.ZipInfo]:
    """Return the members of a remote archive that are files."""
    tail = part(url, f"-{TAIL}")
    with zipfile.ZipFile(io.BytesIO(tail)) as archive:
        # The listing counts from the archive's beginning; zipfile shifts by what it misses in front.
        shift = archive.start_dir - struct.unpack("<I", tail[tail.rindex(b"PK\x05\x06") :][16:20])[0]
        for each in archive.infolist():
            each.header_offset -= shift
        return [each for each in archive.infolist() if not each.is_dir()]


def grouped(members: Iterable[zipfile.ZipInfo]) -> list[list[zipfile.ZipInfo]]:
    """Return members in groups of near neighbours."""
    groups: list[list[zipfile.ZipInfo]] = []
    end = -GAP - 1
    for each in members:
        if each.header_offset - end > GAP:
            groups.append([])
        groups[-1].append(each)
        end = each.header_offset + each.compress_size
    return groups


def part(url: str, span: str) -> bytes:
    """Return a range of bytes of a remote file."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={span}"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        data: Any = answer.read()
    return bytes(data)
