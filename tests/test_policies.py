"""Recipes held to policies: LLM Engine's, which came along, and those of files."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from recipegen import facts, pipeline, policyfile, yamlio
from recipegen.cli import main
from recipegen.errors import Problem, RecipeError
from recipegen.resolve import Plan
from recipegen.rules.resources import amount

EXAMPLE = "docs/examples/policy.yaml"
TAGS = ("idempotencyKeyPrefix", "product", "type", "subType", "payee", "payor", "reference")
H100: dict[str, Any] = {"hardware": {"gpu": "h100-sxm-80gb"}}
FORWARDER = {"forwarder": {"image": "registry.example.com/http-forwarder:1.0"}}


def planned(**patch: Any) -> Plan:
    """The quickstart recipe with a patch."""
    return pipeline.plan("qwen-0.6b", None, [patch] if patch else [])


def endpoint(**keys: Any) -> dict[str, Any]:
    labels = {"team": "ml", "product": "chat", **keys.pop("labels", {})}
    return {"endpoint": {"kind": "serverless", "labels": labels, **keys}}


def llm_engine(**patch: Any) -> list[Problem]:
    """What LLM Engine's policy has against the recipe."""
    return policyfile.hold(planned(**endpoint(), **patch), policyfile.read("llm-engine"))


def policy(text: str) -> policyfile.Policy:
    return policyfile.parsed("ours.yaml", yamlio.read(text, "ours.yaml"))


def worker(**resources: str) -> dict[str, Any]:
    return {"worker": {"resources": {"requests": resources}}}


def test_l29_team_and_product_are_asked_for_by_llm_engines_policy() -> None:
    without = policyfile.hold(planned(), policyfile.read("llm-engine"))

    assert [problem.path[-1] for problem in without if problem.code == "policy-label"] == ["team", "product"]
    assert llm_engine() == []


def test_l29_without_a_policy_no_label_is_asked_for() -> None:
    assert planned().warnings == ()


def test_l29_a_problem_names_the_line_of_recipe_and_policy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code = main(["validate", "qwen-0.6b", "--policy", EXAMPLE, "--format", "text"])
    answer = capsys.readouterr()

    assert code == 1
    assert answer.out == ""
    assert "recipes/qwen-0.6b.yaml:" in answer.err
    assert f"{EXAMPLE}:3" in answer.err
    for label in ("team", "product"):
        assert f"the label {label} is missing" in answer.err


def test_l29_check_holds_to_policies_as_validate_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    labels = ["--set", "endpoint={kind: serverless, labels: {team: chat, product: chat}}"]
    gate = ["--set", "platform.gate.image=registry.example.com/python:3.12"]
    refused = main(["check", "qwen-0.6b", "--policy", EXAMPLE])
    taken = main(["check", "qwen-0.6b", "--variant", "disagg", *labels, *gate, "--policy", EXAMPLE])

    assert (refused, taken) == (1, 0), capsys.readouterr().err


def test_l29_seven_billing_tags_are_annotations_all_or_none() -> None:
    tags = {f"billing/{tag}": "x" for tag in TAGS}
    some = {key: tags[key] for key in list(tags)[:3]}
    held = policyfile.read("llm-engine")
    problems = policyfile.hold(planned(**endpoint(annotations=some)), held)

    assert policyfile.hold(planned(**endpoint(annotations=tags)), held) == []
    assert [problem.code for problem in problems] == ["policy-annotations"]
    assert all(f"billing/{tag}" in problems[0].message for tag in TAGS[3:])
    assert planned(**endpoint(annotations=tags)).shared["annotations"].items() >= tags.items()


@pytest.mark.parametrize("key", ["user_id", "endpoint_name"])
def test_l42_labels_of_llm_engine_warn_and_its_policy_refuses_them(key: str) -> None:
    plan = planned(**endpoint(labels={key: "x"}))
    problems = policyfile.hold(plan, policyfile.read("llm-engine"))

    assert [(w.code, w.path[-1]) for w in plan.warnings] == [("reserved-label", key)]
    assert [(p.code, p.path[-1]) for p in problems] == [("policy-reserved-label", key)]
    assert problems[0].hint


def test_l42_every_reserved_label_is_warned_of() -> None:
    keys = policyfile.read("llm-engine").keys

    assert set(keys.labels.reserved or []) == facts.llm_endpoints()["reservedLabels"].keys()


@pytest.mark.parametrize("block", ["frontend", "worker"])
@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_CONFIG_FILE"])
def test_l42_variables_that_llm_engine_sets_are_refused_by_its_policy_alone(block: str, name: str) -> None:
    patch = {"model": {block: {"env": {name: "x"}}}}

    assert [(p.code, p.path) for p in llm_engine(**patch)] == [
        ("policy-variable", ("model", block, "env", name))
    ]
    assert planned(**patch).warnings == ()


@pytest.mark.parametrize("name", ["DYN_NAMESPACE", "DYN_SYSTEM_PORT"])
def test_l42_variables_of_the_operator_are_refused_without_any_policy(name: str) -> None:
    with pytest.raises(RecipeError) as raised:
        planned(model={"worker": {"env": {name: "x"}}})

    assert [(p.code, p.path[-1]) for p in raised.value.problems] == [("owned-variable", name)]


def test_l42_names_have_a_dash_for_an_underscore_as_llm_engines_have() -> None:
    from recipegen.endpoints import graph_name

    assert graph_name("end_abc_123") == "end-abc-123"


@pytest.mark.parametrize(
    ("hardware", "cpu", "memory"),
    [
        ({"gpu": "a10-24gb"}, 63, 250),
        ({"gpu": "a10g-24gb"}, 63, 250),
        ({"gpu": "a100-sxm-80gb"}, 95, 1000),
        ({"gpu": "h100-sxm-80gb"}, 191, 2000),
        ({"gpu": "h100-sxm-80gb", "mig": "1g.20gb"}, 47, 500),
        ({"gpu": "h100-sxm-80gb", "mig": "3g.40gb"}, 95, 1000),
    ],
    ids=str,
)
def test_l23_a_worker_may_ask_for_what_its_kind_of_node_has(
    hardware: dict[str, str], cpu: int, memory: int
) -> None:
    def of(cpus: int, gib: int) -> list[Any]:
        resources = {"cpu": str(cpus), "memory": f"{gib}Gi", "ephemeral-storage": "100Gi"}
        return [p.path[-1] for p in llm_engine(hardware=hardware, model=worker(**resources))]

    assert of(cpu, memory) == []
    assert of(cpu + 1, memory) == ["cpu"]
    assert of(cpu, memory + 1) == ["memory"]


def test_l23_the_forwarders_overhead_is_taken_off() -> None:
    resources = {"cpu": "191", "memory": "2000Gi", "ephemeral-storage": "1300Gi"}
    less = {"cpu": "190", "memory": "1998Gi", "ephemeral-storage": "1299Gi"}
    without = llm_engine(**H100, model=worker(**resources))
    beside = llm_engine(**H100, model={**worker(**resources), **FORWARDER})

    assert without == []
    assert [problem.path[-1] for problem in beside] == [*resources]
    assert "191 less 1 for the forwarder" in beside[0].message
    assert llm_engine(**H100, model={**worker(**less), **FORWARDER}) == []


def test_l23_storage_has_a_ceiling_of_its_own_where_a_kind_of_node_has_none() -> None:
    def of(storage: str) -> list[str]:
        resources = {"cpu": "1", "memory": "1Gi", "ephemeral-storage": storage}
        return [p.code for p in llm_engine(hardware={"gpu": "a100-sxm-80gb"}, model=worker(**resources))]

    assert of("640Gi") == []
    assert of("641Gi") == ["policy-pod-size"]


def test_l23_the_frontend_is_a_pod_without_gpus() -> None:
    def of(cpu: str, memory: str) -> list[Any]:
        resources = {"requests": {"cpu": cpu, "memory": memory}}
        return [p.path[-1] for p in llm_engine(model={"frontend": {"resources": resources}})]

    assert of("7", "30Gi") == []
    assert of("8", "31Gi") == ["cpu", "memory"]


@given(st.integers(1, 400))
def test_l23_what_is_refused_is_what_is_beyond_the_number(cpus: int) -> None:
    text = 'pods: {withoutGpus: {cpu: "191"}}'
    plan = planned(model={"frontend": {"resources": {"requests": {"cpu": str(cpus)}}}})

    assert bool(policyfile.hold(plan, policy(text))) == (amount(str(cpus)) > 191)


@pytest.mark.parametrize("missing", ["cpu", "memory", "ephemeral-storage"])
def test_l20_resources_are_stated_whole_or_not_at_all(missing: str) -> None:
    whole = {"cpu": "8", "memory": "64Gi", "ephemeral-storage": "96Gi"}
    part = {key: value for key, value in whole.items() if key != missing}
    problems = llm_engine(**H100, model=worker(**part))

    assert llm_engine(**H100, model=worker(**whole)) == []
    assert [(p.code, p.path) for p in problems] == [("policy-resources", ("model", "worker", "resources"))]
    assert problems[0].message.startswith(missing)


def test_l20_resources_without_a_gpu_type_are_a_part_too() -> None:
    whole = {"cpu": "8", "memory": "64Gi", "ephemeral-storage": "96Gi"}

    assert [p.path for p in llm_engine(model=worker(**whole))] == [("hardware",)]


def test_l22_each_gpu_type_of_llm_engine_has_types_here_or_says_why_not() -> None:
    known, types = facts.hardware(), facts.llm_endpoints()["gpuTypes"]

    assert len(types) == 7
    for name, row in types.items():
        assert all(gpu in known for gpu in row["gpus"]), name
        assert all(row["mig"] in known[gpu]["mig"] for gpu in row["gpus"] if "mig" in row), name
        if not row["gpus"]:
            assert row.get("insteadOf") in types or row["unknown"], name
    assert types["nvidia-ampere-a100e"]["insteadOf"] == "nvidia-hopper-h100"


def test_l22_the_tables_of_sizes_and_of_endpoints_name_the_same_gpus() -> None:
    types = facts.llm_endpoints()["gpuTypes"]
    for name, row in facts.llm_engine()["gpuTypes"].items():
        assert row["gpu"] in types[name]["gpus"], name
        assert row.get("mig") == types[name].get("mig"), name


def test_l22_the_page_says_what_each_gpu_type_of_llm_engine_is_here() -> None:
    page = (ROOT / "docs/policies.md").read_text()
    rows = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| `nvidia-")]
    written = [tuple(re.findall(r"`([^`]+)`", cell) for cell in row) for row in rows]
    types = facts.llm_endpoints()["gpuTypes"]

    assert written == [
        ([name], row["gpus"], [row["mig"]] if "mig" in row else []) for name, row in types.items()
    ]


def test_l22_a_mig_profile_is_a_resource_of_its_own_and_nodes_go_by_product_label() -> None:
    plan = planned(hardware={"gpu": "h100-sxm-80gb", "mig": "1g.20gb"})

    assert plan.tree["model"]["gpuResource"] == "nvidia.com/mig-1g.20gb"
    assert plan.tree["model"]["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}


def test_l22_nodes_go_by_the_accelerator_label_where_a_recipe_says_so() -> None:
    label = {"k8s.amazonaws.com/accelerator": "nvidia-hopper-h100"}
    plan = planned(model={"nodeSelector": label})

    assert plan.tree["model"]["nodeSelector"] == label


def test_l40_latest_is_refused_wherever_a_recipe_names_an_image() -> None:
    patch: dict[str, Any] = {
        "model": {
            "backend": {"image": "registry.example.com/vllm:latest", "version": "1.6.1"},
            "forwarder": {"image": "registry.example.com/http-forwarder"},
        },
        "warmup": {"enabled": True, "images": ["registry.example.com/engine:latest"]},
        "benchmark": {"enabled": True, "image": "python:latest"},
    }
    with pytest.raises(RecipeError) as raised:
        planned(**patch)

    found = {p.path for p in raised.value.problems if p.code == "image-not-pinned"}
    assert found == {
        ("model", "backend", "image"),
        ("model", "forwarder", "image"),
        ("benchmark", "image"),
        ("warmup", "images", 0),
    }


def test_l40_a_digest_pins_any_tag() -> None:
    image = f"registry.example.com/vllm:latest@sha256:{'0' * 64}"

    assert planned(model={"backend": {"image": image, "version": "1.6.1"}}).warnings == ()


def test_registries_take_the_beginning_of_a_path_and_not_of_a_name() -> None:
    plan = planned(platform={"install": False})

    assert policyfile.hold(plan, policy("registries: [nvcr.io/nvidia]")) == []
    assert [p.code for p in policyfile.hold(plan, policy("registries: [nvcr.io/nvid]"))] == [
        "policy-registry"
    ]


def test_images_without_a_host_come_from_docker_hub() -> None:
    plan = planned(benchmark={"enabled": True})

    assert policyfile.hold(plan, policy("registries: [nvcr.io/nvidia, docker.io/library]")) == []


def test_placeholders_count_as_gpus_too() -> None:
    plan = planned(warmup={"enabled": True, "placeholders": {"count": 3}})

    assert policyfile.hold(plan, policy("maxGpus: 5")) == []
    assert [p.code for p in policyfile.hold(plan, policy("maxGpus: 4"))] == ["policy-gpus"]


def test_each_clusters_replicas_are_held_to_the_budgets() -> None:
    clusters = {"us": {"replicas": 5}, "eu": {"replicas": 2}, "ap": {}}
    plan = planned(**endpoint(clusters=clusters), warmup={"enabled": True, "placeholders": {"count": 1}})
    path = ("endpoint", "clusters", "us", "replicas")

    def of(text: str) -> list[Any]:
        return [(p.code, p.path) for p in policyfile.hold(plan, policy(text))]

    assert of("maxReplicas: 5") == []
    assert of("maxReplicas: 4") == [("policy-replicas", path)]
    assert of("maxGpus: 6") == []
    assert of("maxGpus: 5") == [("policy-gpus", path)]


def test_a_cluster_has_as_many_replicas_of_each_role() -> None:
    clusters = {"us": {"replicas": 3}}
    plan = planned(**endpoint(clusters=clusters), model={"disaggregation": True, "worker": None})
    held = policyfile.hold(plan, policy("maxGpus: 5"))

    assert [p.message for p in held] == ["all replicas take 6 GPUs, and 5 are allowed"]


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("labls: {required: [team]}", "unknown-key", "did you mean 'labels'?"),
        ("labels: {require: [team]}", "unknown-key", "did you mean 'required'?"),
        ("pods: {withGpus: [{gpus: [a10-24gb], cpus: x}]}", "unknown-key", "did you mean 'cpu'?"),
        ("pods: {withGpus: [{cpu: x}]}", "missing-key", ""),
        ("maxReplicas: many", "wrong-type", ""),
        ("gpus: [h100]", "unknown-gpu", "h100-sxm-80gb"),
        ('registries: ["https://nvcr.io"]', "registry", "HOST/PATH"),
        ("labels: {required: []}", "wrong-value", ""),
        ("description: Nothing.", "policy-without-effect", "labels"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_line(text: str, code: str, hint: str) -> None:
    with pytest.raises(RecipeError) as raised:
        policy(text)

    found = next(problem for problem in raised.value.problems if problem.code == code)
    assert found.mark is not None
    assert (found.mark.source, found.mark.line) == ("ours.yaml", 1)
    assert hint in found.hint


def test_a_policy_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "qwen-0.6b", "--policy", "llm-engin"]) == 2
    assert "llm-engine" in capsys.readouterr().err
    assert main(["validate", "qwen-0.6b", "--policy", "./none.yaml"]) == 4


def test_every_policy_that_came_along_can_be_read() -> None:
    assert list(facts.policies()) == ["llm-engine"]
    assert all(policyfile.read(name).keys.description for name in facts.policies())


def test_the_page_names_every_key_of_a_policy() -> None:
    page = (ROOT / "docs/policies.md").read_text()
    whole = policyfile.schema()
    for key, value in whole["properties"].items():
        block = whole["$defs"].get(value.get("$ref", "").rpartition("/")[2], {"properties": {"": {}}})
        for inner in block["properties"]:
            name = f"{key}.{inner}".rstrip(".")
            assert f"`{name}`" in page or name == "description", name
