"""What a recipe's model block becomes: the DynamoGraphDeployment."""

from collections.abc import Callable
from typing import Any

import helm_python
import pytest

Make = Callable[..., dict[str, Any]]

BACKENDS = ["vllm", "sglang", "trtllm"]
EVENTS = {"vllm": "--kv-events-config", "sglang": "--kv-events-config", "trtllm": "--publish-kv-events"}
CONFIG = {"vllm": "--config", "sglang": "--config", "trtllm": "--extra-engine-args"}
BLOCK_SIZE = {
    "vllm": ("--block-size", "16"),
    "sglang": ("--page-size", "16"),
    "trtllm": ("--kv-block-size", "32"),
}


def after(option: str, args: list[str]) -> str:
    """The token that follows an option."""
    return args[args.index(option) + 1]


def names(graph: dict[str, Any]) -> list[str]:
    return [component["name"] for component in graph["spec"]["components"]]


def test_without_disaggregation_there_is_a_frontend_and_a_worker(graph: Make) -> None:
    assert names(graph()) == ["frontend", "worker"]


def test_with_disaggregation_there_are_prefill_and_decode_workers(graph: Make) -> None:
    assert names(graph(disaggregation=True)) == ["frontend", "prefill", "decode"]


def test_type_of_a_component_is_its_name(graph: Make) -> None:
    components = graph(disaggregation=True)["spec"]["components"]

    assert all(component["type"] == component["name"] for component in components)


def test_graph_is_called_like_the_release_when_nothing_else_is_said(graph: Make) -> None:
    assert graph()["metadata"]["name"] == "qwen"


def test_graph_is_called_as_global_says(render: Callable[..., list[dict[str, Any]]]) -> None:
    (made,) = render({"model": {"name": "M"}, "global": {"graph": "other"}})

    assert made["metadata"]["name"] == "other"


def test_no_object_carries_a_namespace(graph: Make) -> None:
    assert "namespace" not in graph()["metadata"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_framework_is_the_backend(backend: str, graph: Make) -> None:
    assert graph(backend={"type": backend})["spec"]["backendFramework"] == backend


def test_unknown_backend_is_refused(graph: Make) -> None:
    with pytest.raises(helm_python.HelmError, match="backend"):
        graph(backend={"type": "triton"})


def test_missing_model_name_is_refused(render: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(helm_python.HelmError, match="name"):
        render({}, chart="model")


def test_image_is_dynamos_own_for_backend_and_version(container: Make) -> None:
    image = container("worker", backend={"type": "trtllm", "version": "1.6.0"})["image"]

    assert image == "nvcr.io/nvidia/ai-dynamo/tensorrtllm-runtime:1.6.0"


def test_registry_moves_the_image(container: Make) -> None:
    image = container("frontend", backend={"registry": "mirror.example.com/dynamo"})["image"]

    assert image == "mirror.example.com/dynamo/vllm-runtime:1.6.1"


def test_frontend_has_the_image_of_the_workers(graph: Make) -> None:
    components = graph(backend={"image": "mine:1.6.1"}, disaggregation=True)["spec"]["components"]

    assert {c["podTemplate"]["spec"]["containers"][0]["image"] for c in components} == {"mine:1.6.1"}


def test_image_of_ones_own_states_its_dynamo_version_on_every_component(graph: Make) -> None:
    components = graph(backend={"image": "mine:1", "version": "1.6.0"})["spec"]["components"]

    assert [c["runtimeVersionOverride"] for c in components] == ["1.6.0", "1.6.0"]


def test_release_inside_an_image_of_ones_own_is_the_one_that_its_tag_names(component: Make) -> None:
    made = component("worker", backend={"image": "mine:v1.6.0-patched"})

    assert made["runtimeVersionOverride"] == "1.6.0"


def test_image_whose_tag_names_no_release_is_refused_without_a_version(graph: Make) -> None:
    with pytest.raises(helm_python.HelmError, match=r"backend\.image: .* say it with backend\.version"):
        graph(backend={"image": "mine:1"})


def test_dynamos_own_image_needs_no_version_beside_it(component: Make) -> None:
    assert "runtimeVersionOverride" not in component("worker")


@pytest.mark.parametrize("backend", BACKENDS)
def test_worker_is_started_without_a_shell(backend: str, container: Make) -> None:
    command = container("worker", backend={"type": backend})["command"]

    assert command == ["python3", "-m", f"dynamo.{backend}"]


def test_frontend_is_started_in_two_lists_so_that_none_is_empty(container: Make) -> None:
    main = container("frontend")

    assert (main["command"], main["args"]) == (["python3"], ["-m", "dynamo.frontend"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_worker_serves_the_model_under_its_name(backend: str, container: Make) -> None:
    args = container("worker", backend={"type": backend})["args"]

    assert after("--served-model-name", args) == "Qwen/Qwen3-0.6B"


@pytest.mark.parametrize("backend", BACKENDS)
def test_worker_loads_the_stated_revision(backend: str, container: Make) -> None:
    args = container("worker", backend={"type": backend}, revision="abc")["args"]

    assert after("--revision", args) == "abc"


def test_absent_block_is_one_replica(component: Make) -> None:
    assert component("worker")["replicas"] == 1


@pytest.mark.parametrize("replicas", [0, 3])
def test_replicas_are_as_stated(replicas: int, component: Make) -> None:
    assert component("worker", worker={"replicas": replicas})["replicas"] == replicas


def test_engine_settings_of_the_role_win_over_the_shared_ones(container: Make) -> None:
    shared, own = {"maxNumSeqs": 8, "maxModelLen": 4096}, {"maxNumSeqs": 16}
    args = container("worker", engine=shared, worker={"engine": own})["args"]

    assert (after("--max-num-seqs", args), after("--max-model-len", args)) == ("16", "4096")


def test_false_of_the_role_wins_over_a_shared_true(container: Make) -> None:
    own = {"engine": {"prefixCaching": False}}
    args = container("worker", engine={"prefixCaching": True}, worker=own)["args"]

    assert "--no-enable-prefix-caching" in args


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ({"engine": {"trustRemoteCode": True}}, "engine.trustRemoteCode"),
        ({"engine": {"prefixCaching": False}}, "engine.prefixCaching"),
        ({"worker": {"engine": {"kvCacheDtype": "fp8"}}}, "worker.engine.kvCacheDtype"),
    ],
)
def test_field_that_the_backend_has_no_option_for_is_refused(
    model: dict[str, Any], field: str, graph: Make
) -> None:
    with pytest.raises(helm_python.HelmError, match=f"{field}: trtllm has no option for it: use .*args"):
        graph(backend={"type": "trtllm"}, **model)


@pytest.mark.parametrize(
    ("role", "mode", "needed"),
    [("worker", True, "false"), ("prefill", False, "true"), ("decode", False, "true")],
)
def test_block_of_a_role_that_the_graph_has_not_is_refused(
    role: str, mode: bool, needed: str, graph: Make
) -> None:
    with pytest.raises(
        helm_python.HelmError, match=f"{role} has no effect .* set disaggregation to {needed}"
    ):
        graph(disaggregation=mode, **{role: {}})


def test_arguments_of_the_role_replace_the_shared_ones(container: Make) -> None:
    args = container("worker", engine={"args": ["--shared"]}, worker={"engine": {"args": ["--own"]}})["args"]

    assert args[-1] == "--own"
    assert "--shared" not in args


def test_arguments_of_ones_own_come_last(container: Make) -> None:
    args = container("worker", routingPolicy="kv", engine={"maxModelLen": 1, "args": ["--x", "1e5"]})["args"]

    assert args[-2:] == ["--x", "1e5"]


def test_million_tokens_are_printed_as_digits(container: Make) -> None:
    args = container("worker", engine={"maxModelLen": 1048576})["args"]

    assert after("--max-model-len", args) == "1048576"


def test_fraction_is_printed_plainly(container: Make) -> None:
    args = container("worker", engine={"gpuMemoryUtilization": 0.9})["args"]

    assert after("--gpu-memory-utilization", args) == "0.9"


@pytest.mark.parametrize("policy", ["kv", "random", "round-robin", "power-of-two"])
def test_routing_policy_is_the_frontends_router_mode(policy: str, container: Make) -> None:
    assert after("--router-mode", container("frontend", routingPolicy=policy)["args"]) == policy


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("role", ["worker", "prefill"])
def test_workers_that_read_prompts_tell_the_kv_router_what_they_cache(
    backend: str, role: str, container: Make
) -> None:
    model = {"backend": {"type": backend}, "disaggregation": role != "worker", "routingPolicy": "kv"}
    args = container(role, **model)["args"]

    assert EVENTS[backend] in args


@pytest.mark.parametrize(("backend", "tells"), [("vllm", True), ("sglang", False), ("trtllm", False)])
def test_decode_workers_tell_the_kv_router_only_where_they_keep_a_prefix_cache(
    backend: str, tells: bool, container: Make
) -> None:
    args = container("decode", backend={"type": backend}, disaggregation=True, routingPolicy="kv")["args"]

    assert (EVENTS[backend] in args) is tells


@pytest.mark.parametrize("backend", BACKENDS)
def test_workers_are_silent_without_the_kv_router(backend: str, container: Make) -> None:
    args = container("worker", backend={"type": backend}, routingPolicy="random")["args"]

    assert EVENTS[backend] not in args


@pytest.mark.parametrize("backend", BACKENDS)
def test_kv_router_and_workers_agree_on_an_unstated_block_size(backend: str, container: Make) -> None:
    option, size = BLOCK_SIZE[backend]
    model = {"backend": {"type": backend}, "routingPolicy": "kv"}

    assert after("--kv-cache-block-size", container("frontend", **model)["args"]) == size
    assert after(option, container("worker", **model)["args"]) == size


def test_kv_router_has_the_block_size_that_the_workers_were_given(container: Make) -> None:
    args = container("frontend", routingPolicy="kv", worker={"engine": {"blockSize": 64}})["args"]

    assert after("--kv-cache-block-size", args) == "64"


def test_block_size_is_the_engines_business_without_the_kv_router(container: Make) -> None:
    assert "--block-size" not in container("worker")["args"]


@pytest.mark.parametrize(("replicas", "synced"), [(1, False), (2, True)])
def test_several_kv_routers_share_what_they_know(replicas: int, synced: bool, container: Make) -> None:
    args = container("frontend", routingPolicy="kv", frontend={"replicas": replicas})["args"]

    assert ("--router-replica-sync" in args) is synced


def test_frontends_own_arguments_come_last(container: Make) -> None:
    args = container("frontend", routingPolicy="kv", frontend={"args": ["--router-ttl-secs", "60"]})["args"]

    assert args[-2:] == ["--router-ttl-secs", "60"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("role", ["prefill", "decode"])
def test_disaggregated_worker_is_told_its_role(backend: str, role: str, container: Make) -> None:
    args = container(role, backend={"type": backend}, disaggregation=True)["args"]

    assert after("--disaggregation-mode", args) == role


@pytest.mark.parametrize(("role", "kv_role"), [("prefill", "kv_producer"), ("decode", "kv_consumer")])
def test_vllm_transfers_its_cache_from_prefill_to_decode(role: str, kv_role: str, container: Make) -> None:
    args = container(role, disaggregation=True)["args"]

    assert kv_role in after("--kv-transfer-config", args)


def test_sglang_data_parallel_ranks_share_gpus(container: Make) -> None:
    main = container("worker", backend={"type": "sglang"}, engine={"tensorParallel": 8, "dataParallel": 8})

    assert "--enable-dp-attention" in main["args"]
    assert main["resources"]["limits"]["nvidia.com/gpu"] == "8"


def test_sglang_and_trtllm_take_the_ranks_of_the_experts(container: Make) -> None:
    for backend in ["sglang", "trtllm"]:
        main = container(
            "worker", backend={"type": backend}, engine={"tensorParallel": 8, "expertParallel": 4}
        )

        assert after("--expert-parallel-size", main["args"]) == "4"
        assert main["resources"]["limits"]["nvidia.com/gpu"] == "8"


def test_vllm_spreads_the_experts_by_a_switch(container: Make) -> None:
    sizes = {"tensorParallel": 2, "dataParallel": 4, "expertParallel": 8}
    args = container("worker", engine=sizes)["args"]

    assert "--enable-expert-parallel" in args
    assert "8" not in args


@pytest.mark.parametrize(
    ("backend", "option"), [("sglang", "--enable-metrics"), ("trtllm", "--publish-metrics")]
)
@pytest.mark.parametrize("role", ["worker", "decode"])
def test_engines_tell_of_themselves(backend: str, option: str, role: str, container: Make) -> None:
    main = container(role, backend={"type": backend}, disaggregation=role == "decode")

    assert option in main["args"]


def test_trtllm_of_an_older_dynamo_is_told_of_no_option_that_it_lacks(container: Make) -> None:
    args = container("worker", backend={"type": "trtllm", "version": "1.5.1"}, routingPolicy="kv")["args"]

    assert "--publish-kv-events" in args
    assert "--publish-metrics" not in args


def test_trtllm_has_a_switch_for_ranks_that_share_gpus(container: Make) -> None:
    engine = {"tensorParallel": 4, "dataParallel": 4}
    main = container("worker", backend={"type": "trtllm"}, engine=engine)

    assert "--enable-attention-dp" in main["args"]
    assert main["resources"]["limits"]["nvidia.com/gpu"] == "4"


def test_gpus_are_what_the_parallel_sizes_need(container: Make) -> None:
    engine = {"tensorParallel": 2, "pipelineParallel": 2, "dataParallel": 2}

    assert container("worker", engine=engine)["resources"] == {"limits": {"nvidia.com/gpu": "8"}}


def test_gpus_are_spread_over_the_nodes(component: Make) -> None:
    made = component("worker", engine={"tensorParallel": 16}, worker={"nodes": 2})
    (main,) = made["podTemplate"]["spec"]["containers"]

    assert made["multinode"] == {"nodeCount": 2}
    assert main["resources"]["limits"]["nvidia.com/gpu"] == "8"


def test_gpus_that_do_not_divide_by_the_nodes_are_refused(component: Make) -> None:
    with pytest.raises(helm_python.HelmError, match=r"worker: 4 GPUs .* 3 nodes"):
        component("worker", engine={"tensorParallel": 4}, worker={"nodes": 3})


def test_one_node_is_no_multinode_group(component: Make) -> None:
    assert "multinode" not in component("worker", worker={"nodes": 1})


def test_stated_gpus_win(container: Make) -> None:
    main = container("worker", worker={"gpus": 4}, gpuResource="amd.com/gpu")

    assert main["resources"]["limits"] == {"amd.com/gpu": "4"}


def test_frontend_takes_no_gpu(container: Make) -> None:
    assert "resources" not in container("frontend")


def test_other_resources_stand_beside_the_gpus(container: Make) -> None:
    given = {"requests": {"cpu": "8"}, "limits": {"memory": "64Gi"}}
    main = container("worker", worker={"resources": given})

    assert main["resources"] == {
        "requests": {"cpu": "8"},
        "limits": {"memory": "64Gi", "nvidia.com/gpu": "1"},
    }


def test_shared_memory_is_as_stated(component: Make) -> None:
    assert component("worker", worker={"sharedMemory": "16Gi"})["sharedMemorySize"] == "16Gi"


@pytest.mark.parametrize("text", ["y", "no", "1e5", "{}", "12:30", "null", "", "a\nb", '"', "ü"])
def test_environment_values_stay_text(text: str, container: Make) -> None:
    assert container("worker", worker={"env": {"A": text}})["env"] == [{"name": "A", "value": text}]


@pytest.mark.parametrize("text", ["y", "1e5", "0x1F", "-", "{}", "'", "a: b", "# c", "é"])
def test_arguments_stay_text(text: str, container: Make) -> None:
    assert container("worker", engine={"args": [text]})["args"][-1] == text


def test_workers_alone_are_bound_to_gpu_nodes(graph: Make) -> None:
    place = {"nodeSelector": {"gpu": "h100"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}
    frontend, worker = (c["podTemplate"]["spec"] for c in graph(**place)["spec"]["components"])

    assert {key: worker[key] for key in place} == place
    assert not place.keys() & frontend.keys()


def test_token_secret_reaches_every_component(graph: Make) -> None:
    components = graph(huggingFaceTokenSecret="hf", disaggregation=True)["spec"]["components"]
    sources = [c["podTemplate"]["spec"]["containers"][0]["envFrom"] for c in components]

    assert sources == [[{"secretRef": {"name": "hf"}}]] * 3


def test_pods_see_no_service_links(graph: Make) -> None:
    assert all(not c["podTemplate"]["spec"]["enableServiceLinks"] for c in graph()["spec"]["components"])


def test_containers_gain_no_privileges(container: Make) -> None:
    assert container("worker")["securityContext"] == {"allowPrivilegeEscalation": False}


def test_labels_stay_the_same_when_the_version_changes(component: Make) -> None:
    old, new = (
        component("worker", backend={"version": v})["podTemplate"]["metadata"] for v in ("1.6.0", "1.6.1")
    )

    assert old == new


@pytest.mark.parametrize("backend", BACKENDS)
def test_extra_config_is_a_file_of_the_config_map(backend: str, component: Make) -> None:
    given = {"configMapRef": {"name": "engine"}}
    made = component("worker", backend={"type": backend}, worker={"extraConfig": given})
    pod = made["podTemplate"]["spec"]

    assert pod["volumes"] == [{"name": "config", "configMap": {"name": "engine"}}]
    assert pod["containers"][0]["volumeMounts"] == [
        {
            "name": "config",
            "mountPath": "/opt/dynamo/model/config.yaml",
            "subPath": "config.yaml",
            "readOnly": True,
        }
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_path_of_the_extra_config_reaches_the_engine_twice(backend: str, container: Make) -> None:
    given = {"path": "/etc/e.yaml", "configMapRef": {"name": "engine"}}
    main = container("worker", backend={"type": backend}, worker={"extraConfig": given})

    assert main["env"] == [{"name": "DYNAMO_EXTRA_CONFIG", "value": "/etc/e.yaml"}]
    assert after(CONFIG[backend], main["args"]) == "/etc/e.yaml"


def test_file_with_a_variable_of_its_own_is_not_for_the_engine(container: Make) -> None:
    given = {"path": "/etc/nccl.conf", "env": "NCCL_CONF_FILE", "configMapRef": {"name": "nccl"}}
    main = container("worker", worker={"extraConfigs": [given]})

    assert main["env"] == [{"name": "NCCL_CONF_FILE", "value": "/etc/nccl.conf"}]
    assert "--config" not in main["args"]


def test_key_of_the_config_map_can_be_stated(container: Make) -> None:
    given = {"key": "decode.yaml", "configMapRef": {"name": "engine"}}
    (mount,) = container("worker", worker={"extraConfig": given})["volumeMounts"]

    assert mount["subPath"] == "decode.yaml"


def test_extra_config_without_source_is_refused(container: Make) -> None:
    with pytest.raises(helm_python.HelmError, match="configMapRef or content"):
        container("worker", worker={"extraConfig": {}})
