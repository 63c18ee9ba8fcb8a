"""What a cluster answers, asked once each: objects, lists, reviews of rights. Nothing is stored there."""

import json
from dataclasses import dataclass
from typing import Any

from recipegen.cluster.client import Connection
from recipegen.cluster.findings import Unseen
from recipegen.cluster.plain import at, rows, text
from recipegen.cluster.wire import (
    FORBIDDEN,
    JSON,
    METADATA,
    MOST_OBJECTS,
    NOT_FOUND,
    OK,
    known,
    listed,
    reason,
)

CREATED = 201
LOGIN = (
    "log in again: the credential of this context is missing, wrong or has expired "
    "(its provider's command, such as `aws sso login`), then `kubectl auth whoami`"
)


@dataclass(frozen=True)
class Resource:
    """A kind as the API server serves it."""

    name: str
    """Its collection, such as `deployments`."""
    namespaced: bool


class Survey:
    """Looks into one cluster, and remembers."""

    def __init__(self, connection: Connection) -> None:
        """Take the way into the cluster."""
        self.connection = connection
        self._answers: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._reviews: dict[tuple[str, ...], bool | None] = {}
        self._unseen: dict[str, str] = {}

    @property
    def unseen(self) -> tuple[Unseen, ...]:
        """What could not be looked at, and why."""
        return tuple(Unseen(what, why) for what, why in self._unseen.items())

    def version(self) -> str:
        """Return the version of the API server, such as v1.36.2.

        Raises:
            NoAnswerError: when it does not answer.
        """
        return text(self.read("/version", "the server's version"), "gitVersion")

    def who(self) -> str:
        """Return whom the cluster takes us for; nothing where it does not say."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        return text(self._review(path, body), "status", "userInfo", "username")

    def read(self, path: str, what: str, accept: str = JSON) -> Any:
        """Return what stands at a path; None where nothing does, or where it could not be looked at.

        Raises:
            NoAnswerError: when the cluster does not answer, or does not know who asks.
        """
        if (path, accept) not in self._answers:
            self._answers[path, accept] = known(self.connection.get(path, accept))
        status, body = self._answers[path, accept]
        if status == OK:
            try:
                return json.loads(body)
            except ValueError:
                self.miss(what, "the API server's answer is no JSON")
        elif status != NOT_FOUND:
            self.miss(what, reason(status, body))
        return None

    def there(self, path: str, what: str) -> bool | None:
        """Return whether an object is there, without its content; None where it could not be looked at."""
        self.read(path, what, METADATA)
        status = self._answers[path, METADATA][0]
        return True if status == OK else False if status == NOT_FOUND else None

    def items(self, path: str, what: str, **query: str) -> list[dict[str, Any]]:
        """Return the objects of a collection, page by page; none where it could not be looked at."""
        found, whole = listed(lambda page: self.read(page, what), path, query)
        if not whole:
            self.miss(what, f"there are more than {MOST_OBJECTS}")
        return found

    def saw(self, what: str) -> bool:
        """Return whether everything of that name could be looked at so far."""
        return what not in self._unseen

    def miss(self, what: str, why: str) -> None:
        """Note that something could not be looked at."""
        self._unseen.setdefault(what, why)

    def versions(self, group: str) -> list[str]:
        """Return the versions in which a group is served; none where it is not."""
        found = self.read(f"/apis/{group}", "API groups")
        return [text(row, "version") for row in rows(found, "versions")]

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """Return how the server calls a kind; None where it does not serve it in that version."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        for row in rows(self.read(root, "API groups"), "resources"):
            if row.get("kind") == kind and "/" not in text(row, "name"):
                return Resource(text(row, "name"), row.get("namespaced") is True)
        return None

    def may(self, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> bool | None:
        """Return whether the one who asks has a right; None where the server does not say."""
        asked = (verb, group, resource, namespace, name)
        if asked not in self._reviews:
            attributes = dict(zip(("verb", "group", "resource", "namespace", "name"), asked, strict=True))
            body = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
            }
            answer = self._review("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
            allowed = at(answer, "status", "allowed")
            self._reviews[asked] = allowed if isinstance(allowed, bool) else None
        return self._reviews[asked]

    def send(self, method: str, path: str, item: Any, content: str = JSON) -> tuple[int, bytes]:
        """Return what the server answers to an object that it does not store.

        Raises:
            NoAnswerError: when the cluster does not answer, or does not know who asks.
        """
        return known(self.connection.send(method, path, json.dumps(item).encode(), content))

    def _review(self, path: str, body: dict[str, Any]) -> Any:
        status, answer = self.send("POST", path, body)
        if status == FORBIDDEN:
            self.miss("own rights", reason(status, answer))
        return json.loads(answer) if status == CREATED else None
