"""The page of a recipe: what `recipegen show` tells, as data and as text."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from typing import Any

from recipegen import facts, helm
from recipegen.compile import Release, compile_plan
from recipegen.errors import ToolError
from recipegen.overview import ANY_GPU, Form, count, gib, tokens
from recipegen.rules.roles import engine_of

WIDTH = 98
SIZES = {"tensorParallel": "TP", "pipelineParallel": "PP", "dataParallel": "DP", "expertParallel": "EP"}
ATTENTION = {"dense": "attention", "gqa": "GQA", "mla": "MLA"}
SHORT = {"aggregated": "agg", "disaggregated": "disagg"}
# A line of prose is full when it comes near the longest one.
FULL = 0.85
# A line of notes that says of what it speaks begins a paragraph of its own.
_TOPIC = re.compile(r"[A-Za-z0-9][^:.]{0,40}: ")

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
        "apply": f"{shlex.join(['recipegen', 'render', *options])} | helmfile -f - apply",
    }


def text(found: Page) -> str:
    """Return the page for people."""
    parts = [
        _head(found),
        _section("why these numbers", prose(found["notes"] or "")),
        _section("commands", list(_commands(found))),
        _section("forms", _forms(found)),
        _section("releases", _installs(found)),
        _section("sources", [line for source in found["sources"] for line in _wrapped(source, "  ", "    ")]),
        _section("apply", [f"  {found['apply']}"]),
    ]
    return "\n\n".join(part for part in parts if part)


# ---- data ---------------------------------------------------------------------------------------


def _model(form: Form) -> Page:
    model, known = form.plan.recipe.model, form.model
    found: Page = {"id": model.name, "revision": model.revision}
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
    found = []
    for role, worker in form.plan.workers.items():
        engine = engine_of(model, worker).model_dump(by_alias=True, exclude_none=True)
        length = engine.get("maxModelLen") or (form.model.context if form.model else None)
        found.append(
            {
                "role": role,
                "replicas": worker.replicas,
                "nodes": worker.nodes,
                "gpus": worker.gpus,
                "parallel": {short: engine[key] for key, short in SIZES.items() if engine.get(key)},
                "context": length,
                "maxNumSeqs": engine.get("maxNumSeqs"),
                "sharedMemory": worker.shared_memory,
                "command": _command(containers.get(role)),
            }
        )
    return found


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


# ---- text ---------------------------------------------------------------------------------------


def _head(found: Page) -> str:
    variant = f", variant {found['variant']}" if found["variant"] != "default" else ""
    lines = [f"{found['name']}: {found['title']}{variant}"]
    for words in (found["description"], found["variantDescription"]):
        lines += _wrapped(words)
    rows = {
        "model": _model_line(found),
        "": _numbers(found["model"]),
        "engine": _engine_line(found),
        "hardware": _hardware_line(found),
        **{role["role"]: _role_line(role) for role in found["roles"]},
        "frontend": f"{_times(found['frontend']['replicas'], 'replica')}, routing {found['routing']}",
        "evidence": found["evidence"],
    }
    lines.append("")
    for label, words in rows.items():
        lines += _wrapped(words, f"{label:<10}", " " * 10)
    return "\n".join(lines)


def _model_line(found: Page) -> str:
    model = found["model"]
    revision = f" at {model['revision'][:12]}" if model["revision"] else ""
    return f"{model['id']}{revision}, licence {found['license'] or 'not stated'}"


def _numbers(model: Page) -> str:
    """Return the model's numbers in a line; empty where nothing is known of it."""
    if "parameters" not in model:
        return ""
    sparse = model["experts"] > 0
    weights = model["quantization"] if model["quantization"] != "none" else model["dtype"]
    parts = [
        f"{count(model['parameters'])} parameters"
        + (f", {count(model['activeParameters'])} active" if sparse else ""),
        f"{gib(model['weightsBytes'])} of weights in {weights}",
        f"context {tokens(model['context'])}" if model["context"] else "",
        _attention(model),
        f"{model['experts']} experts, {model['expertsPerToken']} a token" if sparse else "",
    ]
    return "; ".join(part for part in parts if part)


def _engine_line(found: Page) -> str:
    engine = found["engine"]
    version = f" {engine['version']}" if engine["version"] else ""
    image = f", {engine['image']}" if engine["image"] else ""
    return f"{engine['backend']}{version} of Dynamo {engine['dynamo']}{image}"


def _hardware_line(found: Page) -> str:
    hardware = found["hardware"]
    if hardware["gpu"] == ANY_GPU:
        return f"{_times(hardware['gpus'], 'GPU')} of any kind"
    seen = hardware["visibleBytes"] or hardware["memoryBytes"]
    what = f"{hardware['gpu']}, {gib(seen)} each" if "mig" not in hardware else hardware["gpu"]
    cut = f", cut into MIG instances {hardware['mig']}" if "mig" in hardware else ""
    labels = ", ".join(f"{key}={value}" for key, value in hardware["nodeSelector"].items())
    return f"{_times(hardware['gpus'], 'GPU')} in all: {what}{cut}; nodes with {labels}"


def _role_line(role: Page) -> str:
    nodes = f" on {_times(role['nodes'], 'node')} each" if role["nodes"] > 1 else ""
    sizes = "".join(f" {short}{size}" for short, size in role["parallel"].items())
    gpus = _times((role["gpus"] or 0) * role["nodes"], "GPU")
    rest = [sizes.strip()] if sizes else []
    rest += [f"context {tokens(role['context'])}"] if role["context"] else []
    rest += [f"/dev/shm {role['sharedMemory']}"] if role["sharedMemory"] else []
    return ", ".join([f"{_times(role['replicas'], 'replica')} of {gpus}{nodes}", *rest])


def _attention(model: Page) -> str:
    """Return layers and kind of attention, with the heads that parallel sizes have to divide."""
    layers, heads = model["layers"], f"{model['heads']} heads and {model['kvHeads']} KV heads"
    match model["attention"]:
        case "mla":
            return f"{layers} layers, MLA with {model['heads']} heads"
        case "sliding":
            others = f"the others see {model['window']} tokens"
            return f"{layers} layers, {model['fullLayers']} see all tokens, {others}; {heads}"
        case "hybrid":
            return f"{layers} layers, {model['fullLayers']} with attention, the others keep a state; {heads}"
        case kind:
            return f"{layers} layers, {ATTENTION[kind]} with {heads}"


def _commands(found: Page) -> Iterator[str]:
    if found["notRendered"]:
        yield f"  not rendered: {found['notRendered']}"
        return
    for role in [*found["roles"], {"role": "frontend", **found["frontend"]}]:
        if role["command"]:
            yield f"  {role['role']}:"
            yield from _typed(role["command"])


def _typed(command: list[str]) -> Iterator[str]:
    """Yield a command in lines that a shell would take: an option stays with its value."""
    groups: list[str] = []
    for index, token in enumerate(command):
        if index and not (token.startswith("--") or (groups and groups[-1] in ("python3", "python"))):
            groups[-1] += f" {shlex.quote(token)}"
        else:
            groups.append(shlex.quote(token))
    line = "   "
    for group in groups:
        if len(line) + len(group) > WIDTH - 4 and line.strip():
            yield f"{line} \\"
            line = "     "
        line += f" {group}"
    yield line


def _forms(found: Page) -> list[str]:
    """Return a line a form, the one shown marked; nothing where there is only one."""
    rows = []
    for form in found["variants"]:
        mark = "*" if form["variant"] == found["variant"] else " "
        modes = " ".join(SHORT.get(mode, mode) for mode in form["modes"])
        gpus = f"{form['gpus']} {form['gpu'].partition('-')[0]}"
        words = form["description"] if form["variant"] != "default" else "The recipe without a variant."
        rows.append([f"{mark} {form['variant']}", form["backend"], modes, gpus, words])
    if len(rows) < 2:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row in rows:
        start = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        words = textwrap.shorten(row[4], max(WIDTH - len(start), 20), placeholder="…")
        lines.append(f"{start}{words}".rstrip())
    return lines


def _installs(found: Page) -> list[str]:
    lines = []
    for release in found["releases"]:
        what = f"chart {release['chart']}" + (f" {release['version']}" if "version" in release else "")
        objects = release.get("objects", [])
        words = ", ".join(_brief(name, release["name"]) for name in objects) or what
        start = f"  {release['namespace']}/{release['name']}: "
        lines += _wrapped(words, start, "    ")
    return lines


def _brief(named: str, release: str) -> str:
    kind, _, name = named.partition("/")
    return kind if name == release else f"{kind} {name}"


def prose(words: str) -> list[str]:
    """Return notes in lines of the page's width, in the paragraphs that their author meant.

    One begins behind a line that ends before it is full, and where a line names its topic behind a full stop.
    """
    given = [line.strip() for line in words.splitlines()]
    full = max(map(len, given), default=0) * FULL
    paragraphs: list[str] = []
    before = ""
    for line in given:
        room = len(before) + 1 + len(line.partition(" ")[0]) < full
        topic = before.endswith(".") and _TOPIC.match(line)
        if not paragraphs or not line or not before or room or topic:
            paragraphs.append(line)
        else:
            paragraphs[-1] += f" {line}"
        before = line
    return [line for paragraph in paragraphs for line in _wrapped(paragraph, "  ", "  ")]


def _wrapped(words: str, first: str = "", rest: str = "") -> list[str]:
    """Return words in lines of the page's width, none of them cut."""
    return textwrap.wrap(
        words,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *lines]) if lines else ""


def _times(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
