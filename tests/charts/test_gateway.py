"""The gateway's objects, and the endpoint picker that its route can lead to."""

from collections.abc import Callable
from typing import Any

import helm_python
import jsonschema
import pytest

import kinds

Render = Callable[..., list[dict[str, Any]]]
Make = Callable[..., dict[str, Any]]

SHARED = {"graph": "qwen", "model": "Qwen/Qwen3-0.6B"}
EXISTING = {"name": "inference-gateway", "namespace": "gateways", "sectionName": "https"}
OWN = {"create": True, "gatewayClassName": "agentgateway"}
OPENAI = {"model": "gpt-5", "host": "api.openai.com"}
OWN_BACKEND = {"group": "agentgateway.dev", "kind": "AgentgatewayBackend", "name": "o"}
PICKER = {"routingPolicy": "kv", "endpointPicker": {"enabled": True}}
EVERYTHING = {
    **OWN,
    "name": "front",
    "listener": {"port": 8443, "tlsSecret": "cert", "allowedNamespaces": ["team-b"]},
    "infrastructure": {
        "labels": {"team": "llm"},
        "annotations": {"example.com/kind": "internal"},
        "parametersRef": {"group": "agentgateway.dev", "kind": "AgentgatewayParameters", "name": "p"},
    },
    "hostnames": ["llm.example.com", "*.llm.example.com"],
    "pathPrefix": "/qwen",
    "externalBackends": {
        "openai": OPENAI,
        "private": {"model": "p", "host": "llm.example.org", "caConfigMap": "ca", "path": "/api"},
        "plain": {"model": "q", "host": "llm.example.net", "port": 8080, "tls": False},
        "own": {"model": "o", "backendRef": OWN_BACKEND},
        "service": {"model": "s", "backendRef": {"name": "other", "port": 8000}},
    },
}  # fmt: skip


@pytest.fixture
def made(render: Render) -> Callable[..., list[dict[str, Any]]]:
    """All objects of a `gateway` block."""

    def objects(shared: dict[str, Any] = SHARED, **values: Any) -> list[dict[str, Any]]:
        return render({"enabled": True, "global": shared, **values}, chart="gateway", namespace="team")

    return objects


@pytest.fixture
def one(made: Callable[..., list[dict[str, Any]]]) -> Make:
    """The spec of one object of a `gateway` block, by kind and name."""

    def spec(kind: str, name: str, /, **values: Any) -> dict[str, Any]:
        (found,) = [o for o in made(**values) if (o["kind"], o["metadata"]["name"]) == (kind, name)]
        return dict(found["spec"])

    return spec


@pytest.fixture
def rule(one: Make) -> Make:
    """The one rule of an HTTPRoute."""

    def found(route: str = "qwen", /, **values: Any) -> dict[str, Any]:
        (only,) = one("HTTPRoute", route, **values)["rules"]
        return dict(only)

    return found


def test_switched_off_makes_nothing(render: Render) -> None:
    assert render({"enabled": False, **EVERYTHING}, chart="gateway") == []


@pytest.mark.parametrize("values", [EXISTING, OWN, EVERYTHING, {**EXISTING, "inferencePool": True}], ids=str)
def test_every_object_fits_the_kinds_of_the_gateway_api(
    made: Callable[..., list[dict[str, Any]]], values: dict[str, Any]
) -> None:
    for item in made(**values):
        if item["kind"] != "Service":
            kinds.check(item)


def test_a_field_that_the_gateway_api_does_not_have_is_refused(one: Make) -> None:
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {}}
    wrong = {**one("HTTPRoute", "qwen", **EXISTING), "hostnamez": []}

    with pytest.raises(jsonschema.ValidationError, match="hostnamez"):
        kinds.check({**route, "spec": wrong})


def test_the_route_attaches_to_the_gateway_that_is_there(made: Callable[..., list[dict[str, Any]]]) -> None:
    (route,) = made(**EXISTING)

    assert route["spec"]["parentRefs"] == [EXISTING]


def test_a_gateway_that_is_there_needs_a_name(made: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(helm_python.HelmError, match="name is missing: the existing Gateway"):
        made()


def test_the_route_attaches_to_the_gateway_of_its_own(one: Make) -> None:
    assert one("HTTPRoute", "qwen", **OWN)["parentRefs"] == [{"name": "qwen-gateway"}]
    assert one("Gateway", "qwen-gateway", **OWN)["gatewayClassName"] == "agentgateway"


def test_a_gateway_of_its_own_needs_a_class(made: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(helm_python.HelmError, match="gatewayClassName is missing"):
        made(create=True)


def test_a_gateway_of_its_own_listens_in_plain_http_for_its_namespace(one: Make) -> None:
    (listener,) = one("Gateway", "qwen-gateway", **OWN)["listeners"]

    assert listener == {
        "name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": {"namespaces": {"from": "Same"}}
    }  # fmt: skip


def test_a_gateway_with_a_secret_listens_in_https(one: Make) -> None:
    (listener,) = one("Gateway", "qwen-gateway", **OWN, listener={"tlsSecret": "cert"})["listeners"]

    assert (listener["name"], listener["protocol"], listener["port"]) == ("https", "HTTPS", 443)
    assert listener["tls"] == {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": "cert"}]}


@pytest.mark.parametrize(
    ("others", "source", "names"),
    [([], "Same", None), (["*"], "All", None), (["team-b"], "Selector", ["team", "team-b"])],
)
def test_other_namespaces_attach_where_they_may(
    one: Make, others: list[str], source: str, names: list[str] | None
) -> None:
    listener = {"allowedNamespaces": others}
    allowed = one("Gateway", "qwen-gateway", **OWN, listener=listener)["listeners"][0]["allowedRoutes"][
        "namespaces"
    ]

    assert allowed["from"] == source
    if names:
        (expression,) = allowed["selector"]["matchExpressions"]

        assert expression == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}


def test_what_is_passed_on_to_the_controller_is_there_only_when_given(one: Make) -> None:
    given = one("Gateway", "front", **EVERYTHING)["infrastructure"]

    assert given == EVERYTHING["infrastructure"]
    assert "infrastructure" not in one("Gateway", "qwen-gateway", **OWN)


def test_the_model_is_told_by_its_header(rule: Make) -> None:
    (match,) = rule(**EXISTING)["matches"]

    assert match["headers"] == [
        {"type": "Exact", "name": "X-Gateway-Model-Name", "value": "Qwen/Qwen3-0.6B"}
    ]  # fmt: skip


def test_the_header_can_have_another_name_and_value(rule: Make) -> None:
    (match,) = rule(**EXISTING, modelHeader={"name": "X-Model", "value": "small"})["matches"]

    assert match["headers"] == [{"type": "Exact", "name": "X-Model", "value": "small"}]


def test_a_single_model_needs_no_header(rule: Make) -> None:
    (match,) = rule(**EXISTING, modelHeader={"enabled": False}, shared={"graph": "qwen"})["matches"]

    assert match == {"path": {"type": "PathPrefix", "value": "/"}}


def test_without_the_models_name_its_header_has_to_be_given(
    made: Callable[..., list[dict[str, Any]]],
) -> None:
    with pytest.raises(helm_python.HelmError, match=r"modelHeader\.value is missing"):
        made(**EXISTING, shared={"graph": "qwen"})


def test_a_request_may_take_as_long_as_the_recipe_says(rule: Make) -> None:
    assert rule(**EXISTING)["timeouts"] == {"request": "600s"}
    assert rule(**EXISTING, timeout="0s")["timeouts"] == {"request": "0s"}


def test_requests_go_to_the_frontend(rule: Make) -> None:
    assert rule(**EXISTING)["backendRefs"] == [{"name": "qwen-frontend", "port": 8000}]


def test_requests_go_to_the_operators_pool(rule: Make) -> None:
    (backend,) = rule(**EXISTING, inferencePool=True)["backendRefs"]

    assert backend == {
        "group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "qwen-pool", "port": 8000
    }  # fmt: skip


def test_a_path_prefix_is_taken_off(rule: Make) -> None:
    made = rule(**EXISTING, pathPrefix="/qwen")
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}

    assert made["matches"][0]["path"] == {"type": "PathPrefix", "value": "/qwen"}
    assert made["filters"] == [{"type": "URLRewrite", "urlRewrite": {"path": path}}]
    assert "filters" not in rule(**EXISTING)


def test_a_host_outside_is_a_service_by_its_name(one: Make, rule: Make) -> None:
    values = {**EXISTING, "externalBackends": {"openai": OPENAI}}
    service = one("Service", "qwen-api-openai", **values)
    route = rule("qwen-api-openai", **values)

    assert service == {
        "type": "ExternalName", "externalName": "api.openai.com", "ports": [{"name": "https", "port": 443}]
    }  # fmt: skip
    assert route["backendRefs"] == [{"name": "qwen-api-openai", "port": 443}]
    assert route["matches"][0]["headers"][0]["value"] == "gpt-5"
    assert route["filters"][0]["urlRewrite"] == {"hostname": "api.openai.com"}


def test_a_host_outside_is_reached_by_tls_and_its_certificate_checked(one: Make) -> None:
    policy = one("BackendTLSPolicy", "qwen-api-openai", **EXISTING, externalBackends={"openai": OPENAI})

    assert policy == {
        "targetRefs": [{"group": "", "kind": "Service", "name": "qwen-api-openai"}],
        "validation": {"hostname": "api.openai.com", "wellKnownCACertificates": "System"},
    }


def test_a_private_authority_can_vouch_for_a_host(one: Make) -> None:
    validation = one("BackendTLSPolicy", "qwen-api-private", **EVERYTHING)["validation"]

    assert validation["caCertificateRefs"] == [{"group": "", "kind": "ConfigMap", "name": "ca"}]
    assert "wellKnownCACertificates" not in validation


def test_a_host_without_tls_has_no_policy(made: Callable[..., list[dict[str, Any]]]) -> None:
    policies = [o["metadata"]["name"] for o in made(**EVERYTHING) if o["kind"] == "BackendTLSPolicy"]

    assert policies == ["qwen-api-openai", "qwen-api-private"]


def test_a_host_can_have_its_api_at_another_path(rule: Make) -> None:
    rewrite = rule("qwen-api-private", **EVERYTHING)["filters"][0]["urlRewrite"]

    assert rewrite == {
        "hostname": "llm.example.org",
        "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/api"},
    }


def test_an_object_of_ones_own_is_all_that_a_route_needs(
    made: Callable[..., list[dict[str, Any]]], rule: Make
) -> None:
    values = {**EXISTING, "externalBackends": {"own": {"model": "o", "backendRef": OWN_BACKEND}}}
    route = rule("qwen-api-own", **values)

    assert route["backendRefs"] == [OWN_BACKEND]
    assert "filters" not in route
    assert {o["kind"] for o in made(**values)} == {"HTTPRoute"}


def test_an_external_backend_without_a_place_is_refused(made: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(helm_python.HelmError, match=r"externalBackends\.x needs either host or backendRef"):
        made(**EXISTING, externalBackends={"x": {"model": "m"}})


def test_the_pool_that_a_route_names_is_of_the_kind_that_upstream_defines(rule: Make) -> None:
    (backend,) = rule(**EXISTING, inferencePool=True)["backendRefs"]

    assert (f"{backend['group']}/v1", backend["kind"]) in kinds.definitions()


# ---- the endpoint picker ------------------------------------------------------------------------


def by_name(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in graph["spec"]["components"]}


def containers(component: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in component["podTemplate"]["spec"]["containers"]}


def test_a_graph_has_no_picker_unless_asked(graph: Make) -> None:
    assert by_name(graph(routingPolicy="kv")).keys() == {"frontend", "worker"}


def test_the_picker_is_a_component_in_the_frontends_image(graph: Make) -> None:
    picker = by_name(graph(**PICKER))["epp"]
    main = containers(picker)["main"]

    assert (picker["type"], picker["replicas"]) == ("epp", 1)
    assert main["image"] == "nvcr.io/nvidia/ai-dynamo/dynamo-frontend:1.6.1"
    # The operator has its command.
    assert not {"command", "args"} & main.keys()
    assert "eppConfig" not in picker


@pytest.mark.parametrize(("backend", "size"), [("vllm", "16"), ("sglang", "16"), ("trtllm", "32")])
def test_the_picker_knows_the_model_and_its_block_size(graph: Make, backend: str, size: str) -> None:
    env = containers(by_name(graph(**PICKER, backend={"type": backend}))["epp"])["main"]["env"]

    assert {e["name"]: e["value"] for e in env} == {
        "DYN_MODEL_NAME": "Qwen/Qwen3-0.6B",
        "DYN_KV_CACHE_BLOCK_SIZE": size,
    }


def test_the_picker_takes_settings_of_its_own(graph: Make) -> None:
    settings = {
        "enabled": True,
        "replicas": 2,
        "env": {"DYN_LOG": "debug"},
        "resources": {"limits": {"memory": "4Gi"}},
    }
    picker = by_name(graph(routingPolicy="kv", endpointPicker=settings))["epp"]
    main = containers(picker)["main"]

    assert picker["replicas"] == 2
    assert {"name": "DYN_LOG", "value": "debug"} in main["env"]
    assert main["resources"] == {"limits": {"memory": "4Gi"}}


@pytest.mark.parametrize("mode", [False, True])
@pytest.mark.parametrize("mocker", [False, True])
def test_every_worker_has_a_frontend_that_passes_requests_on(graph: Make, mode: bool, mocker: bool) -> None:
    """The pool takes in the pods of every role."""
    components = by_name(graph(**PICKER, disaggregation=mode, mocker=mocker))
    workers = {"prefill", "decode"} if mode else {"worker"}

    assert {name for name, c in components.items() if "frontendSidecar" in c} == workers
    for name in workers:
        found = containers(components[name])
        sidecar = found[components[name]["frontendSidecar"]]

        assert sidecar["command"] + sidecar["args"] == [
            "python3", "-m", "dynamo.frontend", "--router-mode", "direct"
        ]  # fmt: skip
        assert sidecar["image"] == found["main"]["image"]


def test_the_workers_frontend_reads_the_model_where_the_worker_does(graph: Make) -> None:
    made = graph(**PICKER, cache={"enabled": True}, huggingFaceTokenSecret="hf")
    sidecar = containers(by_name(made)["worker"])["sidecar-frontend"]

    assert sidecar["envFrom"] == [{"secretRef": {"name": "hf"}}]
    assert sidecar["env"] == [{"name": "HF_HOME", "value": "/opt/models"}]
    assert [mount["name"] for mount in sidecar["volumeMounts"]] == ["model-cache"]


def test_the_ordinary_frontend_stays(graph: Make) -> None:
    args = containers(by_name(graph(**PICKER))["frontend"])["main"]["args"]

    assert args == ["-m", "dynamo.frontend", "--router-mode", "kv", "--kv-cache-block-size", "16"]


def test_a_picker_without_kv_routing_is_refused(graph: Make) -> None:
    with pytest.raises(helm_python.HelmError, match="endpointPicker needs routingPolicy kv, got none"):
        graph(endpointPicker={"enabled": True})


def test_a_picker_of_an_older_dynamo_is_refused(graph: Make) -> None:
    with pytest.raises(helm_python.HelmError, match=r"take Dynamo 1\.5\.0 or newer"):
        graph(**PICKER, backend={"type": "vllm", "version": "1.4.0"})


def test_plain_helm_does_not_route_past_the_picker_without_a_word(render: Render) -> None:
    gateway = {"enabled": True, **EXISTING}
    values = {"model": {"name": "M", **PICKER}, "global": SHARED}

    with pytest.raises(helm_python.HelmError, match=r"gateway\.inferencePool"):
        render({**values, "gateway": gateway})
    told = render({**values, "gateway": {**gateway, "inferencePool": True}})

    assert {"DynamoGraphDeployment", "HTTPRoute"} == {o["kind"] for o in told}
