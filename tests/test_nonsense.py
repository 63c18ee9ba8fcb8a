"""Nonsense of every kind is refused, with a message that a person can act on."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest

from recipegen import pipeline, yamlio
from recipegen.errors import RecipeError
from recipegen.language import block_at, key_names
from recipegen.load import Loaded
from recipegen.recipe import Block, Recipe
from recipegen.validate import validate
from samples import MINIMAL

Path = tuple[str | int, ...]


def blocks(path: Path = ()) -> Iterator[Path]:
    """Yield where each block of the language stands, with a key or place made up for maps and lists."""
    yield path
    block = block_at(path)
    assert block is not None
    for key, name in key_names(block).items():
        for step in steps(block.model_fields[name].annotation):
            place = (*path, key, *step)
            if block_at(place):
                yield from blocks(place)


def steps(annotation: Any) -> Iterator[Path]:
    """Yield the ways from a key to a block below it."""
    if isinstance(annotation, type) and issubclass(annotation, Block):
        yield ()
    for inner in get_args(annotation):
        for below in steps(inner):
            container = get_origin(annotation)
            yield ("a", *below) if container is dict else (0, *below) if container is list else below


KEYS = [(*path, key) for path in blocks() for key in key_names(block_at(path) or Recipe)]


def written(path: Path, value: Any) -> Any:
    """Return data with the value at the path."""
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


def test_the_language_is_walked_to_its_end() -> None:
    assert len(KEYS) > 200
    assert ("variants", "a", "patch") in KEYS
    assert ("gateway", "externalBackends", "a", "backendRef", "kind") in KEYS


@pytest.mark.parametrize("path", KEYS, ids=lambda path: ".".join(map(str, path)))
def test_a_typo_in_any_key_is_refused_with_what_was_meant(path: Path) -> None:
    key = str(path[-1])
    typo = key[:1] + key[2:] if len(key) > 3 else key + key[-1]
    data = {**MINIMAL, **written((*path[:-1], typo), 1)}
    with pytest.raises(RecipeError) as raised:
        validate(Loaded("qwen", "default", yamlio.read(yamlio.write(data), "qwen.yaml")))
    found = {problem.path: problem for problem in raised.value.problems}
    problem = found[(*path[:-1], typo)]

    assert problem.code == "unknown-key"
    assert problem.mark is not None
    assert key in problem.hint


# A form of the catalog, what is changed in it, the rule that refuses it, and words that tell what to do.
NONSENSE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "an option that this release has no longer": (
        "qwen-0.6b sglang",
        {"engine": {"args": ["--cuda-graph-bs", "8"]}},
        "removed-option",
        "until Dynamo 1.5",
    ),
    "an option that only the next release has": (
        "qwen-0.6b",
        {"frontend": {"args": ["--batch-gateway-url", "http://x"]}},
        "newer-option",
        "1.7",
    ),
    "an option with a letter too few": (
        "qwen3-8b",
        {"engine": {"args": ["--enforce-egar"]}},
        "unknown-option",
        "--enforce-eager",
    ),
    "another engine's option": (
        "qwen-0.6b trtllm",
        {"engine": {"args": ["--mem-fraction-static", "0.9"]}},
        "unknown-option",
        "",
    ),
    "a role option of old": (
        "qwen-0.6b disagg",
        {"prefill": {"engine": {"args": ["--is-prefill-worker"]}}},
        "removed-option",
        "--disaggregation-mode prefill",
    ),
    "a number for an option that takes a word": (
        "qwen3-8b",
        {"engine": {"args": ["--dtype", "16"]}},
        "wrong-option-value",
        "bfloat16",
    ),
    "a word for an option that takes a number": (
        "qwen3-8b",
        {"engine": {"args": ["--seed", "lucky"]}},
        "wrong-option-value",
        "",
    ),
    "JSON that is none": (
        "qwen3-8b",
        {"engine": {"args": ["--speculative-config", "{method: eagle3}"]}},
        "wrong-option-value",
        "",
    ),
    "an option without its value": ("qwen3-8b", {"engine": {"args": ["--seed"]}}, "missing-value", ""),
    "a value for a switch": (
        "qwen3-8b",
        {"engine": {"args": ["--enforce-eager=true"]}},
        "switch-value",
        "",
    ),
    "a misspelt key of the engine's file": (
        "qwen-0.6b sglang",
        {"worker": {"extraConfig": {"content": {"log-levle": "debug"}}}},
        "unknown-config-key",
        "log-level",
    ),
    "a format of the cache that the engine has not": (
        "qwen3-8b",
        {"engine": {"kvCacheDtype": "fp7"}},
        "wrong-option-value",
        "fp8",
    ),
    "a parser that Dynamo has not": (
        "qwen3-8b",
        {"engine": {"toolCallParser": "hermess"}},
        "unknown-parser",
        "hermes",
    ),
    "tensor parallelism that does not divide the heads": (
        "qwen3-32b",
        {"engine": {"tensorParallel": 3}},
        "heads",
        "64",
    ),
    "tensor parallelism that the KV heads do not go with": (
        "qwen3-30b-a3b",
        {"engine": {"tensorParallel": 6}},
        "heads",
        "",
    ),
    "more stages than layers": (
        "qwen-0.6b",
        {"engine": {"pipelineParallel": 32}},
        "stages",
        "28",
    ),
    "experts of a dense model": (
        "qwen3-8b",
        {"engine": {"tensorParallel": 2, "expertParallel": 2}},
        "experts",
        "",
    ),
    "experts over fewer GPUs than the replica has": (
        "deepseek-r1 vllm",
        {"engine": {"expertParallel": 4}},
        "rank-count",
        "8",
    ),
    "a context beyond the model's": (
        "llama-2-7b-chat",
        {"engine": {"maxModelLen": 32768}},
        "context",
        "4096",
    ),
    "a context of nothing": ("qwen3-8b", {"engine": {"maxModelLen": 0}}, "wrong-value", "at least 1"),
    "all of the memory and more": (
        "qwen3-8b",
        {"engine": {"gpuMemoryUtilization": 1.2}},
        "wrong-value",
        "at most 1",
    ),
    "block sizes that differ with KV routing": (
        "qwen-0.6b disagg",
        {"prefill": {"engine": {"blockSize": 32}}, "decode": {"engine": {"blockSize": 16}}},
        "kv-routing",
        "blockSize",
    ),
    "KV routing without a prefix cache": (
        "qwen-0.6b",
        {"engine": {"prefixCaching": False}},
        "kv-routing",
        "",
    ),
    "GPUs that the parallel sizes leave over": (
        "qwen3-8b",
        {"worker": {"gpus": 4}},
        "gpu-count",
        "",
    ),
    "more GPUs than a node has": (
        "llama-3.1-405b",
        {"engine": {"tensorParallel": 16, "pipelineParallel": None}, "worker": {"nodes": None}},
        "gpu-count",
        "nodes",
    ),
    "a prefill block without disaggregation": ("qwen-0.6b", {"prefill": {}}, "no-effect", "disaggregation"),
    "a graph that is parted without decode workers": (
        "qwen-0.6b disagg",
        {"decode": {"replicas": 0}},
        "wrong-value",
        "",
    ),
    "a release that nobody knows": (
        "qwen-0.6b",
        {"backend": {"version": "1.6.9"}},
        "unknown-version",
        "1.6.1",
    ),
    "an image that can change": (
        "qwen-0.6b",
        {"backend": {"image": "example.com/vllm-runtime:latest"}},
        "image-not-pinned",
        "digest",
    ),
    "an engine that nobody knows": ("qwen-0.6b", {"backend": {"type": "vlm"}}, "wrong-value", "vllm"),
    "a variable of the operator": (
        "qwen-0.6b",
        {"worker": {"env": {"DYN_NAMESPACE": "mine"}}},
        "owned-variable",
        "",
    ),
    "a token in a variable": (
        "llama-3.1-8b",
        {"worker": {"env": {"HF_TOKEN": "hf_" + 20 * "x"}}},
        "secret",
        "huggingFaceTokenSecret",
    ),
    "the model named a second time": (
        "qwen-0.6b",
        {"engine": {"args": ["--model", "Qwen/Qwen3-8B"]}},
        "repeated-option",
        "model.name",
    ),
    "a request larger than its limit": (
        "qwen-0.6b",
        {"worker": {"resources": {"requests": {"memory": "64Gi"}, "limits": {"memory": "32Gi"}}}},
        "request-beyond-limit",
        "",
    ),
    "a draft of no tokens": (
        "llama-3.1-8b",
        {"engine": {"args": ["--speculative-config", '{"method":"eagle3","num_speculative_tokens":0}']}},
        "speculation",
        "",
    ),
    "adapters without the switch for them": (
        "llama-3.1-8b",
        {"engine": {"args": ["--max-loras", "4"]}},
        "no-effect",
        "--enable-lora",
    ),
    "weights on a volume of one node for several": (
        "llama-3.1-405b",
        {"cache": {"accessMode": "ReadWriteOnce"}},
        "one-node",
        "ReadWriteMany",
    ),
    "a router that Dynamo has not": (
        "qwen-0.6b",
        {"routingPolicy": "least-busy"},
        "wrong-value",
        "least-loaded",
    ),
}
OUTSIDE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a GPU that nobody sells": (
        "qwen3-8b",
        {"hardware": {"gpu": "h1000-sxm-80gb"}},
        "unknown-gpu",
        "h100-sxm-80gb",
    ),
    "weights that the GPU cannot compute with": (
        "llama-3.1-70b-fp8 sglang",
        {"hardware": {"gpu": "a100-sxm-80gb"}},
        "weights-format",
        "",
    ),
    "two GPUs of one MIG instance": (
        "qwen3-8b",
        {"hardware": {"gpu": "h100-sxm-80gb", "mig": "3g.40gb"}, "model": {"engine": {"tensorParallel": 2}}},
        "mig-parallel",
        "",
    ),
    "a MIG profile of another GPU": ("qwen3-8b", {"hardware": {"mig": "3g.71gb"}}, "mig-unknown", "3g.40gb"),
    "a benchmark beyond the context": (
        "llama-2-7b-chat",
        {"benchmark": {"enabled": True, "config": {"isl": 4000, "osl": 1000}}},
        "beyond-context",
        "",
    ),
    "a gateway without a name": (
        "qwen-0.6b",
        {"gateway": {"enabled": True}},
        "gateway-name",
        "gateway.create",
    ),
    "faults nobody asked for": (
        "qwen-0.6b",
        {"faultInjection": {"enabled": True, "experiments": [{"name": "kill-frontend"}]}},
        "not-acknowledged",
        "qwen/qwen-0-6b",
    ),
    "a namespace of Kubernetes": ("qwen-0.6b", {"dynamoNamespace": "kube-system"}, "reserved-namespace", ""),
    "an alert that never fires": (
        "qwen-0.6b",
        {"observability": {"alerts": {"enabled": True, "targets": {"ttftP99Milliseconds": 10000000}}}},
        "alert-never-fires",
        "",
    ),
    "evidence of the wishful kind": (
        "qwen-0.6b",
        {"about": {"evidence": "works"}},
        "wrong-value",
        "simulated",
    ),
}
CASES = {name: (form, {"model": patch}, code, words) for name, (form, patch, code, words) in NONSENSE.items()}
CASES |= OUTSIDE


@pytest.mark.parametrize("case", CASES)
def test_nonsense_is_refused_with_what_to_do(case: str) -> None:
    form, patch, code, words = CASES[case]
    name, _, variant = form.partition(" ")
    with pytest.raises(RecipeError) as raised:
        pipeline.plan(name, variant or None, [yamlio.read(yamlio.write(patch), "patch.yaml")])
    found = [problem for problem in raised.value.problems if problem.code == code]

    assert found, [problem.text() for problem in raised.value.problems]
    assert found[0].mark is not None
    assert words in f"{found[0].message} {found[0].hint}"


def test_there_is_nonsense_of_many_kinds() -> None:
    assert len(CASES) >= 40
    assert len({code for _, _, code, _ in CASES.values()}) >= 25
