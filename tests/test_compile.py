"""Stage 4: releases, what they need, and that both forms of a recipe are one tree."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conftest import ROOT
from recipegen import __version__, catalog, pipeline, schema, yamlio
from recipegen.compile import Release, compile_plan
from recipegen.components import COMPONENTS
from recipegen.document import from_set
from recipegen.errors import RecipeError, ToolError
from recipegen.language import key_names
from recipegen.platform_values import upstream_values
from recipegen.recipe import Engine
from recipegen.resolve import Plan
from recipegen.roles import engine_of
from recipegen.targets import TARGETS
from samples import (
    CONFIG_KEYS,
    MINIMAL,
    PLAIN,
    PROPOSAL,
    TEXTS,
    Object,
    catalog_plans,
    helmfile,
    leaves,
    objects,
    plan_of,
    recipes,
    releases,
    through_the_parent,
)

CATALOG = catalog_plans()
EVERYTHING = {
    **MINIMAL,
    "gateway": {"enabled": True, "name": "inference-gateway"},
    **{key: {"enabled": True} for key in ("benchmark", "observability", "modelExpress", "troubleshooting")},
}
# Not together with a benchmark, which would measure them.
FAULTS = {
    "enabled": True,
    "acknowledge": "qwen/qwen",
    "allowedNamespaces": ["qwen"],
    "experiments": [{"name": "kill-worker"}, {"name": "take-node", "node": "node-1"}],
}
CACHED = {**EVERYTHING, "model": {**MINIMAL["model"], "cache": {"enabled": True}, "routingPolicy": "kv"}}
BATCH = {
    "enabled": True,
    "input": {"url": "http://files.example.com/in.jsonl"},
    "output": {"size": "1Gi"},
    "queue": "night",
}
BATCHES: dict[str, dict[str, Any]] = {"batch": {}, "batch-by-a-schedule": {"schedule": "@daily"}}
CASES = [*sorted(path.name for path in (ROOT / "tests/golden").iterdir()), *BATCHES]
# One value of each engine field.
ENGINE = {
    **dict.fromkeys(["tensorParallel", "pipelineParallel", "dataParallel", "expertParallel"], 1),
    **dict.fromkeys(["maxModelLen", "maxNumSeqs", "maxNumBatchedTokens", "blockSize"], 32),
    **dict.fromkeys(["toolCallParser", "reasoningParser"], "qwen3"),
    "kvCacheDtype": "auto",
    **dict.fromkeys(["prefixCaching", "trustRemoteCode"], False),
    "gpuMemoryUtilization": 0.9,
    "args": ["--dyn-default-thinking-mode", "enabled"],
}
PROFILE = {
    "install": True,
    "version": "1.6.0",
    "namespace": "dynamo",
    "values": {"webhook": {"enabled": True}},
}


def with_sets(*expressions: str, name: str = "qwen-0.6b") -> Plan:
    return pipeline.plan(name, None, [from_set(expression) for expression in expressions])


def entries(plan: Plan) -> dict[str, str]:
    """Text of each release in the helmfile document, by name."""
    return {entry["name"]: yamlio.write(entry) for entry in helmfile(plan)["releases"]}


# ---- two forms, one tree ------------------------------------------------------------------------


@pytest.mark.parametrize("name", CATALOG)
def test_parent_chart_and_releases_give_the_catalogs_objects_alike(name: str) -> None:
    plan = CATALOG[name]
    values = yaml.safe_load(TARGETS["values"](plan, compile_plan(plan)))

    assert through_the_parent(plan, values) == objects(*releases(plan).values())


def test_parent_chart_and_releases_break_a_graph_alike() -> None:
    plan = plan_of({**CACHED, "benchmark": {}, "faultInjection": FAULTS})
    values = yaml.safe_load(TARGETS["values"](plan, compile_plan(plan)))

    assert through_the_parent(plan, values) == objects(*releases(plan).values())


def case(name: str) -> Plan:
    """The plan of a golden case, or of a batch."""
    if name in BATCHES:
        return plan_of({**MINIMAL, "endpoint": {"kind": "batch"}, "batch": {**BATCH, **BATCHES[name]}})
    folder = ROOT / "tests/golden" / name
    patches = [yamlio.read_file(path, path.name) for path in sorted(folder.glob("patch*.yaml"))]
    return pipeline.plan(str(folder / "recipe.yaml"), None, patches)


@pytest.mark.parametrize("name", CASES)
def test_parent_chart_and_releases_give_a_cases_objects_alike(name: str) -> None:
    plan = case(name)
    values = yaml.safe_load(TARGETS["values"](plan, compile_plan(plan)))

    assert through_the_parent(plan, values) == objects(*releases(plan).values())


def test_cases_have_every_block_that_becomes_objects() -> None:
    switched_on = [case(name).recipe for name in CASES]

    assert [each.key for each in COMPONENTS if not any(map(each.enabled, switched_on))] == []
    assert any(recipe.endpoint for recipe in switched_on)


PRINT = """\
import json, sys
from recipegen import pipeline, yamlio
from recipegen.compile import compile_plan
from recipegen.targets import TARGETS
from pathlib import Path
for folder in map(Path, json.loads(sys.argv[1])):
    patches = [yamlio.read_file(path, path.name) for path in sorted(folder.glob("patch*.yaml"))]
    plan = pipeline.plan(str(folder / "recipe.yaml"), None, patches)
    for target in ("helmfile", "values"):
        print(TARGETS[target](plan, compile_plan(plan)))
"""


def test_the_same_bytes_come_from_any_order_of_hashes() -> None:
    folders = json.dumps([str(ROOT / "tests/golden" / name) for name in CASES if name not in BATCHES])
    first, second = (
        subprocess.run(
            [sys.executable, "-c", PRINT, folders],
            env={"PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    )

    assert first == second
    assert first.count(b"releases:") == len(CASES) - len(BATCHES)


@given(recipes())
@settings(max_examples=25, deadline=None)
def test_parent_chart_and_releases_give_the_same_objects(data: dict[str, Any]) -> None:
    plan = plan_of(data)
    values = yaml.safe_load(TARGETS["values"](plan, compile_plan(plan)))

    assert through_the_parent(plan, values) == objects(*releases(plan).values())


def but_the_benchmark(items: list[Object]) -> list[Object]:
    """The objects without the Job whose model, in a raw recipe, the frontend tells."""
    return [item for item in items if item["metadata"]["labels"]["app.kubernetes.io/name"] != "benchmark"]


def with_the_plans_dashboards(raw: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """The recipe with the dashboards that show something: in Helm their chart does not see the model."""
    dashboards = plan.tree["observability"]["dashboards"]
    return {**raw, "observability": {**raw.get("observability", {}), "dashboards": dashboards}}


@pytest.mark.parametrize("name", ["qwen-0.6b", str(PROPOSAL)], ids=["qwen-0.6b", "the proposal"])
def test_a_recipe_file_is_a_values_file(name: str) -> None:
    plan = pipeline.plan(name)
    raw = yaml.safe_load((catalog.find(name) or PROPOSAL).read_text())
    by_helm = through_the_parent(plan, with_the_plans_dashboards(raw, plan))
    by_recipegen = objects(*releases(plan).values())

    assert but_the_benchmark(by_helm) == but_the_benchmark(by_recipegen)
    assert [item["kind"] for item in by_helm] == [item["kind"] for item in by_recipegen]


@pytest.mark.parametrize("data", [MINIMAL, EVERYTHING, CACHED], ids=["minimal", "everything", "cached"])
def test_a_raw_recipe_in_helm_lacks_what_benchmark_and_dashboards_know_of_the_model_alone(
    data: dict[str, Any],
) -> None:
    plan = plan_of(data)
    known = {key: plan.shared[key] for key in ("model", "modelDigest")}
    gpus = {key: value for key, value in plan.tree["benchmark"].items() if key == "gpus"}
    # The address of a Model Express server crosses blocks too, so plain Helm refuses the recipe without it.
    address = {"modelExpressUrl": plan.recipe.model.model_express_url}
    raw = {
        **with_the_plans_dashboards(data, plan),
        "model": {**data["model"], **address},
        "benchmark": {**data.get("benchmark", {}), **gpus},
        "global": known,
    }

    assert through_the_parent(plan, raw) == objects(*releases(plan).values())


def by_both(model: dict[str, Any]) -> tuple[list[Object] | None, list[Object] | None]:
    """The objects of a model block as it is, and as recipegen compiles it; None where it is refused."""
    block = {**MINIMAL["model"], **model}
    try:
        raw = objects(Release("qwen", "qwen", str(catalog.charts() / "stack/charts/model"), {}, block))
    except ToolError:
        raw = None
    try:
        compiled = objects(releases(plan_of({**MINIMAL, "model": block}))["model"])
    except RecipeError:
        compiled = None
    return raw, compiled


VERSIONS = st.from_regex(
    r"v?(1\.6\.[012]|[0-9]{1,2}\.[0-9]\.[0-9])([-.][A-Za-z0-9_.-]{0,5})?", fullmatch=True
)
TAGS = VERSIONS | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}", fullmatch=True)
HOSTS = st.sampled_from(["", "registry.example.com/", "localhost:5000/", "10.0.0.1:5000/team/"])
DIGESTS = st.sampled_from(["", f"@sha256:{'0' * 64}"])


@given(HOSTS, st.sampled_from(["mine", "1.6.0", "a/b__c.d"]), st.none() | TAGS, DIGESTS)
@settings(max_examples=150, deadline=None)
def test_the_chart_reads_the_same_release_out_of_an_image(
    host: str, name: str, tag: str | None, digest: str
) -> None:
    image = f"{host}{name}{f':{tag}' if tag else ''}{digest}"
    raw, compiled = by_both({"backend": {"image": image}})

    assert raw == compiled


@pytest.mark.parametrize("role", ["worker", "prefill", "decode"])
@pytest.mark.parametrize("disaggregation", [False, True])
def test_the_chart_refuses_the_role_blocks_that_the_rules_refuse(role: str, disaggregation: bool) -> None:
    raw, compiled = by_both({"disaggregation": disaggregation, role: {}})

    assert raw == compiled
    assert (raw is None) is ((role == "worker") is disaggregation)


@pytest.mark.parametrize("backend", ["vllm", "sglang", "trtllm"])
@pytest.mark.parametrize("field", ENGINE)
@pytest.mark.parametrize("place", ["engine", "worker"])
def test_the_chart_refuses_the_engine_fields_that_the_rules_refuse(
    backend: str, field: str, place: str
) -> None:
    engine = {field: ENGINE[field]}
    block = {"engine": engine} if place == "engine" else {"worker": {"engine": engine}}
    raw, compiled = by_both({"backend": {"type": backend}, **block})

    assert raw == compiled


def test_the_fields_tried_are_all_that_an_engine_has() -> None:
    assert ENGINE.keys() == key_names(Engine).keys()


@given(recipes())
@settings(max_examples=80, deadline=None)
def test_every_value_survives_the_document(data: dict[str, Any]) -> None:
    plan = plan_of(data)
    values = {entry["name"]: entry.get("values", [{}])[0] for entry in helmfile(plan)["releases"]}

    # PyYAML reads YAML 1.1, as Helm does.
    assert values[plan.graph] == {**plan.tree["model"], "global": plan.shared}
    assert values.get("dynamo-platform", {}) == (
        upstream_values(plan.recipe.platform) if plan.recipe.platform.install else {}
    )


@given(recipes())
@settings(max_examples=25, deadline=None)
def test_every_variable_and_argument_reaches_its_container(data: dict[str, Any]) -> None:
    plan = plan_of(data)
    (graph,) = [o for o in objects(releases(plan)["model"]) if o["kind"] == "DynamoGraphDeployment"]
    containers = {c["name"]: c["podTemplate"]["spec"]["containers"][0] for c in graph["spec"]["components"]}

    frontend = plan.recipe.model.frontend
    wanted = {"frontend": (frontend.env, frontend.args)}
    for role, worker in plan.workers.items():
        wanted[role] = worker.env, engine_of(plan.recipe.model, worker).args or []

    for name, (env, args) in wanted.items():
        assert env.items() <= {(each["name"], each["value"]) for each in containers[name].get("env", [])}
        assert containers[name]["args"][len(containers[name]["args"]) - len(args) :] == args


@given(st.dictionaries(CONFIG_KEYS, PLAIN, min_size=1, max_size=4) | TEXTS.filter(bool))
@example({"0": "\n"})
@settings(max_examples=60, deadline=None)
def test_a_configuration_file_holds_what_the_recipe_says(content: Any) -> None:
    # Not the engine's own file, whose keys are its options.
    worker = {"extraConfig": {"path": "/etc/mine.yaml", "env": "MINE", "content": content}}
    plan = plan_of({**MINIMAL, "model": {**MINIMAL["model"], "worker": worker}})
    (config,) = [o for o in objects(releases(plan)["model"]) if o["kind"] == "ConfigMap"]
    (text,) = config["data"].values()

    assert (text if isinstance(content, str) else yaml.safe_load(text)) == content


# ---- releases -----------------------------------------------------------------------------------


def test_every_component_is_a_release_with_its_own_block() -> None:
    measured, broken = plan_of(EVERYTHING), plan_of({**MINIMAL, "faultInjection": FAULTS})
    # Those that EVERYTHING has not, because they are seldom on together.
    others = ("ingestion", "warmup", "scaling", "batch")

    for component in (component for component in COMPONENTS if component.key not in others):
        plan = broken if component.chart == "fault-injection" else measured
        release = releases(plan)[component.chart]
        assert release.name == plan.graph + component.suffix
        assert release.values == {**plan.tree[component.key], "global": plan.shared}


def test_a_component_that_is_off_is_uninstalled() -> None:
    (benchmark,) = [
        r for r in compile_plan(plan_of(MINIMAL)).releases if r.labels["component"] == "benchmark"
    ]

    assert not benchmark.installed
    assert benchmark.values == {}


def test_two_recipes_of_one_namespace_share_no_object() -> None:
    data = {**EVERYTHING, "model": {**MINIMAL["model"], "cache": {"enabled": True}}}
    names = [
        {
            (item["kind"], item["metadata"]["name"])
            for item in objects(*releases(plan_of(data, name)).values())
        }
        for name in ("one", "two")
    ]
    shared = {"dynamo-platform-ready"}

    assert {name for _, name in names[0] & names[1]} <= shared


def test_a_platform_that_is_off_is_left_alone() -> None:
    bundle = compile_plan(plan_of({**MINIMAL, "platform": {"install": False}}))

    assert "platform" not in {release.labels["component"] for release in bundle.releases}
    assert bundle.repositories == {}
    assert not [need for release in bundle.releases for need in release.needs if "dynamo-platform" in need]


def needs(**more: Any) -> dict[str, tuple[str, ...]]:
    return {release.name: release.needs for release in compile_plan(plan_of({**EVERYTHING, **more})).releases}


def test_each_release_waits_for_what_comes_before_it() -> None:
    assert needs() == {
        "dynamo-platform": (),
        "dynamo-platform-ready": ("dynamo-system/dynamo-platform",),
        "qwen-model-express": ("dynamo-system/dynamo-platform-ready",),
        "qwen": ("dynamo-system/dynamo-platform-ready", "qwen/qwen-model-express"),
        "qwen-gateway": ("qwen/qwen",),
        "qwen-metrics": ("qwen/qwen",),
        "qwen-benchmark": ("qwen/qwen",),
        "qwen-troubleshooting": ("qwen/qwen",),
        "qwen-fault-injection": (),
        "qwen-scaling": (),
        "qwen-batch": (),
        "qwen-ingestion": (),
        "qwen-warmup": (),
    }
    assert needs(benchmark={}, faultInjection=FAULTS)["qwen-fault-injection"] == ("qwen/qwen",)


def test_without_the_gate_the_graph_waits_for_the_operator() -> None:
    found = needs(platform={"gate": {"enabled": False}})

    assert "dynamo-platform-ready" not in found
    assert found["qwen"] == ("dynamo-system/dynamo-platform", "qwen/qwen-model-express")


def test_the_gate_takes_its_values_from_the_platform_block_and_is_taken_back_when_it_fails() -> None:
    gate = {"image": "registry.example.com/python:3.12", "timeoutSeconds": 60}
    platform = {"version": "1.6.0", "namespace": "dynamo", "gate": gate}
    (release,) = [
        r
        for r in compile_plan(plan_of({**MINIMAL, "platform": platform})).releases
        if r.name.endswith("-ready")
    ]

    assert release.values == {**gate, "version": "1.6.0"}
    assert release.namespace == "dynamo"
    assert release.timeout > release.values["timeoutSeconds"]


@pytest.mark.parametrize(
    ("cache", "seconds"),
    [
        ({"accessMode": "ReadWriteOnce"}, 43_200),
        ({"accessMode": "ReadWriteOnce", "deadlineSeconds": 60}, 1800),
        ({"accessMode": "ReadWriteMany"}, 1800),
        ({"claim": {"name": "weights"}}, 1800),
    ],
)
def test_a_volume_that_comes_with_a_worker_is_waited_for_as_long_as_its_weights(
    cache: Object, seconds: int
) -> None:
    plan = plan_of({**MINIMAL, "model": {**MINIMAL["model"], "cache": {"enabled": True, **cache}}})
    (release,) = [r for r in compile_plan(plan).releases if r.name == "qwen"]

    assert release.timeout == seconds


def platform_values(**platform: Any) -> dict[str, Any]:
    return compile_plan(plan_of({**MINIMAL, "platform": platform})).releases[0].values


def test_typed_keys_of_the_platform_become_the_upstream_charts_values() -> None:
    metrics = {"podMonitors": {"enabled": True}, "prometheusEndpoint": "http://prometheus.monitoring:9090"}
    operator = {
        "dynamo": {"metrics": metrics},
        "gpuDiscovery": {"enabled": False},
        "natsAddr": "nats://n:4222",
    }

    assert platform_values() == {}
    assert platform_values(
        podMonitors=True,
        prometheusEndpoint="http://prometheus.monitoring:9090",
        gpuDiscovery=False,
        grove="existing",
        values={"dynamo-operator": {"natsAddr": "nats://n:4222"}},
    ) == {"dynamo-operator": operator, "global": {"grove": {"enabled": True}}}


def test_grove_and_kai_that_come_along_get_what_the_chart_asks_for() -> None:
    both = platform_values(grove="install", kaiScheduler="install")

    assert both["global"] == {"grove": {"install": True}, "kai-scheduler": {"install": True}}
    assert both["kai-scheduler"]["scheduler"]["args"] == {"default-staleness-grace-period": "-1s"}
    assert platform_values(kaiScheduler="install") == {"global": {"kai-scheduler": {"install": True}}}


def test_needs_name_releases_of_the_same_document() -> None:
    document = helmfile(plan_of(EVERYTHING))
    names = {f"{entry['namespace']}/{entry['name']}" for entry in document["releases"]}

    assert {need for entry in document["releases"] for need in entry.get("needs", [])} <= names


def test_without_the_deployment_the_models_release_is_left_alone() -> None:
    model = {**MINIMAL["model"], "deployment": {"create": False}}
    plan = plan_of({**EVERYTHING, "modelExpress": {"enabled": False}, "model": model})

    assert plan.graph not in entries(plan)
    assert releases(plan)["benchmark"].needs == ()
    assert releases(plan)["benchmark"].values["global"]["graph"] == plan_of(EVERYTHING).graph


@given(recipes(), recipes())
@settings(max_examples=40, deadline=None)
def test_two_recipes_of_one_cluster_render_the_same_platform(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    first = plan_of({**one, "platform": PROFILE}, "one")
    second = plan_of({**two, "platform": PROFILE}, "two")

    for name in ("dynamo-platform", "dynamo-platform-ready"):
        assert entries(first)[name] == entries(second)[name]
    assert compile_plan(first).repositories == compile_plan(second).repositories


@pytest.mark.parametrize("change", ["model.worker.replicas=3", "model.engine.maxModelLen=4096"])
def test_a_changed_model_is_measured_anew(change: str) -> None:
    def job(*sets: str) -> str:
        release = releases(with_sets("benchmark.enabled=true", *sets))["benchmark"]
        (found,) = [item for item in objects(release) if item["kind"] == "Job"]
        return str(found["metadata"]["name"])

    assert job(change) != job()
    assert job("observability.enabled=false") == job()


@pytest.mark.parametrize(
    "change",
    [
        "model.cache.enabled=true",
        "modelExpress.enabled=true",
        "model.modelExpressUrl=http://model-express:8001",
    ],
)
def test_weights_that_come_another_way_are_not_measured_anew(change: str) -> None:
    digests = [with_sets(*sets).shared["modelDigest"] for sets in ([], [change])]

    assert digests[0] == digests[1]


def test_the_shared_identity_is_what_the_charts_schemas_name() -> None:
    model = {**MINIMAL["model"], "huggingFaceTokenSecret": "hf", "servedName": "qwen"}
    plan = plan_of({**MINIMAL, "model": model, "endpoint": {"kind": "serverless"}})

    assert set(plan.shared) == set(schema.SHARED["properties"])


def test_another_image_changes_images_and_the_runtime_override_alone() -> None:
    image = "registry.example.com/dynamo-vllm:1.6.1"
    before = dict(leaves(objects(*releases(with_sets()).values())))
    after = dict(leaves(objects(*releases(with_sets(f"model.backend.image={image}")).values())))
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}

    assert {path[-1] for path in changed} == {"image", "runtimeVersionOverride"}
    assert {after[path] for path in changed} == {image, "1.6.1"}


def test_our_charts_are_paths_and_the_platforms_is_pinned() -> None:
    platform, *own = compile_plan(plan_of(EVERYTHING)).releases

    assert platform.version == "1.6.1"
    assert all(Path(release.chart, "Chart.yaml").is_file() and not release.version for release in own)


def test_charts_of_a_registry_have_recipegens_version() -> None:
    own = compile_plan(plan_of(EVERYTHING), "oci://registry.example.com/charts").releases[1:]

    charts = ["platform-ready", *(component.chart for component in COMPONENTS)]
    assert [release.chart for release in own] == [f"oci://registry.example.com/charts/{c}" for c in charts]
    assert {release.version for release in own} == {__version__}


def test_a_platform_from_a_registry_needs_no_repository() -> None:
    platform = {"repository": "oci://mirror.example.com/charts"}
    bundle = compile_plan(plan_of({**MINIMAL, "platform": platform}))

    assert bundle.repositories == {}
    assert bundle.releases[0].chart == "oci://mirror.example.com/charts/dynamo-platform"


def test_equal_plans_have_equal_digests_and_others_have_others() -> None:
    def digest(**more: Any) -> str:
        return compile_plan(plan_of({**MINIMAL, **more})).digest

    assert digest() == digest(platform={"install": True})
    assert digest() != digest(platform={"install": False})
