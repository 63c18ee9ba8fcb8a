"""Which role each component plays, and its options in today's spelling."""

from typing import Any

from recipegen.errors import Problem, show
from recipegen.importers import commands
from recipegen.importers.commands import Options
from recipegen.importers.nodes import Node
from recipegen.importers.view.graph import (
    BACKENDS,
    FRONTEND,
    MOCKER,
    PLANNER,
    TYPES,
    WORKERS,
    Claim,
    Component,
    View,
    canonical,
    spellings,
    table,
)
from recipegen.importers.view.mounts import absolute, in_a_config_map, mounts_of
from recipegen.importers.view.values import data_of


def assign_roles(view: View, parts: list[Component]) -> None:
    """Put the components into the view by their roles; problems say which have none."""
    _check_types(view, parts)
    workers = [part for part in parts if part.type in WORKERS]
    _find_backend(view, workers)
    for part in parts:
        if part.type in WORKERS:
            _parse_worker(view, part)
        elif part.type == "frontend":
            part.role = "frontend"
            if part.command.module not in (FRONTEND, ""):
                message = f"a frontend runs {FRONTEND}, got {show(part.command.module)}"
                view.problems.append(part.command.at.problem("module", message))
            part.options = options_of(view, part, "frontend")
        else:
            part.role = "epp" if part.type == "epp" else part.name
    _settle(view, workers)
    for part in parts:
        if part.role in view.components:
            before = view.components[part.role]
            if view.problems and part.role == "worker" and "" in (part.command.module, before.command.module):
                # What a launch that was not read makes of a worker is not known, and said already.
                continue
            message = (
                f"a second component of the role {part.role}, after {show(before.name)}: a recipe has one"
            )
            hint = "import them as graphs of their own"
            view.problems.append(part.node.problem("second-component", message, hint))
        elif part.role:
            view.components[part.role] = part
    if not view.workers and not view.problems:
        view.problems.append(Problem("no-workers", (), "the graph has no workers"))


def _check_types(view: View, parts: list[Component]) -> None:
    """Fill in the types that are not said, and report those that are not known."""
    for part in parts:
        module = part.command.module
        if not part.type:
            guessed = {FRONTEND: "frontend", PLANNER: "planner", "epp": "epp"}.get(module, "worker")
            part.type = guessed if module else "worker"
        elif part.type not in TYPES:
            at = part.fields["type"]
            view.problems.append(
                at.problem("component-type", f"known are {', '.join(TYPES)}, got {show(part.type)}")
            )


def _find_backend(view: View, workers: list[Component]) -> None:
    found: dict[str, Component] = {}
    for part in workers:
        module = part.command.module
        if module in BACKENDS:
            found.setdefault(BACKENDS[module], part)
        elif module == MOCKER:
            view.mocker = True
            options = commands.options(part.command.words, str, [])
            named = options.get("--engine-type", [[]])[-1]
            engine = str(named[0].value) if named else "vllm"
            found.setdefault(engine if engine in BACKENDS.values() else "vllm", part)
        elif module or not view.problems:
            known = ", ".join([*BACKENDS, MOCKER])
            at = part.command.at if module else part.node
            message = f"runs none of {known}, got {show(module)}" if module else "says no command"
            view.problems.append(at.problem("module", message))
    view.backend = next(iter(found), "vllm")
    for backend, part in [*found.items()][1:]:
        message = f"workers of {view.backend} and of {backend} in one graph: a recipe has one backend"
        view.problems.append(part.command.at.problem("second-backend", message))


def _parse_worker(view: View, part: Component) -> None:
    if part.command.module not in (*BACKENDS, MOCKER):
        part.role = part.type
        return
    part.options = options_of(view, part, "workers")
    engine = part.command.module.rpartition(".")[2].upper()
    for name in (f"DYN_{engine}_DISAGGREGATION_MODE", "DYN_DISAGGREGATION_MODE"):
        if name in part.variables and "--disaggregation-mode" not in part.options:
            part.options["--disaggregation-mode"] = [[part.variables.pop(name)]]
    if "--disaggregation-mode" not in part.options and view.backend == "sglang":
        # SGLang reads its role from its file too.
        said = _file_of(view, part)
        mode = said.get("disaggregation-mode", said.get("disaggregation_mode"))
        if isinstance(mode, str):
            part.options["--disaggregation-mode"] = [[part.node.here(mode)]]
    occurrences = part.options.get("--disaggregation-mode")
    node = occurrences[-1][-1] if occurrences and occurrences[-1] else part.node
    mode = str(node.value) if occurrences and occurrences[-1] else ""
    roles = {"": part.type, "agg": "worker", "null": part.type, "prefill": "prefill", "decode": "decode"}
    if mode not in roles:
        message = f"a recipe has workers that do both, prefill, or decode, got {show(mode)}"
        view.problems.append(node.problem("worker-kind", message))
        return
    part.role = roles[mode]
    if mode and part.type in ("prefill", "decode") and part.role != part.type:
        message = f"the command says {mode}, the component's type says {part.type}"
        view.problems.append(node.problem("role", message))
    part.options.pop("--disaggregation-mode", None)


def _file_of(view: View, part: Component) -> dict[str, Any]:
    """Return what the engine's file holds, where that is known."""
    occurrences = part.options.get(table(view)["configFile"])
    if part.command.module not in BACKENDS or not occurrences or not occurrences[-1]:
        return {}
    path = absolute(view, occurrences[-1][0], part)
    found = in_a_config_map(view, path, mounts_of(view, part.main), part).content
    found = data_of(found) if isinstance(found, str) else found
    return found if isinstance(found, dict) else {}


def _settle(view: View, workers: list[Component]) -> None:
    """Decide the roles that options leave open, from the other workers."""
    roles = {part.role: part for part in workers}
    if len(workers) == 1 and workers[0].role == "decode" and workers[0].type == "decode":
        alone = workers[0]
        if "--disaggregation-mode" not in {str(word.value) for word in alone.command.words}:
            alone.role = "worker"
            message = "is the only worker, so it does prefill too: the block is `worker`"
            view.claims.append(Claim("role", alone.fields["type"], message, (("worker", "type"),)))
    elif set(roles) == {"prefill", "worker"} and len(workers) == 2:
        # Before Dynamo 1.0 a worker beside prefill workers needed no flag to decode.
        both = roles["worker"]
        both.role = "decode"
        message = f"stands beside prefill workers, so {show(both.name)} decodes"
        view.claims.append(Claim("role", both.fields.get("type", both.node), message, (("decode", "type"),)))
    names = {part.role for part in workers}
    if "" in names:
        return
    for role, other in (("prefill", "decode"), ("decode", "prefill")):
        if role in names and other not in names:
            part = next(part for part in workers if part.role == role)
            message = f"a graph with {role} workers needs {other} workers too"
            view.problems.append(part.node.problem("role", message))
    if "worker" in names and names > {"worker"}:
        part = next(part for part in workers if part.role == "worker")
        message = "workers that do both stand beside workers of one role: a recipe has either"
        view.problems.append(part.node.problem("role", message))


def options_of(view: View, part: Component, kind: str) -> Options:
    """Return the options of a component in today's spelling."""
    is_engine = kind == "workers" and part.command.module in BACKENDS

    def spelt(option: str) -> str:
        return canonical(view.backend, option) if is_engine else option

    words = _rewritten(view, part, kind)
    return commands.options(words, spelt, view.problems)


def _rewritten(view: View, part: Component, kind: str) -> list[Node]:
    """Return the words of a command with old spellings replaced, and claim each of those."""
    old: dict[str, Any] = dict(spellings()[kind])
    if kind == "workers" and view.backend == "vllm" and part.command.module != MOCKER:
        old |= spellings()["vllm"]
    if part.command.module == MOCKER:
        old = {name: row for name, row in old.items() if name.startswith("--is-")}
    new: list[Node] = []
    dropped = ""
    for word in part.command.words:
        text = str(word.value)
        name, joined, value = text.partition("=")
        row = old.get(name.replace("_", "-")) if text.startswith("--") else None
        if row is not None:
            view.claims.append(Claim("old-option", word, f"{name}: {row['why']}"))
            new += [word.here(each) for each in row["write"]]
            new += [word.here(value)] if joined and row["write"] else []
            dropped = "" if row["write"] else name
        elif text.startswith("-") or not dropped:
            dropped = ""
            new.append(word)
        elif dropped == "--connector" and text not in ("none", "nixl"):
            message = f"a recipe's vLLM has no connector {text}, which keeps the KV cache elsewhere too"
            view.claims.append(Claim("connector", word, message))
    for option, names in spellings()["values"].items():
        for index, word in enumerate(new[1:], start=1):
            if new[index - 1].value == option and word.value in names:
                message = f"{option} {word.value} is {names[word.value]} now"
                view.claims.append(Claim("old-option", word, message))
                new[index] = word.here(names[word.value])
    return new
