"""What fails on the way, what the command then says, and that the next apply heals it once the cause is gone.

helmfile takes a release for unchanged whose manifest is that of its last try, also where that try failed:
`apply` would leave it as it is and end well. So every release is `atomic`: a failed try is taken back, with
its manifest. That needs the right to delete; without it the release is stuck until `helm uninstall`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import recipes, tools
from lab.cluster import wait_until
from lab.site import CHANGED, FAILED, UNCHANGED, Site, condition, open_site
from lab.tools import Machine

CACHE = ("--set", "model.cache.enabled=true")
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
# All that helmfile and Helm need for the quickstart recipe, but for writing graphs and namespaces.
ENOUGH = [
    {"apiGroups": ["", "batch"], "resources": ["secrets", "configmaps", "jobs"], "verbs": ["*"]},
    {"apiGroups": ["nvidia.com"], "resources": ["dynamographdeployments"], "verbs": ["get", "list", "watch"]},
]
UNDO = {"apiGroups": ["nvidia.com"], "resources": ["dynamographdeployments"], "verbs": ["delete"]}
GRAPHS = {"apiGroups": ["nvidia.com"], "resources": ["dynamographdeployments"], "verbs": ["*"]}
NAMESPACES = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create", "patch"]}
User = Callable[[str], Machine]


@pytest.fixture(scope="module")
def fresh(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster on which nothing was ever installed; its operator brings the kind, once a test starts it."""
    with open_site(lab, tmp_path_factory.mktemp) as site:
        yield site


@pytest.fixture(scope="module")
def site(fresh: Site) -> Site:
    """The same with the platform, after all that can go wrong with that; no operator is running."""
    document = fresh.render("first", "--set", "platform.gate.timeoutSeconds=10")
    code, said = fresh.apply(document)
    assert code == FAILED
    assert "release dynamo-platform-ready failed, and has been uninstalled" in said
    fresh.operator.kinds_after = 2
    fresh.operator.answers_after = 1
    with fresh.operator.running():
        code, said = fresh.apply(document)
        assert code == CHANGED, said
        fresh.until_ready("first")
    fresh.operator.answers_after = 0
    return fresh


def test_an_operator_that_never_comes_fails_the_gate_and_one_that_comes_late_is_waited_for(
    site: Site,
) -> None:
    assert condition(site.graph("first"), "Ready") == "True"


@contextmanager
def absent(_site: Site, _namespace: str) -> Iterator[None]:
    """The operator is down, and the API server asks its webhook all the same."""
    yield


@contextmanager
def broken(site: Site, _namespace: str) -> Iterator[None]:
    """The operator's webhook fails."""
    site.operator.fails = True
    with site.operator.running():
        yield
    site.operator.fails = False


@contextmanager
def refused(site: Site, _namespace: str) -> Iterator[None]:
    """The operator's webhook takes no graph."""
    site.operator.refuses = "no graphs today"
    with site.operator.running():
        yield
    site.operator.refuses = ""


@contextmanager
def over_quota(site: Site, namespace: str) -> Iterator[None]:
    """The namespace may have no volume of this size."""
    with site.operator.running(), quota(site, namespace, {"requests.storage": "1Gi"}):
        yield


@contextmanager
def quota(site: Site, namespace: str, hard: dict[str, str]) -> Iterator[None]:
    """A namespace with a quota, which is lifted at the end of the block."""
    quotas = f"/api/v1/namespaces/{namespace}/resourcequotas"
    site.cluster.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    site.cluster.create(quotas, {"metadata": {"name": "small"}, "spec": {"hard": hard}})
    wait_until(lambda: "used" in site.cluster.items(quotas)[0].get("status", {}), "the quota is counted")
    yield
    site.cluster.request("DELETE", f"{quotas}/small")


Cause = Callable[[Site, str], AbstractContextManager[None]]
CAUSES: dict[str, tuple[Cause, tuple[str, ...], str]] = {
    "absent": (absent, (), 'failed calling webhook "graphs.operator.lab"'),
    "broken": (broken, (), "an error on the server"),
    "quota": (over_quota, CACHE, "exceeded quota: small, requested: requests.storage=100Gi"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_failure_names_its_cause_and_the_next_apply_heals_it(site: Site, cause: str) -> None:
    during, arguments, reason = CAUSES[cause]
    document = site.render(cause, "--without", "platform", *arguments)
    with during(site, cause):
        code, said = site.apply(document)

    assert code == FAILED
    assert reason in said
    assert f"failed processing release {recipes.GRAPH}" in said
    _heals(site, cause, document)


def test_a_failed_change_leaves_the_old_graph_and_the_next_apply_makes_the_new_one(site: Site) -> None:
    document = site.render("first", "--without", "platform", "--variant", "disagg")
    with refused(site, "first"):
        code, said = site.apply(document)

    assert code == FAILED
    assert "denied the request: no graphs today" in said
    assert _components(site, "first") == ["frontend", "worker"]
    _heals(site, "first", document)
    assert _components(site, "first") == ["frontend", "prefill", "decode"]


def test_pods_over_quota_come_by_themselves_once_there_is_room(site: Site) -> None:
    document = site.render("pods", "--without", "platform", "--with", "benchmark")
    with site.operator.running():
        with quota(site, "pods", {"pods": "0"}):
            code, said = site.apply(document)
            assert code == CHANGED, said
            wait_until(lambda: condition(site.graph("pods"), "Ready") == "False", "the graph is not ready")
        site.until_ready("pods")


def test_a_user_without_a_right_is_told_which_and_the_next_apply_heals_it(site: Site, user: User) -> None:
    document = site.render("ann", "--without", "platform")
    machine = user("ann")
    _grant(site, "ann", [*ENOUGH, UNDO])
    no_namespace = site.apply(document, machine)
    _grant(site, "ann", [*ENOUGH, UNDO, NAMESPACES])
    no_graph = site.apply(document, machine)
    _grant(site, "ann", [*ENOUGH, NAMESPACES, GRAPHS])

    assert (no_namespace[0], no_graph[0]) == (FAILED, FAILED)
    assert 'User "ann" cannot patch resource "namespaces"' in no_namespace[1]
    assert 'User "ann" cannot patch resource "dynamographdeployments"' in no_graph[1]
    _heals(site, "ann", document, machine)


def test_a_try_that_may_not_be_taken_back_is_said_and_takes_a_helm_uninstall(site: Site, user: User) -> None:
    document = site.render("bob", "--without", "platform")
    machine = user("bob")
    _grant(site, "bob", [*ENOUGH, NAMESPACES])
    code, said = site.apply(document, machine)
    _grant(site, "bob", [*ENOUGH, NAMESPACES, GRAPHS])
    again = site.apply(document, machine)

    assert code == FAILED
    assert f"failed to delete release: {recipes.GRAPH}" in said
    # The gap that is left: it ends well without the graph.
    assert (again[0], site.graph("bob")) == (CHANGED, None)
    machine.output(["helm", "uninstall", recipes.GRAPH, "--namespace", "bob"])
    _heals(site, "bob", document, machine)


@pytest.fixture
def user(site: Site, lab: Path, tmp_path: Path) -> User:
    """Makes the machine of somebody whose only rights are those that a test grants in a namespace."""

    def make(name: str) -> Machine:
        site.cluster.create("/api/v1/namespaces", {"metadata": {"name": name}})
        return tools.machine(tmp_path / "machine", lab, site.cluster.user(name))

    return make


def _heals(site: Site, namespace: str, document: str, machine: Machine | None = None) -> None:
    """The cause is gone: the next apply makes all of the recipe, and the one after that changes nothing."""
    with site.operator.running():
        code, said = site.apply(document, machine)
        assert code == CHANGED, said
        site.until_ready(namespace)
        assert site.apply(document, machine)[0] == UNCHANGED


def _components(site: Site, namespace: str) -> list[str]:
    return [each["name"] for each in site.graph(namespace)["spec"]["components"]]


def _grant(site: Site, name: str, rules: list[Any]) -> None:
    """Give a user exactly these rights in the namespace of that name, and wait until they are in force."""
    metadata = {"metadata": {"name": name}}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    place = f"{RBAC}/namespaces/{name}"
    site.cluster.request(
        "POST", f"{place}/rolebindings", {**metadata, "roleRef": role, "subjects": [subject]}
    )
    site.cluster.request("DELETE", f"{place}/roles/{name}")
    site.cluster.create(f"{place}/roles", {**metadata, "rules": rules})
    last = rules[-1]
    asked = {
        "namespace": name,
        "verb": last["verbs"][-1],
        "group": last["apiGroups"][0],
        "resource": last["resources"][0],
    }
    review = {"metadata": {}, "spec": {"user": name, "resourceAttributes": asked}}

    def granted() -> bool:
        return bool(site.cluster.request("POST", REVIEWS, review)[1]["status"]["allowed"])

    wait_until(granted, f"{name} may {asked}")
