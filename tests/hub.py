"""A small Hub on this machine: the two addresses that `recipegen new --hf` asks, and how they fail."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Model:
    """A repository, and how the server behaves when it is asked for."""

    files: dict[str, str] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    gated: str | bool = False
    token: str = ""
    """Without it there is no access to files, or where `private` to anything."""
    private: bool = False
    status: int = 0
    """What every answer is, in place of the files."""
    slow: float = 0.0
    """Seconds before every answer."""
    endless: str = ""
    """The file that never ends."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Files that are listed only, each with its bytes."""
    sha: str = COMMIT


@dataclass
class Hub:
    """A running server, and what it was asked."""

    address: str
    models: dict[str, Model]
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)


@contextmanager
def serve(**models: Model) -> Iterator[Hub]:
    """Run a Hub with these models, each called `org/NAME`."""
    hub = Hub("", {f"org/{name}": model for name, model in models.items()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            hub.asked.append(path)
            given = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            hub.tokens.add(given)
            parts = path.removeprefix("/api/models").strip("/").split("/")
            model = hub.models.get("/".join(parts[:2]))
            if model is None:
                self.answer(401, b"{}", **{"X-Error-Message": "Repository not found"})
                return
            time.sleep(model.slow)
            allowed = not model.token or given == model.token
            if model.status:
                self.answer(model.status, b"{}")
            elif model.private and not allowed:
                self.answer(401, b"{}", **{"X-Error-Code": "RepoNotFound"})
            elif path.startswith("/api/"):
                self.answer(200, json.dumps(described("/".join(parts[:2]), model)).encode())
            elif not allowed:
                self.answer(403, b"{}", **{"X-Error-Code": "GatedRepo"})
            elif parts[3] != model.sha:
                self.answer(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
            elif parts[-1] == model.endless:
                self.flood()
            elif parts[-1] not in model.files:
                self.answer(404, b"{}", **{"X-Error-Code": "EntryNotFound"})
            else:
                self.answer(200, model.files[parts[-1]].encode())

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def flood(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 2**20)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def described(name: str, model: Model) -> dict[str, Any]:
    """What the Hub's API says of a model."""
    sizes = {file: len(text) for file, text in model.files.items()} | model.sizes
    return {
        "_id": "0", "id": name, "modelId": name, "sha": model.sha, "private": model.private,
        "gated": model.gated,
        "tags": [], "downloads": 0, "likes": 0, "cardData": model.card,
        "siblings": [{"rfilename": file, "size": size} for file, size in sizes.items()],
    }  # fmt: skip
