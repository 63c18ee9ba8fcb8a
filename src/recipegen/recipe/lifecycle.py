"""How pods of the graph come and go, and the forwarder beside its frontend."""

from typing import Annotated

from pydantic import Field

from recipegen.recipe.forms import COUNT_OR_SHARE, Argument, Block, Port, UrlPath

CountOrShare = Annotated[str, Field(pattern=COUNT_OR_SHARE, max_length=4)]
Replaced = Annotated[int, Field(ge=0, le=10_000)] | CountOrShare
Routes = Annotated[list[UrlPath], Field(min_length=1, max_length=32)]


class Rollout(Block):
    """How the operator replaces pods when the graph changes."""

    max_surge: Replaced | None = None
    """Pods beyond `replicas` meanwhile, a number or a share such as `25%`: each needs free GPUs. Of pods that span one node, without Grove. 0 where no GPUs are free. Default with an `endpoint`: 1, else the operator's, 25%."""
    max_unavailable: Replaced | None = None
    """Pods of `replicas` that may be missing meanwhile, a number or a share. Of pods that span one node, without Grove. Default with an `endpoint`: 0, or 1 where `maxSurge` is 0, else the operator's, 25%."""
    termination_grace_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    """How long a pod may finish its requests before it is killed, in seconds. Default with an `endpoint`: 1800 for kind `async`, else 600; without one the operator's, 60."""


class DisruptionBudget(Block):
    """PodDisruptionBudgets: how many pods of a role a drain of nodes may take at once."""

    enabled: bool = True
    """Whether frontend and workers have one each; workers that span several nodes have none. Default: `true`."""
    max_unavailable: Replaced = "50%"
    """Pods of a role that may be missing, a number or a share, which is rounded up. Default: `50%`."""


class Forwarder(Block):
    """LLM Engine's http_forwarder, or what understands its configuration, as a container beside each frontend: it takes the envelope `{"args": …}` off requests and passes them on. The image does that, not recipegen."""

    enabled: bool = True
    """Whether there is one. Default: `true`."""
    image: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Image of it, with a tag. Required: it is yours, for none is published."""
    command: Annotated[list[Argument], Field(min_length=1, max_length=32)] = [
        "python",
        "-m",
        "model_engine_server.inference.forwarding.http_forwarder",
    ]
    """What starts it; `--config`, `--port` and `--num-workers` follow. Default: LLM Engine's module."""
    port: Port = 5000
    """Port that it listens on, also that of its Service `<graph>-forwarder`. Default: 5000."""
    target_port: Port | None = None
    """Port that it passes requests on to. Default: 8000, where Dynamo's frontend listens; LLM Engine's engines have 5005."""
    max_concurrency: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Requests at once that it takes before it refuses more. Default: 100."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Processes of it. Default: 2."""
    sync_routes: Routes = ["/predict", "/v1/chat/completions", "/v1/completions"]
    """Paths that it takes whole answers from, the first being its own predict route. Each is passed on to the same path; Dynamo's frontend has no `/predict`. Default: `/predict`, `/v1/chat/completions`, `/v1/completions`."""
    stream_routes: Routes = ["/stream", "/v1/chat/completions", "/v1/completions"]
    """Paths that it takes streams from, likewise. Default: `/stream`, `/v1/chat/completions`, `/v1/completions`."""
    health_route: UrlPath = "/readyz"
    """Path where it says that it is ready. Default: `/readyz`."""
    target_health_route: UrlPath = "/health"
    """Path where the frontend says so, which it waits for before it starts. Default: `/health`, Dynamo's; LLM Engine's is `/readyz`."""
