"""A recipe where pods run, on paper, and an operator works: what becomes of it, what repeats, what goes."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import recipes
from lab.cluster import wait_until
from lab.site import CHANGED, UNCHANGED, Site, condition, open_site
from recipegen.components import COMPONENTS, MODEL

# Every switch of a component, by its chart: what turns it on, what turns it off. A new one is a line here.
COMPONENT_SWITCHES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "gateway": (("--set", "gateway={enabled: true, create: true, gatewayClassName: lab}"), ()),
    "model-express": (("--with", "modelExpress"), ()),
    "metrics": ((), ("--without", "observability")),
    "troubleshooting": (("--with", "troubleshooting"), ()),
    "benchmark": (("--with", "benchmark"), ()),
    "batch": (
        ("--set", "batch={enabled: true, input: {url: 'http://files/in.jsonl'}, output: {size: 1Gi}}"),
        (),
    ),
    "warmup": (("--with", "warmup"), ()),
    "ingestion": (("--set", "ingestion={enabled: true, target: {bucket: models, secret: s3}}"), ()),
}
# A component that is never on beside another one, and what it takes.
APART = {
    "fault-injection": (
        *("--with", "faultInjection", "--set", f"faultInjection.acknowledge=apart/{recipes.GRAPH}"),
        *("--set", "faultInjection.allowedNamespaces=[apart]"),
        *("--set", "faultInjection.experiments=[{name: kill-worker}]"),
    ),
    # Replicas and autoscaler never stand side by side.
    "scaling": (
        *("--set", "model.worker=null"),
        *("--set", "scaling={enabled: true, minReplicas: 2, maxReplicas: 4}"),
    ),
}
SWITCHES = {**COMPONENT_SWITCHES, "cache": (("--set", "model.cache.enabled=true"), ())}
EVERYTHING = tuple(itertools.chain.from_iterable(on for on, _ in SWITCHES.values()))
H100 = ("--set", "hardware.gpu=h100-sxm-80gb")
LABEL = "nvidia.com/dynamo-graph-deployment-name"
# The cluster gives it to each namespace.
OF_THE_NAMESPACE = {("ServiceAccount", "default")}


@pytest.fixture(scope="module")
def site(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster with an operator at work, which brings the kind itself."""
    with open_site(lab, tmp_path_factory.mktemp) as site, site.operator.running():
        yield site


@pytest.fixture(scope="module")
def applied(site: Site) -> Site:
    """The same, with everything that a recipe can have applied once in namespace `whole`."""
    _apply(site, "whole", site.render("whole", *EVERYTHING))
    return site


def test_the_graph_becomes_ready_and_every_job_finishes(applied: Site) -> None:
    ready = {
        each["metadata"]["name"]: each["status"].get("readyReplicas")
        for each in _objects(applied, "Deployment", "whole")
    }
    jobs = [each["status"].get("succeeded") for each in _objects(applied, "Job", "whole")]

    assert condition(applied.graph("whole"), "Ready") == "True"
    assert ready.items() >= {f"{recipes.GRAPH}-frontend": 1, f"{recipes.GRAPH}-worker": 2}.items()
    assert None not in ready.values()
    assert set(jobs) == {1}


def test_the_platforms_gate_has_waited_for_the_webhook(applied: Site) -> None:
    (gate,) = _objects(applied, "Job", "dynamo-system")

    assert gate["status"]["succeeded"] == 1


def test_every_claim_is_bound(applied: Site) -> None:
    phases = {each["status"]["phase"] for each in _objects(applied, "PersistentVolumeClaim", "whole")}

    assert phases == {"Bound"}


def test_pods_carry_the_labels_that_dashboards_select_by(applied: Site) -> None:
    pods = [each for each in _objects(applied, "Pod", "whole") if LABEL in each["metadata"]["labels"]]
    spaces = {each["metadata"]["labels"]["nvidia.com/dynamo-namespace"] for each in pods}

    assert len(pods) == 3
    assert spaces == {f"whole-{recipes.GRAPH}"}


def test_applied_again_and_again_nothing_changes(applied: Site) -> None:
    document = applied.render("whole", *EVERYTHING)
    before = recipes.versions(applied.cluster, "whole"), recipes.revisions(applied.machine)
    answers = [applied.apply(document) for _ in range(2)]

    assert [code for code, _ in answers] == [UNCHANGED, UNCHANGED], answers
    assert (recipes.versions(applied.cluster, "whole"), recipes.revisions(applied.machine)) == before


def test_every_component_has_its_switch_tried() -> None:
    assert {
        each.chart for each in COMPONENTS if each is not MODEL
    } == COMPONENT_SWITCHES.keys() | APART.keys()


def test_one_switch_after_the_other_takes_its_own_objects_and_all_come_back(applied: Site) -> None:
    arguments = {switch: on for switch, (on, _) in SWITCHES.items()}
    objects = recipes.manifests(applied.machine, _document(applied, arguments))
    before, kept = recipes.names(objects), recipes.kept(objects)
    for switch, (_, off) in SWITCHES.items():
        arguments[switch] = off
        document = _document(applied, arguments)
        expected = _expected(applied, document)
        _apply(applied, "whole", document)

        assert before - expected != set(), switch
        there = recipes.live(applied.cluster, "whole").keys() & (before | expected)
        assert there == expected | (kept & before), switch
        before = expected
    everything = _document(applied, {switch: on for switch, (on, _) in SWITCHES.items()})
    _apply(applied, "whole", everything)

    assert recipes.live(applied.cluster, "whole").keys() >= _expected(applied, everything)


@pytest.mark.parametrize("switch", APART)
def test_a_component_that_is_alone_comes_and_goes(site: Site, switch: str) -> None:
    without, on = (site.render("apart", *arguments) for arguments in ((), APART[switch]))
    # Another component that was alone before has left it as it is here.
    code, said = site.apply(without)
    assert code in (CHANGED, UNCHANGED), said
    site.until_ready("apart")
    before = recipes.live(site.cluster, "apart").keys()
    _apply(site, "apart", on)
    assert recipes.live(site.cluster, "apart").keys() >= _expected(site, on)
    assert site.apply(on)[0] == UNCHANGED
    _apply(site, "apart", without)

    assert recipes.live(site.cluster, "apart").keys() & _expected(site, on) <= before


def test_a_gpu_of_the_recipe_gets_its_pods_behind_the_taint_of_such_nodes(site: Site) -> None:
    _apply(site, "tainted", site.render("tainted", *H100))
    workers = [
        each for each in _objects(site, "Pod", "tainted") if each["spec"]["containers"][0].get("resources")
    ]

    assert [each["spec"]["nodeName"] for each in workers] == ["h100-0", "h100-0"]


def test_destroy_leaves_nothing_but_kept_claims_and_kinds(applied: Site) -> None:
    document = applied.render("whole", *EVERYTHING)
    destroy = ["helmfile", "-f", "-", "destroy", "-l", f"recipe={recipes.GRAPH}"]
    kept = recipes.kept(recipes.manifests(applied.machine, document))
    applied.machine.output(destroy, stdin=document)
    wait_until(
        lambda: recipes.live(applied.cluster, "whole").keys() == kept | OF_THE_NAMESPACE,
        f"{kept} is all that is left",
        seconds=20,
    )

    assert recipes.graphs(applied.cluster, "whole") is not None


def _document(site: Site, arguments: dict[str, tuple[str, ...]]) -> str:
    """The document of a recipe with its switches as given; the platform, which is there, is left alone."""
    return site.render("whole", "--without", "platform", *itertools.chain.from_iterable(arguments.values()))


def _expected(site: Site, document: str) -> set[recipes.Name]:
    """The objects that a recipe's releases render to."""
    return recipes.names(recipes.manifests(site.machine, document))


def _apply(site: Site, namespace: str, document: str) -> None:
    code, said = site.apply(document)
    assert code == CHANGED, said
    site.until_ready(namespace)


def _objects(site: Site, kind: str, namespace: str) -> list[Any]:
    paths = [path for found, path in site.cluster.kinds(namespace) if found == kind]
    return [each for path in paths for each in site.cluster.items(path)]
