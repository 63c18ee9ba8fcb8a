"""What the rules let pass: the other side of each mistake in tests/invalid."""

from collections.abc import Iterator
from typing import Any

import pytest

from recipegen import language
from recipegen.errors import RecipeError
from recipegen.rules.configs import OPERATORS
from samples import MINIMAL, plan_of

VLLM, SGLANG, TRTLLM = ({"type": name} for name in ("vllm", "sglang", "trtllm"))
CONFIG_MAP = {"configMapRef": {"name": "a"}}
RIGHT: dict[str, dict[str, Any]] = {
    "an option that begins like an owned one": {"engine": {"args": ["--model-impl", "auto"]}},
    "a value that looks like an owned option's": {"engine": {"args": ["--tokenizer", "max-model-len"]}},
    "a KV connector without disaggregation": {"engine": {"args": ["--kv-transfer-config", "{}"]}},
    "keys over TensorRT-LLM's file without disaggregation": {
        "backend": TRTLLM,
        "engine": {"args": ["--override-engine-args", "{}"]},
    },
    "TensorRT-LLM's options for single keys without disaggregation": {
        "backend": TRTLLM,
        "engine": {"args": ["--trtllm.enable_chunked_prefill", "true"]},
    },
    "a number below zero": {"engine": {"args": ["--seed", "-1"]}},
    "numbers as people write them": {"engine": {"args": ["--kv-cache-memory-bytes", "20G", "-O3"]}},
    "keys of one JSON, each for itself": {
        "engine": {"args": ["--compilation-config.mode", "3", "--compilation_config.cudagraph_mode=FULL"]}
    },
    "an option that may stand several times": {
        "backend": SGLANG,
        "engine": {"args": ["--engine-route", "a", "--engine-route", "b"]},
    },
    "options of vLLM in a frontend that runs its chat processor": {
        "frontend": {"args": ["--dyn-chat-processor", "vllm", "--tool-call-parser", "hermes"]}
    },
    "the chat processor by its variable": {
        "frontend": {"env": {"DYN_CHAT_PROCESSOR": "sglang"}, "args": ["--reasoning-parser", "qwen3"]}
    },
    "a variable that only begins like others": {"worker": {"env": {"DYN_RUNTIME_NUM_WORKER_THREADS": "8"}}},
    "KV events without KV routing": {"engine": {"args": ["--kv-events-config", "{}"]}},
    "KV events of a role that recipegen gives none": {
        "backend": SGLANG,
        "disaggregation": True,
        "routingPolicy": "kv",
        "decode": {"engine": {"args": ["--kv-events-config", "{}"]}},
    },
    "an old spelling that begins like an owned option": {
        "routingPolicy": "kv",
        "engine": {"args": ["--kv-events"]},
    },
    "a value with spaces": {
        "engine": {
            "args": [
                "--speculative-config",
                '{"method": "ngram", "num_speculative_tokens": 3}',
                "--mm-prompt-template",
                "- a b",
            ]
        }
    },
    "an option whose value has spaces": {"engine": {"args": ['--hf-overrides={"rope_theta": 1e6}']}},
    "the end of all options": {"engine": {"args": ["--"]}},
    "an option that begins with nothing owned": {"frontend": {"args": ["--router-ttl-secs", "60"]}},
    "a router's variable that no option wins over": {"frontend": {"env": {"DYN_ROUTER_MODE": "random"}}},
    "a replicas' variable that no option wins over": {
        "routingPolicy": "kv",
        "frontend": {"env": {"DYN_ROUTER_REPLICA_SYNC": "true"}},
    },
    "shell text on one node": {"engine": {"args": ["--mm-prompt-template", "a b; $(id) 'c'"]}},
    "plain arguments on several nodes": {
        "engine": {"tensorParallel": 16, "args": ["--seed", "7", "--dtype=bfloat16"]},
        "worker": {"nodes": 2, "sharedMemory": "16Gi"},
    },
    "ranks that share SGLang's GPUs": {
        "backend": SGLANG,
        "engine": {"tensorParallel": 4, "dataParallel": 4},
        "worker": {"gpus": 4, "sharedMemory": "16Gi"},
    },
    "heads of a rank of attention": {
        "name": "Qwen/Qwen3-8B",
        "backend": SGLANG,
        "engine": {"tensorParallel": 64, "dataParallel": 8},
        "worker": {"nodes": 8, "sharedMemory": "16Gi"},
    },
    "more GPUs than KV heads": {
        "name": "Qwen/Qwen3-30B-A3B",
        "engine": {"tensorParallel": 8},
        "worker": {"sharedMemory": "16Gi"},
    },
    "experts that vLLM spreads unevenly": {
        "name": "Qwen/Qwen3-Coder-480B-A35B-Instruct",
        "engine": {"tensorParallel": 1, "dataParallel": 24, "expertParallel": 24},
        "worker": {"nodes": 3, "sharedMemory": "16Gi"},
    },
    "a context made longer by its positions": {
        "engine": {"maxModelLen": 131072, "args": ["--hf-overrides", "{}"]},
    },
    "a context that is allowed to be longer": {
        "backend": SGLANG,
        "engine": {"maxModelLen": 131072},
        "worker": {"env": {"SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN": "1"}},
    },
    "a context made longer in a configuration file": {
        "engine": {"maxModelLen": 131072},
        "worker": {"extraConfig": {"content": {"hf-overrides": {"rope_parameters": {}}}}},
    },
    "the checkpoint's own quantisation": {
        "name": "nvidia/Qwen3-235B-A22B-NVFP4",
        "engine": {"tensorParallel": 2, "args": ["--quantization=modelopt_fp4"]},
    },
    "blocks of sparse attention": {
        "name": "deepseek-ai/DeepSeek-V3.2",
        "routingPolicy": "kv",
        "engine": {"tensorParallel": 8, "blockSize": 64},
        "worker": {"sharedMemory": "16Gi"},
    },
    "pages of SGLang's own choice": {
        "name": "deepseek-ai/DeepSeek-R1",
        "backend": SGLANG,
        "engine": {"tensorParallel": 8, "args": ["--attention-backend", "flashmla"]},
        "worker": {"sharedMemory": "16Gi"},
    },
    "a parser of the model's family": {
        "name": "deepseek-ai/DeepSeek-V3.2",
        "engine": {"tensorParallel": 8, "toolCallParser": "deepseek_v3_2"},
        "worker": {"sharedMemory": "16Gi"},
    },
    "GPUs that fill two nodes": {
        "engine": {"tensorParallel": 16},
        "worker": {"nodes": 2, "gpus": 8, "sharedMemory": "16Gi"},
    },
    "experts over all of vLLM's GPUs": {
        "name": "Qwen/Qwen3-30B-A3B",
        "engine": {"tensorParallel": 2, "dataParallel": 4, "expertParallel": 8},
        "worker": {"sharedMemory": "16Gi"},
    },
    "experts over half of SGLang's GPUs": {
        "name": "Qwen/Qwen3-30B-A3B",
        "backend": SGLANG,
        "engine": {"tensorParallel": 8, "expertParallel": 4},
        "worker": {"sharedMemory": "16Gi"},
    },
    "as many ranks as TensorRT-LLM has GPUs": {
        "name": "Qwen/Qwen3-30B-A3B",
        "backend": {"type": "trtllm"},
        "engine": {"tensorParallel": 4, "dataParallel": 4, "expertParallel": 2},
        "worker": {"sharedMemory": "16Gi"},
    },
    "no replicas of a worker": {"worker": {"replicas": 0}},
    "equal block sizes by another way": {
        "disaggregation": True,
        "routingPolicy": "kv",
        "prefill": {"engine": {"blockSize": 32}},
        "decode": {"engine": {"blockSize": 32}},
    },
    "unequal block sizes without KV routing": {
        "disaggregation": True,
        "prefill": {"engine": {"blockSize": 16}},
        "decode": {"engine": {"blockSize": 32}},
    },
    "no prefix cache without KV routing": {"engine": {"prefixCaching": False}},
    "a shared setting that the role turns around": {
        "routingPolicy": "kv",
        "engine": {"prefixCaching": False},
        "worker": {"engine": {"prefixCaching": True}},
    },
    "an image by digest with its version": {
        "backend": {"version": "1.6.1", "image": f"example.com/x@sha256:{'a' * 64}"},
    },
    "latest, held by a digest": {"backend": {"version": "1.6.1", "image": f"x:latest@sha256:{'a' * 64}"}},
    "an image of a registry with a port": {"backend": {"image": "localhost:5000/team/x:1.6.1"}},
    "Dynamo's own image in a mirror": {"backend": {"image": "localhost:5000/x/vllm-runtime:1.6.1"}},
    "a name that only begins like another engine's image": {
        "backend": {"image": "x/sglang-runtime-and-vllm:1.6.1"}
    },
    "a tag with a suffix": {"backend": {"image": "example.com/x:1.6.1-cuda13"}},
    "a variable of one's own": {"worker": {"env": {"DYN_LOG": "debug", "NCCL_DEBUG": "INFO"}}},
    "variables that only sound like secrets": {
        "worker": {
            "env": {
                "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
                "MAX_TOKENS": "512",
                "TLS_KEY": "/etc/tls/tls.key",
                "API_TOKEN": "$(HF_TOKEN)",
                "MONKEY": "x",
                "PASSWORD_FILE": "/run/password",
                "HF_TOKEN": "",
            }
        }
    },
    "HF_HOME without a cache": {"worker": {"env": {"HF_HOME": "/tmp/hf"}}},
    "keys of the engine's file that the recipe leaves alone": {
        "worker": {"extraConfig": {"content": {"max-model-len": 8, "dtype": "bfloat16", "revision": "main"}}},
    },
    "keys of TensorRT-LLM's file that the recipe leaves alone": {
        "backend": TRTLLM,
        "worker": {"extraConfig": {"content": {"max_seq_len": 8, "kv_cache_config": {"dtype": "fp8"}}}},
    },
    "keys of a file that the engine is not given": {
        "worker": {"extraConfigs": [{"path": "/etc/a.yaml", "env": "A", "content": {"tp": 8}}]},
    },
    "a file that is no YAML for a recipe": {
        "worker": {"extraConfig": {"content": "tensor-parallel-size: &size 8\n"}},
    },
    "a file below the cache": {
        "cache": {"enabled": True},
        "worker": {"extraConfig": {"path": "/opt/models/a.yaml", **CONFIG_MAP}},
    },
    "two files with a path and variable each": {
        "worker": {
            "extraConfig": CONFIG_MAP,
            "extraConfigs": [{"path": "/etc/b.yaml", "env": "B", **CONFIG_MAP}],
        },
    },
    "a key that differs from the file's name": {
        "worker": {"extraConfig": {"key": "vllm.yaml", **CONFIG_MAP}}
    },
    "a ConfigMap named after its role": {
        "disaggregation": True,
        "prefill": {"extraConfig": {"configMapRef": {"name": "prefill-not-decode"}}},
    },
    "labels and tolerations as Kubernetes has them": {
        "nodeSelector": {"a.b-c.example.com/Pool_1.x": "", "x" * 63: "y" * 63},
        "tolerations": [
            {"operator": "Exists"},
            {"operator": "Exists", "effect": "NoExecute"},
            {"key": "a", "operator": "Exists", "value": ""},
            {"key": "example.com/a"},
            {"key": "a", "value": "b", "effect": "PreferNoSchedule"},
        ],
    },
    "requests up to their limits": {
        "worker": {
            "resources": {
                "requests": {"cpu": "1000m", "memory": "1Gi", "hugepages-2Mi": "4Mi", "example.com/nic": "1"},
                # Devices and huge pages have an equal limit, however it is written.
                "limits": {"cpu": "1", "memory": "1.1G", "hugepages-2Mi": "4096Ki", "example.com/nic": "1"},
            },
            "sharedMemory": "500Mi",
        },
    },
    "a GPU of the frontend's own": {"frontend": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}},
    "braces that begin nothing": {"worker": {"env": {"A": '{"a": {"b": {}}}', "B": "{ {"}}},
    "an address without a password": {
        "frontend": {"env": {"A": "https://example.com:8443/x", "B": "preference+1"}}
    },
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_only_looks_wrong_passes_without_a_word(case: str) -> None:
    plan = plan_of({**MINIMAL, "model": {**MINIMAL["model"], **RIGHT[case]}})

    assert plan.warnings == ()


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"model": {"name": "a/b", "cache": {"size": "1Ti"}}}, ("model", "cache", "size")),
        ({"model": {"name": "a/b", "cache": {"storageClass": "fast"}}}, ("model", "cache", "storageClass")),
        (
            {"model": {"name": "a/b", "endpointPicker": {"sidecar": {"env": {"A": "b"}}}}},
            ("model", "endpointPicker", "sidecar"),
        ),
        ({"platform": {"install": False, "values": {"a": 1}}}, ("platform", "values")),
        ({"platform": {"install": False, "podMonitors": True}}, ("platform", "podMonitors")),
        ({"platform": {"install": False, "grove": "existing"}}, ("platform", "grove")),
        ({"platform": {"install": False, "gate": {"timeoutSeconds": 60}}}, ("platform", "gate")),
        ({"observability": {"alerts": {"enabled": True}}}, ("observability", "alerts", "enabled")),
        ({"observability": {"podMonitor": {"enabled": True}}}, ("observability", "podMonitor", "enabled")),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_a_setting_of_what_is_off_is_a_warning(block: dict[str, Any], path: tuple[str, ...]) -> None:
    (warning,) = plan_of({**MINIMAL, **block}).warnings

    assert (warning.path, warning.warning) == (path, True)
    assert "has no effect while" in warning.message


@pytest.mark.parametrize(
    ("block", "path", "words"),
    [
        ({"name": "Llama-3.3-70B-Instruct"}, ("model", "name"), "has no organization"),
        (
            {"name": "a/b", "backend": {"image": "reg:5000/x/sglang-runtime:1.6.1"}},
            ("model", "backend", "image"),
            "Dynamo's image for sglang",
        ),
        *(
            (
                {"name": "a/b", "frontend": {"env": {name: "x"}}},
                ("model", "frontend", "env", name),
                "a secret",
            )
            for name in ("PASSWORD", "PGPASSWORD", "MY_SECRET", "VLLM_API_KEY", "WANDB_TOKEN", "KEY")
        ),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_what_may_be_meant_is_a_warning(block: dict[str, Any], path: tuple[str, ...], words: str) -> None:
    (warning,) = plan_of({**MINIMAL, "model": block}).warnings

    assert (warning.path, warning.warning) == (path, True)
    assert words in warning.message


@pytest.mark.parametrize(
    ("block", "path", "words"),
    [
        ({"dashboards": ["router"]}, ("dashboards", 0), "model.routingPolicy is not kv"),
        ({"dashboards": ["cache", "disaggregation"]}, ("dashboards", 1), "model.disaggregation is false"),
        (
            {"podMonitor": {"enabled": True}},
            ("podMonitor", "enabled"),
            "wherever the cluster knows that kind",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_dashboards_that_may_stay_empty_and_pods_that_may_be_scraped_twice_are_warnings(
    block: dict[str, Any], path: tuple[str | int, ...], words: str
) -> None:
    (warning,) = plan_of({**MINIMAL, "observability": {"enabled": True, **block}}).warnings

    assert (warning.path, warning.warning) == (("observability", *path), True)
    assert words in warning.message


@pytest.mark.parametrize(
    ("frontend", "path"),
    [
        ({"args": ["--metrics-prefix", "x"]}, ("args",)),
        ({"args": ["--metrics-prefix=x"]}, ("args",)),
        ({"env": {"DYN_METRICS_PREFIX": "x"}}, ("env", "DYN_METRICS_PREFIX")),
    ],
    ids=str,
)
def test_metrics_that_get_another_name_are_a_warning(frontend: dict[str, Any], path: tuple[str, ...]) -> None:
    data = {**MINIMAL, "model": {**MINIMAL["model"], "frontend": frontend}}
    (warning,) = plan_of({**data, "observability": {"enabled": True}}).warnings

    assert warning.path == ("model", "frontend", *path)
    assert plan_of(data).warnings == ()


@pytest.mark.parametrize("platform", [{"podMonitors": False}, {"install": False}], ids=str)
def test_monitors_of_ones_own_are_right_where_the_platform_has_none(platform: dict[str, Any]) -> None:
    block = {"enabled": True, "podMonitor": {"enabled": True}}

    assert plan_of({**MINIMAL, "observability": block, "platform": platform}).warnings == ()


def test_alerts_on_what_nobody_scrapes_are_a_warning() -> None:
    data = {**MINIMAL, "platform": {"podMonitors": False}}
    (warning,) = plan_of({**data, "observability": {"enabled": True, "alerts": {"enabled": True}}}).warnings

    assert warning.path == ("observability", "alerts", "enabled")
    assert "nothing scrapes the graph" in warning.message


def test_a_graph_that_exists_already_may_have_any_roles() -> None:
    model = {**MINIMAL["model"], "deployment": {"create": False}}
    alerts = {"enabled": True, "workers": {"decode": 2}}
    plan = plan_of({**MINIMAL, "model": model, "observability": {"enabled": True, "alerts": alerts}})

    assert plan.warnings == ()


@pytest.mark.parametrize(
    "model",
    [
        {"engine": {"maxModelLen": 1152}},
        {"engine": {"maxModelLen": 8}, "worker": {"engine": {"maxModelLen": 1152}}},
        {
            "disaggregation": True,
            "prefill": {"engine": {"maxModelLen": 1024}},
            "decode": {"engine": {"maxModelLen": 1152}},
        },
    ],
    ids=["shared", "the role's own", "a prefill worker reads the prompt alone"],
)
def test_a_benchmark_may_fill_the_context(model: dict[str, Any]) -> None:
    data = {**MINIMAL, "model": {**MINIMAL["model"], **model}, "benchmark": {"enabled": True}}

    assert plan_of(data).warnings == ()


def test_a_benchmark_at_a_gateways_address_needs_no_frontend() -> None:
    model = {**MINIMAL["model"], "frontend": {"replicas": 0}}
    benchmark = {"enabled": True, "url": "http://gateway.example.com"}

    assert plan_of({**MINIMAL, "model": model, "benchmark": benchmark}).warnings == ()


def test_an_image_of_a_release_that_nobody_knows_may_have_other_parsers() -> None:
    model = {
        **MINIMAL["model"],
        "backend": {"image": "example.com/x:2.0.0"},
        "engine": {"toolCallParser": "next"},
    }

    assert {warning.code for warning in plan_of({**MINIMAL, "model": model}).warnings} == {
        "unknown-release-tag",
        "unknown-parser",
    }


def test_a_release_that_is_not_out_is_a_warning_and_never_the_default() -> None:
    preview = {**MINIMAL["model"], "backend": {"version": "1.7.0"}}
    (warning,) = plan_of({**MINIMAL, "model": preview}).warnings
    (tagged,) = plan_of({**MINIMAL, "model": {**preview, "backend": {"image": "x/y:1.7.0"}}}).warnings

    assert warning.code == tagged.code == "preview-release"
    assert "1.7.0.dev20261026" in warning.message
    assert tagged.path == ("model", "backend", "image")


def test_an_operator_older_than_the_graph_is_a_warning_and_a_newer_one_is_none() -> None:
    older = {"backend": {"version": "1.5.1"}}
    (warning,) = plan_of({**MINIMAL, "platform": {"version": "1.5.1"}}).warnings

    assert warning.code == "older-operator"
    assert plan_of({**MINIMAL, "model": {**MINIMAL["model"], **older}}).warnings == ()


def test_settings_of_a_benchmark_that_is_off_wait_for_it() -> None:
    assert plan_of({**MINIMAL, "benchmark": {"config": {"isl": 8}}}).warnings == ()


def test_a_default_of_what_is_off_is_no_setting() -> None:
    assert plan_of(plan_of(MINIMAL).tree).warnings == ()


@pytest.mark.parametrize("name", sorted(OPERATORS))
@pytest.mark.parametrize("role", ["frontend", "worker"])
def test_no_variable_of_the_operator_may_be_set(role: str, name: str) -> None:
    with pytest.raises(RecipeError, match="the operator sets this variable"):
        plan_of({**MINIMAL, "model": {**MINIMAL["model"], role: {"env": {name: "x"}}}})


FIELDS = {
    "tensorParallel": 1,
    "pipelineParallel": 1,
    "dataParallel": 1,
    "expertParallel": 1,
    "maxModelLen": 8,
    "maxNumSeqs": 8,
    "maxNumBatchedTokens": 8,
    "blockSize": 32,
    "gpuMemoryUtilization": 0.5,
    "kvCacheDtype": "fp8_e4m3",
    "prefixCaching": True,
    "trustRemoteCode": True,
    "toolCallParser": "hermes",
    "reasoningParser": "qwen3",
    "args": ["--dyn-default-thinking-mode", "enabled"],
}
LACKING = {
    "vllm": set(),
    "sglang": set(),
    "trtllm": {"kvCacheDtype", "prefixCaching", "trustRemoteCode"},
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("backend", LACKING)
def test_a_setting_is_taken_exactly_where_the_engine_has_it(backend: str, field: str) -> None:
    model = {**MINIMAL["model"], "backend": {"type": backend}, "engine": {field: FIELDS[field]}}

    if field not in LACKING[backend]:
        assert plan_of({**MINIMAL, "model": model}).tree["model"]["engine"] == {field: FIELDS[field]}
        return
    with pytest.raises(RecipeError, match=f"model.engine.{field}: {backend} has no option for it"):
        plan_of({**MINIMAL, "model": model})


def test_every_mistake_of_a_stage_is_reported_in_order_of_its_place() -> None:
    data = {
        "dynamoNamespace": "A",
        "model": {"name": "..", "backend": {"type": "x"}},
        "observability": {"on": True},
    }
    with pytest.raises(RecipeError) as raised:
        plan_of(data)

    assert [problem.path[-1] for problem in raised.value.problems] == [
        "dynamoNamespace",
        "name",
        "type",
        "on",
    ]


# ---- gateway and endpoint picker ----------------------------------------------------------------

SHARED = {"enabled": True, "name": "g"}
OWN = {"enabled": True, "create": True, "gatewayClassName": "c"}
NO_HEADER = {"modelHeader": {"enabled": False}}
PICKER = {**MINIMAL["model"], "routingPolicy": "kv", "endpointPicker": {"enabled": True}}


@pytest.mark.parametrize(
    ("block", "path", "words"),
    [
        ({"gateway": {**SHARED, **NO_HEADER}}, "gateway.modelHeader.enabled", "every request of the Gateway"),
        (
            {"gateway": {**OWN, **NO_HEADER, "listener": {"allowedNamespaces": ["b"]}}},
            "gateway.modelHeader.enabled",
            "every request of the Gateway",
        ),
        ({"model": PICKER}, "model.endpointPicker.enabled", "no route of this recipe leads to it"),
        (
            {"model": PICKER, "gateway": {**SHARED, "inferencePool": False}},
            "model.endpointPicker.enabled",
            "no route of this recipe leads to it",
        ),
        (
            {"gateway": {**SHARED, "externalBackends": {"a": {"model": "a", "host": "a.com", "tls": False}}}},
            "gateway.externalBackends.a.tls",
            "443 is the port of TLS",
        ),
    ],
    ids=["shared", "shared by namespaces", "no route", "route to the frontend", "TLS port"],
)
def test_what_may_be_meant_of_a_gateway_is_a_warning(block: dict[str, Any], path: str, words: str) -> None:
    (warning,) = plan_of({**MINIMAL, **block}).warnings

    assert (".".join(map(str, warning.path)), warning.warning) == (path, True)
    assert words in warning.message


@pytest.mark.parametrize(
    "block",
    [
        {"gateway": {**OWN, **NO_HEADER}},
        {"gateway": {**SHARED, **NO_HEADER, "hostnames": ["a.com"]}},
        {"gateway": {**SHARED, **NO_HEADER, "pathPrefix": "/a"}},
        {"gateway": {"gatewayClassName": "c"}},
        {"gateway": SHARED, "model": PICKER},
        {"gateway": SHARED, "model": {**PICKER, "frontend": {"replicas": 0}}},
        {"gateway": {**SHARED, "inferencePool": True}, "model": {**PICKER, "deployment": {"create": False}}},
    ],
    ids=["alone", "host name", "path", "off", "picker", "no frontend", "graph that is there"],
)  # fmt: skip
def test_a_gateway_that_can_work_is_no_matter(block: dict[str, Any]) -> None:
    assert plan_of({**MINIMAL, **block}).warnings == ()


# ---- images -------------------------------------------------------------------------------------


def image_keys(*path: str) -> Iterator[tuple[str, ...]]:
    """Every key of the language that is called `image`."""
    block = language.block_at(path)
    for key in language.key_names(block) if block else ():
        if key == "image":
            yield (*path, key)
        yield from image_keys(*path, key)


IMAGES = sorted(image_keys())


def test_all_images_are_found() -> None:
    assert ("platform", "gate", "image") in IMAGES
    assert len(IMAGES) > 5


@pytest.mark.parametrize("image", ["example.com/x:latest", "example.com/x", "not an image"])
@pytest.mark.parametrize("path", IMAGES, ids=".".join)
def test_no_image_may_change_under_its_users(path: tuple[str, ...], image: str) -> None:
    block: dict[str, Any] = {"image": image}
    if path[-2] == "s3":
        block |= {"uri": "s3://bucket/weights", "secret": "s3"}
    patch: Any = block if path[-2] in ("gate", "s3", "backend", "convert") else {"enabled": True, **block}
    for key in reversed(path[:-1]):
        patch = {key: {"enabled": True, **patch} if key in ("cache", "ingestion") else patch}
    data = {**MINIMAL, **patch, "model": {**MINIMAL["model"], **patch.get("model", {})}}
    with pytest.raises(RecipeError) as raised:
        plan_of(data)

    code = "image-reference" if " " in image else "image-not-pinned"
    assert [problem.code for problem in raised.value.problems if problem.path == path] == [code]


def test_a_block_in_a_message_is_written_as_in_a_recipe() -> None:
    block = {"model": {"name": "a/b", "cache": {"claim": {"name": "mine"}}}}

    (warning,) = plan_of({**MINIMAL, **block}).warnings

    assert warning.message.endswith("got {name: 'mine'}")


def test_more_workers_than_the_recipe_has_are_a_warning() -> None:
    alerts = {"enabled": True, "workers": {"worker": 3}}

    (warning,) = plan_of({**MINIMAL, "observability": {"enabled": True, "alerts": alerts}}).warnings

    assert warning.path == ("observability", "alerts", "workers", "worker")


@pytest.mark.parametrize("name", ["llama-gateway", "llama-model-express", "llama-benchmark"])
def test_a_graph_called_like_a_release_of_another_recipe_is_a_warning(name: str) -> None:
    (warning,) = plan_of(MINIMAL, name=name).warnings

    assert "a recipe 'llama'" in warning.message


def test_a_namespace_that_leaves_no_room_in_the_pods_label_is_a_warning() -> None:
    data = {**MINIMAL, "dynamoNamespace": "n" * 51}

    (warning,) = plan_of(data, name="x" * 12).warnings

    assert warning.path == ("dynamoNamespace",)
    assert plan_of(data, name="x" * 11).warnings == ()
