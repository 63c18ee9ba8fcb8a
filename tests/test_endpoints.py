"""Endpoints: kinds and what they need, the graph's name, labels and annotations on every object."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import helm
from recipegen.compile import compile_plan
from recipegen.components import COMPONENTS
from recipegen.endpoints import graph_name
from recipegen.errors import RecipeError
from recipegen.recipe import Endpoint
from samples import MINIMAL, Object, plan_of

DEDICATED: dict[str, Any] = {
    "kind": "dedicated",
    "prefix": "dippy",
    "owner": "user-1",
    "labels": {"team": "search", "product": "chat"},
    "annotations": {"example.com/ticket": "A 1"},
}
# What every kind of customer's own endpoint has on its objects.
LABELS = {
    "recipegen/endpoint": "dedicated",
    "recipegen/prefix": "dippy",
    "recipegen/owner": "user-1",
    **DEDICATED["labels"],
}
ANNOTATIONS = {"recipegen/owner": "user-1", **DEDICATED["annotations"]}
# Every component that makes objects by itself; two of them are never on together.
SWITCHED: dict[str, Any] = {
    "gateway": {"enabled": True, "create": True, "gatewayClassName": "any"},
    "modelExpress": {"enabled": True},
    "ingestion": {"enabled": True, "target": {"bucket": "models", "secret": "store"}},
    "warmup": {"enabled": True, "placeholders": {"count": 1}},
    "scaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 4},
    "observability": {"enabled": True, "alerts": {"enabled": True}, "podMonitor": {"enabled": True}},
    "batch": {
        "enabled": True,
        "input": {"url": "http://files.example.com/in.jsonl"},
        "output": {"size": "1Gi"},
    },
    "troubleshooting": {"enabled": True, "clusterRead": True},
}
APART: dict[str, Any] = {
    "benchmark": {"enabled": True, "results": {"size": "1Gi"}},
    "faultInjection": {
        "enabled": True,
        "acknowledge": f"{MINIMAL['dynamoNamespace']}/dippy-qwen",
        "allowedNamespaces": [MINIMAL["dynamoNamespace"]],
        "experiments": [{"name": "load-storage"}],
    },
}


def objects(endpoint: dict[str, Any], **more: Any) -> list[Object]:
    """All objects of a recipe but the operator's own, which is no endpoint's."""
    plan = plan_of({**MINIMAL, **more, "endpoint": endpoint})
    releases = [r for r in compile_plan(plan).releases if r.installed and r.labels["component"] != "platform"]
    return [item for release in releases for item in helm.objects(release)]


@pytest.mark.parametrize("one", APART)
def test_t21_labels_and_annotations_are_on_every_object(one: str) -> None:
    model = {**MINIMAL["model"], "cache": {"enabled": True}}
    items = objects(DEDICATED, model=model, **SWITCHED, **{one: APART[one]})

    others = {component.chart for component in COMPONENTS if component.key not in {*APART} - {one}}
    assert {item["metadata"]["labels"]["app.kubernetes.io/name"] for item in items} == others
    for item in items:
        name = f"{item['kind']} {item['metadata']['name']}"
        assert item["metadata"]["labels"].items() >= LABELS.items(), name
        assert item["metadata"]["annotations"].items() >= ANNOTATIONS.items(), name
        for pods in templates(item):
            assert pods["metadata"]["labels"].items() >= LABELS.items(), f"pods of {name}"


def templates(item: Any) -> Iterator[Any]:
    """Every template of pods in an object."""
    for key, inner in item.items() if isinstance(item, dict) else enumerate(item):
        if key in ("template", "podTemplate") and "spec" in inner:
            yield inner
        elif isinstance(inner, dict | list):
            yield from templates(inner)


def test_t21_the_pods_of_the_graph_carry_them_too() -> None:
    (graph,) = (item for item in objects(DEDICATED) if item["kind"] == "DynamoGraphDeployment")

    for component in graph["spec"]["components"]:
        metadata = component["podTemplate"]["metadata"]
        assert metadata["labels"]["recipegen/owner"] == "user-1"
        assert metadata["annotations"]["recipegen/owner"] == "user-1"


def test_t21_an_address_is_an_annotation_alone() -> None:
    for item in objects({**DEDICATED, "owner": "a.b@example.com"}):
        assert "recipegen/owner" not in item["metadata"]["labels"]
        assert item["metadata"]["annotations"]["recipegen/owner"] == "a.b@example.com"


@pytest.mark.parametrize("kind", ["dedicated", "reserved"])
@pytest.mark.parametrize("missing", ["prefix", "owner"])
def test_t21_a_customers_endpoint_needs_prefix_and_owner(kind: str, missing: str) -> None:
    endpoint = {key: value for key, value in DEDICATED.items() if key != missing}

    with pytest.raises(RecipeError) as raised:
        plan_of({**MINIMAL, "endpoint": {**endpoint, "kind": kind}})

    assert [problem.path for problem in raised.value.problems] == [("endpoint", missing)]


def test_t02_a_serverless_endpoint_has_neither() -> None:
    with pytest.raises(RecipeError) as raised:
        plan_of({**MINIMAL, "endpoint": {**DEDICATED, "kind": "serverless"}})

    assert {problem.code for problem in raised.value.problems} == {"endpoint-for-all"}
    assert len(raised.value.problems) == 2


def test_t03_a_serverless_endpoint_is_called_like_its_recipe_and_a_customers_begins_with_the_prefix() -> None:
    assert plan_of({**MINIMAL, "endpoint": {"kind": "serverless"}}, "qwen").graph == "qwen"
    assert plan_of({**MINIMAL, "endpoint": DEDICATED}, "qwen").graph == "dippy-qwen"
    assert plan_of({**MINIMAL, "endpoint": DEDICATED}, "dippy-qwen").graph == "dippy-qwen"


@given(
    st.from_regex(r"[A-Za-z0-9._-]{1,30}", fullmatch=True), st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)
)
def test_a_name_with_its_prefix_stays_as_it_is(name: str, prefix: str) -> None:
    endpoint = Endpoint.model_validate({"kind": "dedicated", "prefix": prefix, "owner": "a"})
    once = graph_name(name, endpoint)

    assert once.startswith(f"{prefix}-")
    assert graph_name(once, endpoint) == once.strip("-") or once == f"{prefix}-"


def test_a_recipe_without_an_endpoint_has_none_of_it() -> None:
    plan = plan_of(MINIMAL)

    assert not {"labels", "annotations"} & plan.shared.keys()
