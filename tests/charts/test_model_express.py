"""The Model Express server, and the workers that load through it."""

from collections.abc import Callable
from typing import Any

import helm_python
import pytest

Render = Callable[..., list[dict[str, Any]]]
Make = Callable[..., dict[str, Any]]

URL = "http://qwen-model-express:8001"
KINDS = ["Deployment", "PersistentVolumeClaim", "Role", "RoleBinding", "Service", "ServiceAccount"]
REDIS = {"metadata": "redis", "redis": {"url": "redis://redis:6379"}}


@pytest.fixture
def server(render: Render) -> Callable[..., dict[str, dict[str, Any]]]:
    """The objects of the server, by kind."""

    def made(**values: Any) -> dict[str, dict[str, Any]]:
        shared = {"global": {"graph": "qwen"}}
        objects = render({"enabled": True, **shared, **values}, "model-express", "any", "llm")
        return {item["kind"]: item for item in objects}

    return made


@pytest.fixture
def pod(server: Callable[..., dict[str, dict[str, Any]]]) -> Make:
    """The pod of the server."""

    def spec(**values: Any) -> dict[str, Any]:
        found: dict[str, Any] = server(**values)["Deployment"]["spec"]["template"]["spec"]
        return found

    return spec


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container.get("env", [])}


# ---- the server ---------------------------------------------------------------------------------


def test_switched_off_makes_nothing(render: Render) -> None:
    assert render({"enabled": False}, chart="model-express") == []


def test_every_object_is_named_for_the_graph(server: Callable[..., dict[str, dict[str, Any]]]) -> None:
    made = server()

    assert sorted(made) == KINDS
    assert {item["metadata"]["name"] for item in made.values()} == {"qwen-model-express"}


def test_service_finds_the_server_where_workers_are_told(
    server: Callable[..., dict[str, dict[str, Any]]],
) -> None:
    made = server()
    labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"]: port["port"] for port in made["Service"]["spec"]["ports"]}

    assert f"http://{made['Service']['metadata']['name']}:{ports['grpc']}" == URL
    assert made["Service"]["spec"]["selector"].items() <= labels.items()
    assert made["Deployment"]["spec"]["selector"]["matchLabels"] == made["Service"]["spec"]["selector"]


def test_server_listens_where_its_ports_are(pod: Make) -> None:
    (main,) = pod()["containers"]
    ports = {port["name"]: str(port["containerPort"]) for port in main["ports"]}

    assert variables(main)["MODEL_EXPRESS_SERVER_PORT"] == ports["grpc"]
    assert variables(main)["MODEL_EXPRESS_SERVER_METRICS_PORT"] == ports["metrics"] == "9401"
    assert {main[probe]["tcpSocket"]["port"] for probe in ("readinessProbe", "livenessProbe")} == {"grpc"}


def test_weights_go_onto_the_volume(pod: Make) -> None:
    made = pod()
    (main,) = made["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in main["volumeMounts"]}

    assert made["volumes"][0]["persistentVolumeClaim"] == {"claimName": "qwen-model-express"}
    assert variables(main)["MODEL_EXPRESS_CACHE_DIRECTORY"] == mounts["cache"]


def test_volume_is_as_stated_and_stays(server: Callable[..., dict[str, dict[str, Any]]]) -> None:
    claim = server(size="2Ti", storageClass="fast")["PersistentVolumeClaim"]

    assert claim["spec"]["resources"] == {"requests": {"storage": "2Ti"}}
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_in_the_cluster_it_may_write_what_it_knows_and_only_in_its_namespace(
    server: Callable[..., dict[str, dict[str, Any]]], pod: Make
) -> None:
    made = server()
    resources = {name for rule in made["Role"]["rules"] for name in rule["resources"]}
    (subject,) = made["RoleBinding"]["subjects"]

    assert {"modelmetadatas", "modelcacheentries", "configmaps"} <= resources
    assert subject["namespace"] == "llm"
    assert pod()["automountServiceAccountToken"]
    assert variables(pod()["containers"][0])["MX_METADATA_NAMESPACE"] == "llm"


def test_with_redis_it_has_no_rights_in_the_cluster(
    server: Callable[..., dict[str, dict[str, Any]]], pod: Make
) -> None:
    main = pod(**REDIS)["containers"][0]

    assert not {"Role", "RoleBinding"} & server(**REDIS).keys()
    assert not pod(**REDIS)["automountServiceAccountToken"]
    assert variables(main)["MX_METADATA_BACKEND"] == "redis"
    assert variables(main)["REDIS_URL"] == "redis://redis:6379"


def test_address_of_redis_may_be_a_secret(pod: Make) -> None:
    main = pod(metadata="redis", redis={"secret": "address"})["containers"][0]

    assert variables(main)["REDIS_URL"] == {"secretKeyRef": {"name": "address", "key": "REDIS_URL"}}


@pytest.mark.parametrize("redis", [{}, {"url": "redis://redis:6379", "secret": "address"}])
def test_redis_without_one_address_is_refused(redis: dict[str, str], render: Render) -> None:
    with pytest.raises(helm_python.HelmError, match="either url or secret"):
        render({"enabled": True, "metadata": "redis", "redis": redis}, chart="model-express")


def test_token_is_the_one_of_the_model(pod: Make) -> None:
    shared = {"graph": "qwen", "huggingFaceTokenSecret": "hf"}

    assert pod(**{"global": shared})["containers"][0]["envFrom"] == [{"secretRef": {"name": "hf"}}]
    assert "envFrom" not in pod()["containers"][0]


def test_server_has_no_privileges(pod: Make) -> None:
    made = pod()
    context = made["containers"][0]["securityContext"]

    assert made["securityContext"]["runAsNonRoot"]
    assert context["readOnlyRootFilesystem"]
    assert context["capabilities"] == {"drop": ["ALL"]}


# ---- its workers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("vllm", ["--load-format", "modelexpress"]),
        (
            "sglang",
            [
                *("--load-format", "remote_instance"),
                *("--remote-instance-weight-loader-backend", "modelexpress"),
                *("--modelexpress-config", '{"transport":"nixl"}'),
            ],
        ),
    ],
)
@pytest.mark.parametrize("role", ["worker", "prefill", "decode"])
def test_workers_of_every_role_load_through_the_server(
    role: str, backend: str, options: list[str], container: Make
) -> None:
    model = {"backend": {"type": backend}, "disaggregation": role != "worker", "modelExpressUrl": URL}
    main = container(role, **model)
    start = main["args"].index(options[0])

    assert main["args"][start : start + len(options)] == options
    assert variables(main)["MODEL_EXPRESS_URL"] == URL


def test_the_frontend_is_told_of_no_server(container: Make) -> None:
    assert container("frontend", modelExpressUrl=URL) == container("frontend")


def test_without_a_server_nothing_is_said_of_one(container: Make) -> None:
    main = container("worker")

    assert "--load-format" not in main["args"]
    assert "MODEL_EXPRESS_URL" not in variables(main)


def test_vllm_keeps_dynamos_own_plugins(container: Make) -> None:
    """The variable would leave out every plugin that it does not name."""
    assert "VLLM_PLUGINS" not in variables(container("worker", modelExpressUrl=URL))


def test_the_server_streams_to_workers_without_a_volume_of_their_own(container: Make) -> None:
    alone = variables(container("worker", modelExpressUrl=URL))
    cached = variables(container("worker", modelExpressUrl=URL, cache={"enabled": True}))

    assert alone["MODEL_EXPRESS_NO_SHARED_STORAGE"] == "1"
    assert cached["MODEL_EXPRESS_URL"] == URL
    assert "MODEL_EXPRESS_NO_SHARED_STORAGE" not in cached


def test_an_engine_whose_way_is_not_known_is_refused(graph: Make) -> None:
    with pytest.raises(helm_python.HelmError, match="how trtllm loads through Model Express is not known"):
        graph(backend={"type": "trtllm"}, modelExpressUrl=URL)


@pytest.mark.parametrize("backend", ["vllm", "sglang", "trtllm"])
def test_the_mocker_loads_nothing(backend: str, container: Make) -> None:
    model = {"mocker": True, "backend": {"type": backend}}

    assert container("worker", **model, modelExpressUrl=URL) == container("worker", **model)


# ---- in the parent chart ------------------------------------------------------------------------


def test_in_plain_helm_a_server_that_nobody_would_ask_is_refused(render: Render) -> None:
    block = {"modelExpress": {"enabled": True}}

    with pytest.raises(helm_python.HelmError, match="modelExpressUrl: http://qwen-model-express:8001"):
        render({**block, "model": {"name": "M"}})
    assert render({**block, "model": {"name": "M", "modelExpressUrl": URL}})
