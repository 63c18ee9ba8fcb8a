"""All components of one recipe together: they name each other alike, and none depends on another's switch."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipegen import facts, yamlio
from recipegen.cluster import shapes
from recipegen.cluster.scene import paths_for, role_of
from recipegen.components import COMPONENTS, MODEL
from recipegen.resolve import Plan
from recipegen.rules import hardware
from samples import Object, helmfile, leaves, objects, plan_of, releases

NAME, NAMESPACE, MODEL_NAME, SECRET = "Some.Model_7b", "team-a", "Org/Some-Model-7B", "hub-token"
GRAPH = "some-model-7b"
# What clients ask for.
SERVED = "Org/Some-Model"
# What switches each component on, and has as much in it as there can be.
ON: dict[str, Any] = {
    "modelExpress": {"enabled": True},
    "gateway": {"enabled": True, "create": True, "gatewayClassName": "any"},
    "observability": {"enabled": True, "alerts": {"enabled": True}, "podMonitor": {"enabled": True}},
    "benchmark": {"enabled": True, "results": {"size": "1Gi"}},
    "batch": {
        "enabled": True,
        "input": {"url": "http://files.example.com/in.jsonl"},
        "output": {"size": "1Gi"},
        "queue": "night",
    },
    "ingestion": {"enabled": True, "target": {"bucket": "models", "secret": "store"}},
    "warmup": {"enabled": True, "placeholders": {"count": 1}},
    "scaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 4},
    "troubleshooting": {"enabled": True},
    "faultInjection": {
        "enabled": True,
        "acknowledge": f"{NAMESPACE}/{GRAPH}",
        "allowedNamespaces": [NAMESPACE],
        "experiments": [{"name": "kill-decode"}, {"name": "partition"}, {"name": "load-storage"}],
    },
}
BASE: dict[str, Any] = {
    "dynamoNamespace": NAMESPACE,
    "model": {
        "name": MODEL_NAME,
        "servedName": SERVED,
        "disaggregation": True,
        "routingPolicy": "kv",
        "cache": {"enabled": True},
        "huggingFaceTokenSecret": SECRET,
    },
}
# A benchmark and faults at the same time would measure each other, so they are never on together.
APART = ("benchmark", "faultInjection")


def plan(*switched_on: str, **more: Any) -> Plan:
    return plan_of({**BASE, **{key: ON[key] for key in switched_on}, **more}, NAME)


@pytest.fixture(scope="module")
def everything() -> dict[str, list[Object]]:
    """The objects of every component, by its block."""
    charts = {component.chart: component.key for component in COMPONENTS}
    found: dict[str, list[Object]] = {}
    for left_out in APART:
        switched_on = [key for key in ON if key != left_out]
        for chart, release in releases(plan(*switched_on)).items():
            found[charts[chart]] = objects(release)
    return found


def texts(items: list[Object]) -> Iterator[str]:
    """Every text in objects, and what is inside those that are JSON."""
    for _, value in leaves(items):
        if isinstance(value, str):
            yield value
            if value[:1] in "{[":
                yield from texts([json.loads(value)])


def one(items: list[Object], kind: str) -> Object:
    (found,) = [item for item in items if item["kind"] == kind]
    return found


def pods(items: list[Object]) -> Iterator[Object]:
    """Every pod template, with its labels."""
    for item in items:
        if item["kind"] == "DynamoGraphDeployment":
            yield from (component["podTemplate"] for component in item["spec"]["components"])
        elif item["kind"] in ("Deployment", "Job"):
            yield item["spec"]["template"]


def containers(items: list[Object]) -> Iterator[Object]:
    for pod in pods(items):
        yield from (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"])


def environment(items: list[Object]) -> dict[str, str]:
    """The variables of all containers that have a text."""
    return {v["name"]: v["value"] for c in containers(items) for v in c.get("env", []) if "value" in v}


def test_every_component_is_in_this_test() -> None:
    assert {component.key for component in COMPONENTS if component is not MODEL} == ON.keys()


def test_all_names_begin_with_the_graphs_and_all_labels_say_it(everything: dict[str, list[Object]]) -> None:
    for item in itertools.chain(*everything.values()):
        # That of a PriorityClass, one of a cluster, may not begin with `system-`, as a graph's may.
        own = f"placeholder.{NAMESPACE}.{GRAPH}" if item["kind"] == "PriorityClass" else GRAPH
        assert item["metadata"]["name"].startswith(own)
        assert item["metadata"]["labels"]["app.kubernetes.io/instance"] == GRAPH


def test_whoever_asks_the_model_asks_the_frontends_service(everything: dict[str, list[Object]]) -> None:
    graph = one(everything["model"], "DynamoGraphDeployment")
    frontend = f"{graph['metadata']['name']}-{graph['spec']['components'][0]['name']}"
    (rule,) = one(everything["gateway"], "HTTPRoute")["spec"]["rules"]

    assert rule["backendRefs"] == [{"name": frontend, "port": 8000}]
    assert environment(everything["benchmark"])["URL"] == f"http://{frontend}:8000"
    assert environment(everything["faultInjection"])["URL"] == f"http://{frontend}:8000"


def test_all_ask_for_the_model_by_the_name_that_workers_serve(everything: dict[str, list[Object]]) -> None:
    served = {
        container["args"][container["args"].index("--served-model-name") + 1]
        for container in containers(everything["model"])
        if "--served-model-name" in container.get("args", [])
    }
    (rule,) = one(everything["gateway"], "HTTPRoute")["spec"]["rules"]
    (header,) = rule["matches"][0]["headers"]

    assert served == {SERVED}
    assert header["value"] == SERVED
    assert environment(everything["benchmark"])["MODEL"] == SERVED
    assert json.loads(environment(everything["faultInjection"])["SETTINGS"])["model"] == SERVED
    # A tokenizer is found by the id alone.
    assert environment(everything["benchmark"])["TOKENIZER"] == MODEL_NAME


def test_all_know_the_dynamo_namespace_that_the_operator_computes(
    everything: dict[str, list[Object]],
) -> None:
    computed = f"{NAMESPACE}-{GRAPH}"
    boards = [json.loads(text) for text in one(everything["observability"], "ConfigMap")["data"].values()]
    variables = [
        v["query"] for b in boards for v in b["templating"]["list"] if v["name"] == "dynamo_namespace"
    ]
    rules = one(everything["observability"], "PrometheusRule")["spec"]["groups"]
    asked = {
        found
        for group in rules
        for rule in group["rules"]
        for found in re.findall(r'dynamo_namespace=~?"([^"]*)"', rule["expr"])
    }

    assert variables
    assert asked
    assert all(re.fullmatch(query, computed) for query in variables)
    assert all(re.fullmatch(pattern, computed) for pattern in asked)
    assert not any(re.fullmatch(pattern, f"{computed}-2") for pattern in (*variables, *asked))
    assert environment(everything["troubleshooting"])["DYNAMO_NAMESPACE"] == computed


def test_workers_load_from_the_model_express_service(everything: dict[str, list[Object]]) -> None:
    service = one(everything["modelExpress"], "Service")
    (template,) = pods(everything["modelExpress"])
    port = next(p for p in service["spec"]["ports"] if p["port"] == 8001)

    assert (
        environment(everything["model"])["MODEL_EXPRESS_URL"] == f"http://{service['metadata']['name']}:8001"
    )
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert port.get("targetPort", 8001) in {
        value for p in template["spec"]["containers"][0]["ports"] for value in (p["containerPort"], p["name"])
    }


def test_what_a_pod_refers_to_is_there(everything: dict[str, list[Object]]) -> None:
    every = [*itertools.chain(*everything.values())]
    there = {(item["kind"], item["metadata"]["name"]) for item in every}
    needed = set()
    for pod in pods(every):
        for volume in pod["spec"].get("volumes", []):
            if "configMap" in volume:
                needed.add(("ConfigMap", volume["configMap"]["name"]))
            if "persistentVolumeClaim" in volume:
                needed.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
        if "serviceAccountName" in pod["spec"]:
            needed.add(("ServiceAccount", pod["spec"]["serviceAccountName"]))
    for item in every:
        if item["kind"] == "RoleBinding":
            needed.add((item["roleRef"]["kind"], item["roleRef"]["name"]))
            needed |= {(s["kind"], s["name"]) for s in item["subjects"]}

    assert needed <= there
    assert {kind for kind, _ in needed} == {"ConfigMap", "PersistentVolumeClaim", "Role", "ServiceAccount"}


def test_one_secret_has_the_token_for_all(everything: dict[str, list[Object]]) -> None:
    secrets = {
        source["secretRef"]["name"]
        for container in containers([*itertools.chain(*everything.values())])
        for source in container.get("envFrom", [])
    }

    # The store of an ingestion has keys of its own.
    assert secrets - {"store"} == {SECRET}
    assert environment(everything["troubleshooting"])["TOKEN_SECRET"] == SECRET


def test_every_image_is_dynamos_own_or_in_the_table(everything: dict[str, list[Object]]) -> None:
    images = {container["image"] for container in containers([*itertools.chain(*everything.values())])}
    own = plan().recipe.model.backend

    assert {image for image in images if not image.startswith(f"{own.registry}/vllm-runtime:")} <= set(
        facts.images().values()
    )


def test_the_doctor_knows_the_block_of_every_pod(everything: dict[str, list[Object]]) -> None:
    for key, items in everything.items():
        for pod in pods(items if key != "model" else []):
            path = paths_for(("model.{role}.resources",), role_of(pod))

            assert path == (key,)


SWITCHES = st.sets(st.sampled_from(sorted(ON)))


@given(SWITCHES, st.sampled_from(sorted(ON)))
@settings(max_examples=60, deadline=None)
def test_a_switch_changes_its_own_release_alone(others: set[str], key: str) -> None:
    others -= {key}
    if key in APART:
        others -= {*APART}
    if others >= {*APART}:
        others -= {APART[0]}
    off, on = (
        {entry["name"]: yamlio.write(entry) for entry in helmfile(made)["releases"]}
        for made in (plan(*others), plan(*others, key))
    )
    component = next(c for c in COMPONENTS if c.key == key)
    own = {GRAPH + component.suffix}
    # The graph waits for what comes before it, and is told where its weights are and who scales its roles.
    own |= {GRAPH} if key in MODEL.needs or key == "scaling" else set()
    if key == "scaling":
        # With another number of workers the graph is another one to measure, and its size is nobody's to say.
        own |= {f"{GRAPH}-benchmark"} & {name for name, entry in on.items() if "enabled: true" in entry}
        off, on = (
            {name: re.sub('modelDigest: "[^"]*"', "", text) for name, text in made.items()}
            for made in (off, on)
        )

    assert on.keys() == off.keys()
    assert {name for name in on if on[name] != off[name]} == own


def test_a_platform_that_is_there_changes_nothing_but_what_is_waited_for() -> None:
    def entries(**platform: Any) -> dict[str, Any]:
        document = helmfile(plan(*(key for key in ON if key != "benchmark"), platform=platform))
        return {entry["name"]: {**entry, "needs": None} for entry in document["releases"]}

    brought, there = entries(install=True), entries(install=False)

    assert brought.keys() - there.keys() == {"dynamo-platform", "dynamo-platform-ready"}
    assert {name: brought[name] for name in there} == there


def test_a_diagnosis_tells_gpu_types_apart_by_the_label_that_workers_are_placed_by() -> None:
    # The Job's modules have no recipegen beside them, so the label stands in both.
    assert set(hardware.NODE_LABELS.values()) == shapes.NODE_LABELS
    assert hardware.NODE_LABELS["gpu-operator"] == shapes.GPU_LABEL
