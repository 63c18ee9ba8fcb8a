"""The `gateway` block."""

from typing import Annotated

from pydantic import Field

from recipegen.recipe.forms import (
    API_GROUP,
    DURATION,
    HEADER_NAME,
    HEADER_VALUE,
    HOST,
    KIND,
    LABEL,
    NAMESPACE_OR_ALL,
    Block,
    Hostname,
    LabelKey,
    LabelValue,
    Namespace,
    ObjectName,
    Port,
    UrlPath,
)


class ModelHeader(Block):
    """The HTTP header by which requests for this model are told from others."""

    enabled: bool = True
    """Whether requests need it. Off, the route takes every request of its host names and path. Default: `true`."""
    name: Annotated[str, Field(pattern=HEADER_NAME, max_length=256)] = "X-Gateway-Model-Name"
    """Name of the header. Default: `X-Gateway-Model-Name`."""
    value: Annotated[str, Field(pattern=HEADER_VALUE, max_length=256)] | None = None
    """Its value for this model. Default: `model.servedName`, or `model.name`."""


class Listener(Block):
    """What a Gateway of its own listens for."""

    port: Port | None = None
    """Port. Default: 443 with `tlsSecret`, else 80."""
    tls_secret: ObjectName | None = None
    """Secret of type kubernetes.io/tls in the graph's namespace, for HTTPS. Default: none, plain HTTP."""
    allowed_namespaces: Annotated[
        list[Annotated[str, Field(pattern=NAMESPACE_OR_ALL, max_length=63)]], Field(max_length=64)
    ] = []
    """Other Kubernetes namespaces whose routes may attach, or `"*"` for all. Default: the graph's own alone."""


class ParametersRef(Block):
    """An object in the graph's namespace with settings of the gateway controller."""

    group: Annotated[str, Field(pattern=API_GROUP, max_length=253)]
    """API group, such as `agentgateway.dev`."""
    kind: Annotated[str, Field(pattern=KIND, max_length=63)]
    """Kind, such as `AgentgatewayParameters`."""
    name: ObjectName
    """Name."""


class Infrastructure(Block):
    """What a Gateway of its own passes on to the objects that its controller makes, such as a load balancer."""

    labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=8)] = {}
    """Labels, at most 8. Default: none."""
    annotations: Annotated[dict[LabelKey, Annotated[str, Field(max_length=4096)]], Field(max_length=8)] = {}
    """Annotations, at most 8. Default: none."""
    parameters_ref: ParametersRef | None = None
    """Settings of the controller. Default: those of the GatewayClass."""


class BackendRef(Block):
    """An object in the graph's namespace that the gateway can send requests to."""

    group: Annotated[str, Field(pattern=API_GROUP, max_length=253)] = ""
    """API group, such as `agentgateway.dev`. Default: Kubernetes' core, the group of Services."""
    kind: Annotated[str, Field(pattern=KIND, max_length=63)] = "Service"
    """Kind. Default: `Service`."""
    name: ObjectName
    """Name."""
    port: Port | None = None
    """Port, which a Service needs. Default: none."""


class ExternalBackend(Block):
    """Another server of an OpenAI-compatible API behind the same Gateway. Clients send its API key themselves."""

    model: Annotated[str, Field(pattern=HEADER_VALUE, max_length=256)]
    """Value of the model header that leads there."""
    host: Annotated[str, Field(pattern=HOST, max_length=253)] | None = None
    """Host outside the cluster. Becomes a Service of type ExternalName, which not every gateway takes. Either this or `backendRef`."""
    port: Port = 443
    """Port of `host`. Default: 443."""
    tls: bool = True
    """Whether the gateway speaks TLS with `host`. Default: `true`."""
    ca_config_map: ObjectName | None = None
    """ConfigMap with the key ca.crt that vouches for `host`. Default: the gateway's own certificate authorities."""
    path: UrlPath = "/"
    """Path there that takes the place of `gateway.pathPrefix`, such as `/api`. Default: `/`."""
    backend_ref: BackendRef | None = None
    """An object of your own, such as the backend kind of your gateway, which can also hold the API key. Either this or `host`."""


class Gateway(Block):
    """Routes of the Gateway API to the model, from a Gateway of its own or one that is there."""

    enabled: bool = False
    """Whether there are any. Needs the Gateway API's kinds and a gateway controller in the cluster. Default: `false`."""
    create: bool = False
    """`true`: a Gateway of its own, which needs `gatewayClassName`. `false`: the existing one called `name`. Default: `false`."""
    name: ObjectName | None = None
    """Name of the Gateway. Default with `create`: `<graph>-gateway`."""
    namespace: Namespace | None = None
    """Kubernetes namespace of the existing Gateway. Default: the graph's."""
    section_name: ObjectName | None = None
    """Listener of the existing Gateway. Default: all."""
    gateway_class_name: ObjectName | None = None
    """GatewayClass of the created Gateway, such as `agentgateway` or `istio`."""
    listener: Listener = Listener.model_construct()
    """Listener of the created Gateway. Default: HTTP on port 80, for the graph's namespace."""
    infrastructure: Infrastructure = Infrastructure.model_construct()
    """What the created Gateway passes on to its controller. Default: nothing."""
    hostnames: Annotated[list[Hostname], Field(max_length=16)] = []
    """Host names of the requests. Default: any."""
    path_prefix: UrlPath = "/"
    """Beginning of the requests' paths, taken off before the model sees them. Default: `/`."""
    model_header: ModelHeader = ModelHeader.model_construct()
    """The header that requests for this model carry. Default: `X-Gateway-Model-Name` with the model's name."""
    timeout: Annotated[str, Field(pattern=DURATION)] = "600s"
    """Longest time for a request with its whole answer, such as `600s` or `1h`; `0s` for no limit. Default: `600s`."""
    inference_pool: bool | None = None
    """`true`: requests go to the endpoint picker's InferencePool, `false`: to the frontend. Default: as `model.endpointPicker.enabled`."""
    external_backends: Annotated[
        dict[Annotated[str, Field(pattern=LABEL, max_length=20)], ExternalBackend], Field(max_length=32)
    ] = {}
    """Further routes to other servers, by a name of at most 20 characters. Default: none."""
