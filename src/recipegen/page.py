"""The page of a recipe as data: what `recipegen show` tells."""

import shlex
from typing import Any

from recipegen import facts, helm
from recipegen.compile import Release, compile_plan
from recipegen.errors import ToolError
from recipegen.memory import Fit
from recipegen.overview import Form
from recipegen.roles import engine_of
from recipegen.rules import memory
from recipegen.scaling import replicas

SIZES = {"tensorParallel": "TP", "pipelineParallel": "PP", "dataParallel": "DP", "expertParallel": "EP"}

Page = dict[str, Any]


def page(form: Form, others: list[Form], options: list[str]) -> Page:
    """Return what there is to know of a form of a recipe.

    Args:
        form: the form.
        others: all forms of the recipe, the default one first.
        options: what was given on the command line beside the recipe's name, for the command that applies it.
    """
    plan, about = form.plan, form.plan.recipe.about
    releases, containers, missing = _releases(form)
    return {
        "name": form.name,
        "title": about.title or form.name,
        "variant": form.variant,
        "description": about.description or "",
        "variantDescription": form.description if form.variant != "default" else "",
        "extends": list(form.written.bases),
        "endpoint": _endpoint(form),
        "evidence": about.evidence,
        "license": form.license,
        "notes": about.notes,
        "sources": list(about.sources),
        "model": _model(form),
        "engine": {
            "backend": form.backend,
            "dynamo": plan.recipe.model.backend.version,
            "version": _engine_version(form),
            "image": next((c["image"] for c in containers.values()), plan.recipe.model.backend.image),
        },
        "hardware": _hardware(form),
        "routing": plan.recipe.model.routing_policy,
        "modes": list(form.modes),
        "context": form.context,
        "roles": _roles(form, containers),
        "frontend": {
            "replicas": plan.recipe.model.frontend.replicas,
            "command": _command(containers.get("frontend")),
        },
        "notRendered": missing,
        "releases": releases,
        "variants": [other.as_dict() for other in others],
        "namespace": plan.namespace,
        "size": shlex.join(["recipegen", "size", *options]),
        "apply": f"{shlex.join(['recipegen', 'render', *options])} | helmfile -f - apply",
    }


def _endpoint(form: Form) -> Page | None:
    endpoint = form.plan.recipe.endpoint
    return None if endpoint is None else endpoint.model_dump(by_alias=True, exclude_none=True)


def _model(form: Form) -> Page:
    model, known = form.plan.recipe.model, form.model
    found: Page = {"id": model.name, "servedName": model.served_name, "revision": model.revision}
    if known is None:
        return found
    return found | {
        "parameters": known.parameters.total,
        "activeParameters": known.parameters.active,
        "weightsBytes": known.weights_bytes,
        "context": known.context,
        "layers": known.layers,
        "attention": known.attention,
        "fullLayers": known.full_layers,
        "window": known.window,
        "heads": known.heads,
        "kvHeads": known.kv_heads,
        "experts": known.experts,
        "expertsPerToken": known.experts_per_token,
        "dtype": known.dtype,
        "quantization": known.quantization.format,
    }


def _engine_version(form: Form) -> str | None:
    release = facts.dynamo().get(form.plan.recipe.model.backend.version or "", {})
    version = release.get("engines", {}).get(form.backend)
    return None if version is None else str(version)


def _hardware(form: Form) -> Page:
    fact = facts.hardware().get(form.gpu, {})
    hardware = form.plan.recipe.hardware
    found: Page = {"gpu": form.gpu, "gpus": form.plan.gpus}
    if form.plan.fewest_gpus != form.plan.gpus:
        found["fewestGpus"] = form.plan.fewest_gpus
    if hardware is None:
        return found
    found |= {
        "memoryBytes": fact["memoryBytes"],
        "visibleBytes": fact.get("visibleBytes"),
        "cluster": hardware.cluster,
        "resource": form.plan.recipe.model.gpu_resource,
        "nodeSelector": form.plan.tree["model"].get("nodeSelector", {}),
    }
    return found | ({"mig": hardware.mig} if hardware.mig else {})


def _roles(form: Form, containers: Page) -> list[Page]:
    model = form.plan.recipe.model
    held = {role: fit for role, _, fit in memory.fits(form.plan.recipe)}
    spans = replicas(form.plan.recipe)
    found = []
    for role, worker in form.plan.workers.items():
        engine = engine_of(model, worker).model_dump(by_alias=True, exclude_none=True)
        length = engine.get("maxModelLen") or (form.model.context if form.model else None)
        found.append(
            {
                "role": role,
                "replicas": spans[role].most,
                **({"fewestReplicas": spans[role].least} if spans[role].least != spans[role].most else {}),
                "nodes": worker.nodes,
                "gpus": worker.gpus,
                "parallel": {short: engine[key] for key, short in SIZES.items() if engine.get(key)},
                "context": length,
                "maxNumSeqs": engine.get("maxNumSeqs"),
                "sharedMemory": worker.shared_memory,
                "memory": _memory(held[role]) if role in held else None,
                "command": _command(containers.get(role)),
            }
        )
    return found


def _memory(fit: Fit) -> Page:
    """Return what `recipegen size` reckons of a role, by the names that it has there."""
    return {
        "weights": {"bytesPerGpu": round(fit.weights)},
        "kvCache": {"bytesPerGpu": max(round(fit.stage.room), 0)},
        "maxModelLen": fit.max_model_len,
        "concurrency": round(fit.concurrency, 3),
        "fits": fit.fits,
    }


def _releases(form: Form) -> tuple[list[Page], Page, str]:
    """Return the releases with their objects, the graph's containers by component, what kept Helm away."""
    found: list[Page] = []
    containers: Page = {}
    missing = ""
    for release in compile_plan(form.plan).releases:
        if not release.installed:
            continue
        row: Page = {"name": release.name, "namespace": release.namespace}
        if release.version:
            found.append(row | {"chart": release.chart, "version": release.version})
            continue
        try:
            items = helm.objects(release)
        except ToolError as error:
            # Without Helm the page is as good as the recipe alone can make it.
            missing = error.problems[0].message
            found.append(row | {"chart": _chart(release)})
            continue
        found.append(row | {"chart": _chart(release), "objects": [_named(item) for item in items]})
        for item in items:
            if item["kind"] == "DynamoGraphDeployment":
                containers = {
                    part["name"]: part["podTemplate"]["spec"]["containers"][0]
                    for part in item["spec"]["components"]
                }
    return found, containers, missing


def _chart(release: Release) -> str:
    return release.chart.rpartition("/charts/")[2] or release.chart


def _named(item: Page) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def _command(container: Page | None) -> list[str] | None:
    return None if container is None else [*container.get("command", []), *container.get("args", [])]
