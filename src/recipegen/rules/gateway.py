"""The gateway's routes: where they attach, what they take, and where they lead."""

from collections.abc import Iterator

from recipegen.errors import Problem, show
from recipegen.language import setting
from recipegen.recipe import ExternalBackend, Gateway, ModelHeader, Recipe

# Keys that only one of the two kinds of Gateway reads.
OF_A_CREATED = ("gatewayClassName", "listener", "infrastructure")
OF_AN_EXISTING = ("namespace", "sectionName")
# Keys of an external backend that belong to its host.
OF_A_HOST = ("port", "tls", "caConfigMap")
# Names that mean something inside the cluster, which a Service of type ExternalName must not lead to.
INSIDE = (".svc", ".cluster.local", ".localhost")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield routes that attach or lead nowhere, keys without effect, and requests that two routes would take.

    A gateway that is off keeps its settings for `--with gateway`, so it is fine.
    """
    gateway = recipe.gateway
    if not gateway.enabled:
        return
    yield from _parent(gateway)
    yield from _backend(recipe)
    yield from _header(gateway)
    yield from _shared(gateway)
    taken = {
        gateway.model_header.value
        or recipe.model.served_name
        or recipe.model.name: "the model of this recipe"
    }
    for name, backend in gateway.external_backends.items():
        yield from _external(name, backend)
        if backend.model in taken:
            message = f"{taken[backend.model]} has the same, so one route would take all requests"
            path = ("gateway", "externalBackends", name, "model")
            yield Problem(
                "model-routed-twice",
                path,
                f"{message}, got {show(backend.model)}",
                "give each a name of its own",
            )
        taken.setdefault(backend.model, f"externalBackends.{name}")


def _parent(gateway: Gateway) -> Iterator[Problem]:
    if gateway.create and gateway.gateway_class_name is None:
        message = "is missing: a created Gateway belongs to a class"
        hint = "`kubectl get gatewayclass` lists those of a cluster"
        yield Problem("gateway-class", ("gateway", "gatewayClassName"), message, hint)
    if not gateway.create and gateway.name is None:
        message = "is missing: the existing Gateway that the routes attach to"
        hint = "give its name, or set gateway.create to true"
        yield Problem("gateway-name", ("gateway", "name"), message, hint)
    for key in OF_AN_EXISTING if gateway.create else OF_A_CREATED:
        if setting(gateway, key) != setting(Gateway(), key):
            message = f"has no effect while gateway.create is {str(gateway.create).lower()}"
            hint = f"set gateway.create to {str(not gateway.create).lower()}, or leave it out"
            yield Problem("no-effect", ("gateway", key), message, hint)


def _backend(recipe: Recipe) -> Iterator[Problem]:
    model, pool = recipe.model, recipe.gateway.inference_pool
    if pool and model.deployment.create and not model.endpoint_picker.enabled:
        message = "the graph has no InferencePool without an endpoint picker"
        hint = "set model.endpointPicker.enabled to true, or leave this out"
        yield Problem("pool-without-picker", ("gateway", "inferencePool"), message, hint)
    to_frontend = not (model.endpoint_picker.enabled if pool is None else pool)
    if to_frontend and model.deployment.create and model.frontend.replicas == 0:
        message = "the gateway's route leads to the frontend, got 0"
        hint = "set it to 1 or more, or route by model.endpointPicker"
        yield Problem("route-without-frontend", ("model", "frontend", "replicas"), message, hint)


def _header(gateway: Gateway) -> Iterator[Problem]:
    header = gateway.model_header
    if header.enabled:
        return
    # External backends are told apart by it all the same, so its name counts for them.
    unused = ["value"] if gateway.external_backends else ["name", "value"]
    for key in unused:
        if setting(header, key) != setting(ModelHeader(), key):
            message = (
                f"has no effect while gateway.modelHeader.enabled is false, got {show(setting(header, key))}"
            )
            yield Problem("no-effect", ("gateway", "modelHeader", key), message, "leave it out")


def _shared(gateway: Gateway) -> Iterator[Problem]:
    """Yield a route for every request of a Gateway that other recipes can attach to.

    Of two such routes the Gateway API lets the older one win, without a word to the other's requests.
    """
    shared = not gateway.create or gateway.listener.allowed_namespaces
    told_apart = gateway.model_header.enabled or gateway.hostnames or gateway.path_prefix != "/"
    if shared and not told_apart:
        message = "every request of the Gateway comes here that no other route matches more closely"
        hint = "for more than one model behind it, keep the header, or give hostnames or a pathPrefix"
        path = ("gateway", "modelHeader", "enabled")
        yield Problem("route-for-everything", path, message, hint, warning=True)


def _external(name: str, backend: ExternalBackend) -> Iterator[Problem]:
    path = ("gateway", "externalBackends", name)
    if (backend.host is None) == (backend.backend_ref is None):
        found = "neither" if backend.host is None else "both"
        yield Problem("external-place", path, f"needs either host or backendRef, got {found}")
    if backend.host and f".{backend.host}".endswith(INSIDE):
        message = f"is a name inside the cluster, got {show(backend.host)}"
        hint = "for a Service of the graph's namespace, write backendRef: {name: SERVICE, port: PORT}"
        yield Problem("external-inside", (*path, "host"), message, hint)
    if backend.host and not backend.tls and backend.port == ExternalBackend.model_fields["port"].default:
        message = f"{backend.port} is the port of TLS, which is off"
        yield Problem(
            "port-of-tls", (*path, "tls"), message, "set tls to true, or give another port", warning=True
        )
    if backend.ca_config_map and not backend.tls:
        message = f"has no effect without TLS, got {show(backend.ca_config_map)}"
        yield Problem("no-effect", (*path, "caConfigMap"), message, "set tls to true, or leave it out")
    reference = backend.backend_ref
    if reference is None:
        return
    for key in OF_A_HOST:
        if setting(backend, key) != setting(ExternalBackend(model=backend.model), key):
            message = f"has no effect beside backendRef, got {show(setting(backend, key))}"
            yield Problem("no-effect", (*path, key), message, "leave it out")
    service = (reference.group, reference.kind) == ("", "Service")
    if service and reference.port is None:
        message = "is missing: a Service is reached by a port"
        yield Problem("service-without-port", (*path, "backendRef", "port"), message)
