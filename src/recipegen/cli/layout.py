"""The page of a recipe as text."""

import shlex
import textwrap
from collections.abc import Iterator

from recipegen.overview import ANY_GPU, brief, count, gib, tokens
from recipegen.page import Page

WIDTH = 98
ATTENTION = {"dense": "attention", "gqa": "GQA", "mla": "MLA"}


def text(found: Page) -> str:
    """Return the page for people."""
    parts = [
        _head(found),
        _section("memory", list(_memory(found))),
        _section("why these numbers", prose(found["notes"] or "")),
        _section("commands", list(_commands(found))),
        _section("forms", _forms(found)),
        _section("releases", _installs(found)),
        _section("sources", [line for source in found["sources"] for line in _wrapped(source, "  ", "    ")]),
        _section("apply", [f"  {found['apply']}"]),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(found: Page) -> str:
    variant = f", variant {found['variant']}" if found["variant"] != "default" else ""
    lines = [f"{found['name']}: {found['title']}{variant}"]
    for words in (found["description"], found["variantDescription"]):
        lines += _wrapped(words)
    rows = {
        "extends": ", which extends ".join(found["extends"]),
        "endpoint": _endpoint_line(found["endpoint"]),
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


def _endpoint_line(endpoint: Page | None) -> str:
    if endpoint is None:
        return ""
    whose = f" of {endpoint['prefix']}, owner {endpoint['owner']}" if "prefix" in endpoint else ""
    labels = "".join(f"; {key}={value}" for key, value in endpoint["labels"].items())
    return f"{endpoint['kind']}{whose}{labels}"


def _model_line(found: Page) -> str:
    model = found["model"]
    revision = f" at {model['revision'][:12]}" if model["revision"] else ""
    served = f", served as {model['servedName']}" if model["servedName"] else ""
    return f"{model['id']}{revision}{served}, licence {found['license'] or 'not stated'}"


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
        return f"{_range(hardware, 'gpus', 'GPU')} of any kind"
    seen = hardware["visibleBytes"] or hardware["memoryBytes"]
    what = f"{hardware['gpu']}, {gib(seen)} each" if "mig" not in hardware else hardware["gpu"]
    cut = f", cut into MIG instances {hardware['mig']}" if "mig" in hardware else ""
    labels = ", ".join(f"{key}={value}" for key, value in hardware["nodeSelector"].items())
    return f"{_range(hardware, 'gpus', 'GPU')} in all: {what}{cut}; nodes with {labels}"


def _role_line(role: Page) -> str:
    nodes = f" on {_times(role['nodes'], 'node')} each" if role["nodes"] > 1 else ""
    sizes = "".join(f" {short}{size}" for short, size in role["parallel"].items())
    gpus = _times((role["gpus"] or 0) * role["nodes"], "GPU")
    rest = [sizes.strip()] if sizes else []
    rest += [f"context {tokens(role['context'])}"] if role["context"] else []
    rest += [f"/dev/shm {role['sharedMemory']}"] if role["sharedMemory"] else []
    return ", ".join([f"{_range(role, 'replicas', 'replica')} of {gpus}{nodes}", *rest])


def _range(found: Page, key: str, what: str) -> str:
    """Return how many there are at most, behind the fewest where that is another number."""
    fewest = found.get(f"fewest{key[0].upper()}{key[1:]}")
    return ("" if fewest is None else f"{fewest} to ") + _times(found[key], what)


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


def _memory(found: Page) -> Iterator[str]:
    """Yield what the GPUs of each role hold, where that is reckoned, and where its arithmetic is."""
    for role in found["roles"]:
        held = role["memory"]
        if held:
            weights, room = (gib(held[key]["bytesPerGpu"]) for key in ("weights", "kvCache"))
            requests = f"{held['concurrency']:.1f} requests of {tokens(held['maxModelLen'])} tokens a replica"
            words = f"weights {weights}, KV cache {room} a GPU; {requests}"
            words += "" if held["fits"] else ": it does not fit"
            yield from _wrapped(words, f"  {role['role']:<8}", " " * 10)
    if any(role["memory"] for role in found["roles"]):
        yield from _wrapped(f"Reckoned, not measured: `{found['size']}` has the arithmetic.", "  ", "  ")


def _commands(found: Page) -> Iterator[str]:
    if found["notRendered"]:
        yield f"  not rendered: {found['notRendered']}"
        return
    for role in [*found["roles"], {"role": "frontend", **found["frontend"]}]:
        if role["command"]:
            yield f"  {role['role']}:"
            yield from typed(role["command"])


def typed(command: list[str]) -> Iterator[str]:
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
        modes = brief(form["modes"])
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
    """Return notes in lines of the page's width: each line of them is a paragraph, indented as it was."""
    found = []
    for line in words.splitlines():
        indent = "  " + line[: len(line) - len(line.lstrip())]
        found += _wrapped(line.strip(), indent, indent)
    return found


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
