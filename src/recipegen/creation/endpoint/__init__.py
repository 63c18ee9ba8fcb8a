"""New endpoints: a recipe that extends a base, and says whose it is and what is different there."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from recipegen import catalog, inheritance, yamlio
from recipegen.catalog import shown
from recipegen.creation.endpoint import owners
from recipegen.creation.endpoint.neighbours import called
from recipegen.creation.endpoint.wanted import Wanted, check, missing, refusal
from recipegen.creation.proof import explained, rendered
from recipegen.document import from_set
from recipegen.errors import Path as Keys
from recipegen.errors import Problem, RecipeError, ToolError, UsageError, show
from recipegen.load import DEFAULT_VARIANT, Loaded, choose, variants
from recipegen.load import read as read_recipe
from recipegen.recipe import Recipe
from recipegen.resolve import Plan, resolve
from recipegen.roles import workers
from recipegen.validate import validate
from recipegen.variants import selection
from recipegen.version import __version__

__all__ = ["CreatedEndpoint", "Wanted", "base", "create", "create_endpoint", "file_of"]

# Which option changes a key, by how the key's path begins; the first that fits. None of them: no option does.
FLAGS: tuple[tuple[Keys, str], ...] = (
    (("endpoint", "kind"), "--kind"),
    (("endpoint", "prefix"), "--prefix"),
    (("endpoint", "owner"), "--owner"),
    (("endpoint", "clusters"), "--cluster"),
    (("hardware",), "--gpu"),
    (("model", "backend"), "--engine"),
    (("model", "engine"), "--gpus, --engine or --set"),
    (("model",), "--gpus, --replicas or --set"),
    (("batch",), "--set batch.KEY=VALUE"),
    (("scaling",), "--set scaling.KEY=VALUE"),
    ((), "--name or --set"),
)
NEW = "`recipegen new` writes a base for a model that has none"
# Blocks without which nothing would bring work to an endpoint of the kind.
NEEDED = {"batch": "batch", "async": "scaling"}


@dataclass(frozen=True)
class CreatedEndpoint:
    """A new endpoint."""

    name: str
    """What the recipe is called."""
    recipe: str
    """Its text."""
    plan: Plan
    """What it resolves to."""
    notes: tuple[str, ...] = ()
    """What was asked for and is so already."""

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd about it."""
        return self.plan.warnings


def base(name: str) -> Loaded:
    """Return the recipe that an endpoint is made on.

    Raises:
        UsageError: when there is none of that name, or it is an endpoint itself.
        ToolError: when its file cannot be read.
        RecipeError: when it is no recipe.
    """
    if name == "-":
        raise UsageError("the base of an endpoint is a recipe of the catalog or a file, not standard input")
    try:
        found = read_recipe(name)
    except (UsageError, ToolError) as error:
        (problem,) = error.problems
        hint = "; ".join(filter(None, (problem.hint, NEW)))
        raise type(error)(replace(problem, hint=hint)) from error
    if "endpoint" in found.document.data:
        below = called(catalog.root() / found.bases[0]) if found.bases else ""
        hint = f"make the new one on {below}, which it extends" if below else "take its block endpoint out"
        raise UsageError(Problem("usage", (), f"{show(name)} is an endpoint itself, and no base", hint))
    return found


def file_of(wanted: Wanted, base_name: str) -> str:
    """Return the file that an endpoint belongs in: `<prefix>-<base>.yaml`, or `<kind>-<base>.yaml`.

    The kind stands in front, because behind the base it would be the name of one of its releases.
    """
    return f"{wanted.name or f'{wanted.prefix or wanted.kind}-{base_name}'}.yaml"


def create_endpoint(
    base: str,
    kind: str,
    *,
    prefix: str | None = None,
    owner: str | None = None,
    owners_file: str | None = None,
    gpu: str | None = None,
    backend: str | None = None,
    gpus: int | None = None,
    replicas: int | None = None,
    clusters: Mapping[str, int | None] | None = None,
    changes: Sequence[str] = (),
    name: str | None = None,
    folder: str | os.PathLike[str] = ".",
) -> CreatedEndpoint:
    """Return the recipe of a new endpoint on a base, checked and rendered; no file is written.

    Args:
        base: recipe that it extends: a name of the catalog, or the path of a recipe file.
        kind: `serverless`, `dedicated`, `reserved`, `batch` or `async`.
        prefix: short name of the customer; for dedicated and reserved, and for no other.
        owner: id or e-mail address of who pays; likewise.
        owners_file: YAML map of e-mail addresses to ids, to write the id of the owner.
        gpu: GPU type, a name from `facts/hardware.yaml`; default: the base's.
        backend: `vllm`, `sglang` or `trtllm`; default: the base's.
        gpus: GPUs of one replica; default: the base's.
        replicas: replicas of each role; default: the base's.
        clusters: clusters that it is in, each with its replicas, or None for the recipe's.
        changes: further values, each as KEY=VALUE.
        name: what the recipe is called; default: as `file_of`.
        folder: where its file will be, from which a base's path is taken.

    Raises:
        UsageError: with all that is missing or cannot be, or when the base is none.
        ToolError: when a file cannot be read.
        RecipeError: when the endpoint cannot be, with every reason and the option to change.
    """
    pairs = tuple((clusters or {}).items())
    rest = {"gpu": gpu, "backend": backend, "gpus": gpus, "replicas": replicas, "name": name}
    whose = {"kind": kind, "prefix": prefix, "owner": owner, "owners_file": owners_file}
    wanted = Wanted(base, clusters=pairs, changes=tuple(changes), **whose, **rest)  # type: ignore[arg-type]
    return create(wanted, Path(folder) / file_of(wanted, PurePath(base).stem if "/" in base else base))


def create(wanted: Wanted, target: Path) -> CreatedEndpoint:
    """Return the recipe of a new endpoint, checked and rendered as any other.

    Args:
        wanted: the wishes.
        target: the file that it will be in, from whose folder a base's path is taken. It need not exist.

    Raises:
        UsageError: with all that is missing or cannot be, or when the base is none.
        ToolError: when a file cannot be read.
        RecipeError: when the endpoint cannot be, with every reason and the option to change.
    """
    check(wanted)
    below = base(wanted.base)
    if lacking := missing(wanted, below):
        raise refusal(lacking)
    data, notes = _data(wanted, below, target)
    loaded = _proven(yamlio.write(data), target).loaded
    # Variants of the base that are nothing or cannot be with what this one changes.
    if lost := [name for name in variants(below.document) if not _stands(loaded, name)]:
        data["variants"] = {**data.get("variants", {}), **dict.fromkeys(lost)}
        notes.append(f"variants of {wanted.base} that are nothing here are taken out: {', '.join(lost)}")
    text = _head(wanted, below) + yamlio.write_by_hand(data, dict(_comments(wanted, data)))
    plan = _proven(text, target)
    return CreatedEndpoint(target.stem, text, plan, tuple(notes))


def _data(wanted: Wanted, below: Loaded, target: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the recipe as data, and what was asked for and is so already."""
    data: dict[str, Any] = {"extends": _extends(wanted.base, target), "endpoint": _endpoint(wanted)}
    notes: list[str] = []
    recipe = validate(choose(below, None, ())).recipe
    for patch, asked in _patches(wanted, below, recipe):
        if patch:
            data = _composed(data, patch)
        else:
            notes.append(f"{asked}: {wanted.base} has that already, so it is left out")
    for expression in wanted.changes:
        data = _composed(data, from_set(expression).data)
    return data, notes


def _composed(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return two merge patches as one; a null of either stays, since it deletes something of the base."""
    both = {key: (one[key], value) for key, value in other.items() if key in one}
    deep = {
        key: _composed(*pair) for key, pair in both.items() if all(isinstance(each, dict) for each in pair)
    }
    return {**one, **other, **deep}


def _endpoint(wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": wanted.kind}
    if wanted.prefix is not None:
        found["prefix"] = wanted.prefix
    if wanted.owner is not None:
        owner, file = wanted.owner, wanted.owners_file
        found["owner"] = owner if file is None else owners.lookup(owner, file)
    if wanted.clusters:
        found["clusters"] = {name: {} if n is None else {"replicas": n} for name, n in wanted.clusters}
    return found


def _patches(wanted: Wanted, below: Loaded, recipe: Recipe) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield what each option changes of the base, and the option; nothing where the base says the same."""
    if wanted.backend is not None:
        said = ("model", "backend", "type") in below.document.values
        same = said and recipe.model.backend.type == wanted.backend
        yield {} if same else {"model": {"backend": {"type": wanted.backend}}}, f"--engine {wanted.backend}"
    if wanted.gpu is not None:
        yield selection.patch(recipe, None, wanted.gpu)[0], f"--gpu {wanted.gpu}"
    if wanted.gpus is not None:
        patch, problem = selection.patch(recipe, wanted.gpus, None)
        if problem:
            raise RecipeError(
                Problem(problem.code, (), f"--gpus {wanted.gpus}: {problem.message}", problem.hint)
            )
        yield patch, f"--gpus {wanted.gpus}"
    if wanted.replicas is not None:
        roles = {role for role, worker in workers(recipe.model).items() if worker.replicas != wanted.replicas}
        patch = {"model": {role: {"replicas": wanted.replicas} for role in sorted(roles)}} if roles else {}
        yield patch, f"--replicas {wanted.replicas}"
    block = NEEDED.get(str(wanted.kind))
    if block and not getattr(recipe, block).enabled:
        yield {block: {"enabled": True}}, ""
        role = "decode" if recipe.model.disaggregation else "worker"
        if block == "scaling" and ("model", role, "replicas") in below.document.values:
            # An autoscaler writes them.
            yield {"model": {role: {"replicas": None}}}, ""


def _extends(name: str, target: Path) -> str:
    """Return how the new recipe names its base: as the catalog does, or by the path from its own folder."""
    path = catalog.find(name)
    if path is None or ("/" not in name and not name.endswith((".yaml", ".yml"))):
        return name
    way = os.path.relpath(path.resolve(), target.parent.resolve())
    return way if way.startswith(".") else f"./{way}"


def _head(wanted: Wanted, below: Loaded) -> str:
    return (
        f"# Written by `recipegen create`, recipegen {__version__}: {wanted.kind}, on {below.name}.\n"
        "# It is yours from here on; `recipegen show FILE --origin` says where each value comes from.\n"
    )


def _comments(wanted: Wanted, data: dict[str, Any]) -> Iterator[tuple[Keys, str]]:
    yield ("extends",), "What stands below is a merge patch of this recipe; all else is as it is there."
    if wanted.prefix is not None:
        yield ("endpoint", "prefix"), "The graph's name begins with it."
    if wanted.owner is not None:
        known = " The file of owners has it for the address." if wanted.owners_file else ""
        yield ("endpoint", "owner"), f"Who pays: on every object, for whoever writes the bills.{known}"
    if wanted.clusters:
        yield (
            ("endpoint", "clusters"),
            "Read by `recipegen render FILE --target appset --charts oci://…` alone.",
        )
    if wanted.kind == "async":
        yield (
            ("scaling",),
            "The length of its queue decides how many replicas there are.",
        )
    if "variants" in data:
        yield ("variants",), "Of the base, and with what stands above without effect or wrong."
    model = data.get("model", {})
    if wanted.gpus is not None and "engine" in model:
        yield ("model", "engine"), f"{wanted.gpus} GPUs for each worker, as asked for."


def _read(text: str, target: Path) -> Loaded:
    document, bases = inheritance.extended(yamlio.read(text, shown(target)), target)
    return Loaded(target.stem, DEFAULT_VARIANT, document, tuple(map(shown, bases)))


def _stands(loaded: Loaded, variant: str) -> bool:
    try:
        resolve(validate(choose(loaded, variant, (), alone=True)))
    except RecipeError:
        return False
    return True


def _proven(text: str, target: Path) -> Plan:
    """Return the plan of the new recipe, rendered once as `recipegen render` would."""
    try:
        return rendered(_read(text, target))
    except RecipeError as error:
        raise RecipeError(*(_told(problem, shown(target)) for problem in error.problems)) from error


def _told(problem: Problem, label: str) -> Problem:
    """Return the problem with the option to change, and the place where that is in the base."""
    told = explained(problem, FLAGS)
    of_base = problem.mark is not None and problem.mark.source != label
    return Problem(told.code, (), told.message, told.hint, problem.mark if of_base else None)
