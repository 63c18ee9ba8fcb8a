"""HTTP to an endpoint: one request, one answer, bounded in size and in time."""

import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

from recipegen.cluster.probing.answers import Answer
from recipegen.cluster.scrub import scrub
from recipegen.errors import ClusterError, Problem, UsageError, escape, show

MOST_BYTES = 4 * 2**20
"""Bytes of an answer that are read."""
CHUNK = 65_536
LEAST_SECRET = 7
"""Characters; shorter values of headers are words such as a team's name."""
MOVED = range(300, 400)

UNSPACED = re.compile(r"[^\s\x00-\x1f\x7f]*")

Connect = Callable[[], HTTPConnection]
"""Opens a connection to the endpoint; raises OSError where there is none."""


class SilentError(ClusterError):
    """Nothing answers, or no whole answer."""

    code = "endpoint-silent"


class Way:
    """How an endpoint is reached, and what every request to it carries."""

    def __init__(
        self, where: str, path: str, connect: Connect, headers: Mapping[str, str], seconds: float
    ) -> None:
        self._shown = where
        self.where = where.strip()
        """The endpoint as people are told of it."""
        self._path = path
        self._connect = connect
        self._headers = dict(headers)
        self._seconds = seconds

    def get(self, path: str) -> Answer:
        """Return the answer to a GET.

        Raises:
            SilentError: when nothing answers.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Return the answer to a POST of JSON, its events too where it asks for a stream.

        Raises:
            SilentError: when nothing answers.
        """
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        asked = f"{method} {self._shown}{path}"
        headers = {"Accept": "application/json", "User-Agent": "recipegen", **self._headers}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        began = time.monotonic()
        try:
            connection = self._connect()
            try:
                connection.request(method, self._path + path, data, headers)
                reply = connection.getresponse()
                streamed = body is not None and body.get("stream") is True
                answer = _read(reply, asked, began, self._seconds, streamed=streamed)
                return replace(answer, secrets=secrets(self._headers))
            finally:
                connection.close()
        except (OSError, HTTPException) as error:
            message, hint = _why(error)
            raise SilentError(Problem(SilentError.code, (), f"{asked}: {message}", hint)) from error


def secrets(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return what of the headers may not be shown, should a server repeat it: their long words."""
    return tuple(word for value in headers.values() for word in value.split() if len(word) >= LEAST_SECRET)


def by_url(url: str, headers: Mapping[str, str], seconds: float) -> Way:
    """Return the way to an endpoint by its URL; a `/v1` at its end is that of the API.

    Raises:
        UsageError: when it is no URL of http or https, or holds a password or a query.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not UNSPACED.fullmatch(url):
        hint = "such as http://127.0.0.1:8000 or https://models.example.com/team"
        raise UsageError(Problem("usage", (), f"--url is no address of http or https, got {show(url)}", hint))
    if parts.username is not None or parts.query or parts.fragment:
        hint = "a token is taken from a variable: --token-env VAR; other headers with --header"
        raise UsageError(Problem("usage", (), "--url takes no user, password, query or fragment", hint))
    path = parts.path.rstrip("/").removesuffix("/v1")
    # Letters of a host name that look like others show what they are.
    where = f"{parts.scheme}://{escape(parts.netloc)}{escape(path)}"

    def connect() -> HTTPConnection:
        # Asked directly: what a proxy of the user's answers proves nothing of the endpoint.
        if parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
        return HTTPConnection(host, port, timeout=seconds)

    return Way(where, path, connect, headers, seconds)


def _read(reply: HTTPResponse, asked: str, began: float, seconds: float, *, streamed: bool) -> Answer:
    pieces: list[tuple[float, str]] = []
    events = streamed and reply.headers.get_content_type() == "text/event-stream"
    body, seen = b"", 0
    while chunk := reply.read1(CHUNK):
        now = time.monotonic() - began
        if now > seconds:
            # Whoever sends a byte now and then would never run into the limit of the socket.
            raise TimeoutError
        body += chunk
        if len(body) > MOST_BYTES:
            words = f"longer than {MOST_BYTES // 2**20} MiB, which none of a few tokens is"
            raise ClusterError(Problem("endpoint-wrong", (), f"{asked}: the answer is {words}"))
        while events and (end := body.find(b"\n", seen)) >= 0:
            line, seen = body[seen:end], end + 1
            if line.startswith(b"data:"):
                pieces.append((now, line.removeprefix(b"data:").decode(errors="replace").strip()))
    if reply.length:
        # What `read1` leaves to its caller: the connection ended before the answer did.
        raise IncompleteRead(body, reply.length)
    location = reply.headers.get("Location", "") if reply.status in MOVED else ""
    return Answer(asked, reply.status, body, time.monotonic() - began, location, tuple(pieces))


# What went wrong on the way, in words, and what to do; the first row that fits.
WHY: tuple[tuple[type[Exception], str, str], ...] = (
    (
        TimeoutError,
        "no answer in time",
        "give it more time with --timeout; a first request may wait for kernels to be compiled",
    ),
    (
        ssl.SSLCertVerificationError,
        "its certificate is not trusted: {said}",
        "the URL has to have the certificate's name; SSL_CERT_FILE may name a file with who signed it",
    ),
    (ssl.SSLError, "TLS failed: {said}", "is it http, or another port?"),
    (
        socket.gaierror,
        "no such host",
        "is the name right, and known where this runs? Services have names inside their cluster alone",
    ),
    (
        ConnectionRefusedError,
        "nothing listens there",
        "is the port right? Without --url the frontend is reached through the cluster",
    ),
    (HTTPException, "what came is no whole HTTP answer: {said}", "is it https, or another port?"),
    (ConnectionError, "the connection was cut: {said}", "is it https, or another port?"),
    (OSError, "{said}", "is it reached from here?"),
)


def _why(error: Exception) -> tuple[str, str]:
    words, hint = next((words, hint) for kind, words, hint in WHY if isinstance(error, kind))
    said = getattr(error, "verify_message", "") or str(error) or type(error).__name__
    return words.format(said=escape(scrub(said)[:160])), hint
