"""An HTTP server on loopback that answers as it is told: for what a real frontend never answers."""

import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MODEL = "Qwen/Qwen3-0.6B"
MODELS: dict[str, Any] = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": MODEL,
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Good day!"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}
JSON = "application/json"
EVENTS = "text/event-stream"


@dataclass
class Answer:
    """What the server gives to a request."""

    body: Any = None
    """Bytes as they are, anything else as JSON."""
    status: int = 200
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    wait: Callable[[], object] = lambda: None
    """Called before the answer."""
    length: int | None = None
    """What it says of its length, where that is not so."""


@dataclass
class Endpoint:
    """A running server, and what it was asked."""

    url: str
    answers: dict[str, Answer]
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    """Method and path, headers in lower case, and the decoded body."""


def chunk(delta: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A chunk of a streamed answer."""
    return {"model": MODEL, "choices": [{"index": 0, "delta": delta, "finish_reason": None, **rest}]}


LAST: dict[str, Any] = {"model": MODEL, "choices": [], "usage": CHAT["usage"]}
STREAM: tuple[Any, ...] = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Good"}),
    chunk({"content": " day!"}),
    chunk({}, finish_reason="stop"),
    LAST,
    "[DONE]",
)


def events(*found: Any) -> Answer:
    """A stream of events, each JSON unless it is a text."""
    lines = (each if isinstance(each, str) else json.dumps(each) for each in found)
    return Answer("".join(f"data: {line}\n\n" for line in lines).encode(), kind=EVENTS)


@contextmanager
def serve(
    models: Answer | None = None,
    chat: Answer | None = None,
    tls: Path | None = None,
    port: int = 0,
) -> Iterator[Endpoint]:
    """Serve until the block ends; what is not given is answered well.

    Args:
        models: the answer to `GET /v1/models`.
        chat: the answer to `POST /v1/chat/completions`.
        tls: folder with `server.crt` and `server.key`; default: HTTP.
        port: where it listens; 0 for any free port.
    """
    answers = {
        "GET /v1/models": models or Answer(MODELS),
        "POST /v1/chat/completions": chat or Answer(CHAT),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            what = f"{self.command} {self.path}"
            endpoint.asked.append((what, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = answers.get(what, Answer({"message": "no such route"}, 404))
            answer.wait()
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for key, value in {"Content-Type": answer.kind, **answer.headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data) if answer.length is None else answer.length))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(data)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", port), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "server.crt", tls / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    endpoint = Endpoint(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}", answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that hung up."""
