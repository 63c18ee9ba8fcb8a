"""Model Express: an engine that can load through it, one server, and where that keeps what it knows."""

from collections.abc import Iterator
from typing import get_args

from recipegen import facts
from recipegen.components import express_address
from recipegen.errors import Path, Problem, show
from recipegen.recipe import BackendType, Recipe

BLOCK: Path = ("modelExpress",)
URL: Path = ("model", "modelExpressUrl")


def express_key(recipe: Recipe) -> tuple[str, ...]:
    """Return the key for which workers load through Model Express; empty where they do not."""
    if recipe.model.mocker:
        return ()
    if recipe.model.model_express_url is not None:
        return ("model", "modelExpressUrl")
    return ("modelExpress", "enabled") if recipe.model_express.enabled else ()


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield an engine that cannot load through Model Express, and a server that would not start."""
    key = express_key(recipe)
    if key:
        yield from _engine(key, recipe)
    if recipe.model_express.enabled:
        yield from _server(recipe)
        if not recipe.model.deployment.create:
            message = "has no effect while model.deployment.create is false: no worker asks it"
            yield Problem("no-effect", (*BLOCK, "enabled"), message, "set it to false")


def one_server(recipe: Recipe, graph: str) -> Iterator[Problem]:
    """Yield a server that no worker would ask, because the complete recipe names another one."""
    url, own = recipe.model.model_express_url, express_address(graph)
    if recipe.model_express.enabled and url != own:
        message = f"modelExpress.enabled is true, and that server is at {own}, got {show(url)}"
        yield Problem("two-servers", URL, message, "leave one of the two out")


def _engine(key: Path, recipe: Recipe) -> Iterator[Problem]:
    backend = recipe.model.backend
    able = [each for each in get_args(BackendType) if "modelExpress" in facts.engine(each)]
    if backend.type not in able:
        message = f"how {backend.type} loads through Model Express is not known to this version of recipegen"
        yield Problem("express-engine", key, message, f"known are {', '.join(able)}; or use model.cache")
    elif backend.image is None:
        message = "Dynamo's own image is built without the package `modelexpress`, as far as is known"
        hint = "give an image that has it with model.backend.image"
        yield Problem("express-image", key, message, hint, warning=True)


def _server(recipe: Recipe) -> Iterator[Problem]:
    server = recipe.model_express
    given = [key for key in ("url", "secret") if getattr(server.redis, key) is not None]
    if server.metadata == "redis" and len(given) != 1:
        found = "both" if given else "neither"
        message = f"needs either url or secret where modelExpress.metadata is redis, got {found}"
        yield Problem("express-redis", (*BLOCK, "redis"), message)
    if server.metadata != "redis" and given:
        message = f"has no effect while modelExpress.metadata is {server.metadata}"
        hint = "set modelExpress.metadata to redis, or leave it out"
        yield Problem("no-effect", (*BLOCK, "redis"), message, hint)
