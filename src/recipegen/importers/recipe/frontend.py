"""Frontend, routing and endpoint picker."""

from typing import get_args

from recipegen.errors import show
from recipegen.importers.recipe.builder import Builder, Data, survives
from recipegen.importers.recipe.env import env_of, resources_of
from recipegen.recipe import RoutingPolicy
from recipegen.rules.arguments import FRONTEND_OPTIONS
from recipegen.rules.configs import OPERATORS, PICKERS

ROUTINGS = get_args(RoutingPolicy)


def routing_of(make: Builder) -> str:
    """Return the routing policy that frontend or picker have."""
    if "epp" in make.view.components:
        at = make.view.components["epp"].node
        message = "a picker goes by what workers cache, so the frontend's routing is kv too"
        make.claim("picker-routing", at, message, ("frontend", "main", "option", "--router-mode"))
        return "kv"
    node = make.options("frontend").get("--router-mode") if "frontend" in make.view.components else None
    mode = " ".join(node.value[-1]) if node else ""
    if node is None:
        return "none"
    make.origins["model", "routingPolicy"] = node
    if mode not in ROUTINGS or mode == "none":
        message = f"a recipe's routing is one of {', '.join(ROUTINGS)}, got {show(mode)}"
        make.claim("routing", node, message, ("frontend", "main", "option", "--router-mode"))
        return "none"
    return mode


def frontend_of(make: Builder) -> Data:
    """Return the block `frontend`; a graph without one gets one without replicas."""
    view = make.view
    if "frontend" not in view.components:
        return {"frontend": {"replicas": 0}}
    found: Data = {}
    replicas = view.values["frontend", "replicas"]
    if replicas.value != 1:
        found["replicas"] = replicas.value
        make.origins["model", "frontend", "replicas"] = replicas
    env = env_of(make, ("frontend", "main"), OPERATORS)
    found |= {"env": env} if env else {}
    found |= resources_of(make, ("frontend", "main"), ("model", "frontend"))
    options = make.options("frontend")
    args: list[str] = []
    for option, node in options.items():
        key = ("frontend", "main", "option", option)
        if option == "--http-port":
            make.claim(
                "operator-owned", node, "the operator sets the port, 8000, and the Service goes by it", key
            )
        elif option in ("--namespace", "--namespace-prefix", "--discovery-backend"):
            make.claim("operator-owned", node, f"the operator sets {option}", key)
        elif option == "--kv-cache-block-size" and make.kv:
            continue
        elif option == "--kv-cache-block-size":
            make.claim("no-effect", node, "counts for KV routing alone", key)
        elif option in ("--router-replica-sync", "--no-router-replica-sync"):
            derived = make.kv and replicas.value > 1
            if derived != (option == "--router-replica-sync"):
                make.claim("replica-sync", node, "follows from the number of frontends in a recipe", key)
        elif option not in FRONTEND_OPTIONS:
            args += [option, *(survives(word) for word in node.value[-1])]
            make.origins["model", "frontend", "args"] = node
    if args:
        found["args"] = args
    return {"frontend": found} if found else {}


def picker_of(make: Builder) -> Data:
    """Return the block `endpointPicker`, where the graph has a picker."""
    view = make.view
    if "epp" not in view.components:
        return {}
    found: Data = {"enabled": True}
    replicas = view.values["epp", "replicas"]
    if replicas.value != 1:
        found["replicas"] = replicas.value
    env = env_of(make, ("epp", "main"), OPERATORS | set(PICKERS))
    found |= {"env": env} if env else {}
    found |= resources_of(make, ("epp", "main"), ("model", "endpointPicker"))
    role = next((each for each in view.workers if (each, "sidecar", "module") in view.values), None)
    if role:
        sidecar: Data = {}
        env = env_of(make, (role, "sidecar"), OPERATORS)
        sidecar |= {"env": env} if env else {}
        sidecar |= resources_of(make, (role, "sidecar"), ("model", "endpointPicker", "sidecar"))
        found |= {"sidecar": sidecar} if sidecar else {}
    return {"endpointPicker": found}
