"""Endpoints: kinds and what they need, the graph's name, labels and annotations on every object."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipegen import helm
from recipegen.compile import compile_plan
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
# Every component that makes objects by itself.
SWITCHED: dict[str, Any] = {
    "gateway": {"enabled": True, "create": True, "gatewayClassName": "any"},
    "modelExpress": {"enabled": True},
    "observability": {"enabled": True, "alerts": {"enabled": True}, "podMonitor": {"enabled": True}},
    "benchmark": {"enabled": True, "results": {"size": "1Gi"}},
    "troubleshooting": {"enabled": True, "clusterRead": True},
}


def objects(endpoint: dict[str, Any], **more: Any) -> list[Object]:
    """All objects of a recipe but the operator's own, which is no endpoint's."""
    plan = plan_of({**MINIMAL, **more, "endpoint": endpoint})
    releases = [r for r in compile_plan(plan).releases if r.installed and r.labels["component"] != "platform"]
    return [item for release in releases for item in helm.objects(release)]


def test_t21_labels_and_annotations_are_on_every_object() -> None:
    model = {**MINIMAL["model"], "cache": {"enabled": True}}
    items = objects(DEDICATED, model=model, **SWITCHED)
    labels = {"recipegen/endpoint": "dedicated", "recipegen/prefix": "dippy", "recipegen/owner": "user-1"}
    labels |= DEDICATED["labels"]
    annotations = {"recipegen/owner": "user-1", "recipegen/model": "Qwen/Qwen3-0.6B"} | DEDICATED[
        "annotations"
    ]

    assert len({item["kind"] for item in items}) > 10
    for item in items:
        name = f"{item['kind']} {item['metadata']['name']}"
        assert item["metadata"]["labels"].items() >= labels.items(), name
        assert item["metadata"]["annotations"].items() >= annotations.items(), name


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
