"""New endpoints: a recipe that extends a base, and says whose it is and what is different there."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from recipegen import catalog, inheritance, yamlio
from recipegen.catalog import shown
from recipegen.creation.endpoint import text
from recipegen.creation.endpoint.kept import refuse_contrary
from recipegen.creation.endpoint.neighbours import called
from recipegen.creation.endpoint.wanted import Wanted, check, missing, refusal
from recipegen.creation.proof import explained, rendered
from recipegen.errors import Path as Keys
from recipegen.errors import Problem, RecipeError, ToolError, UsageError, show
from recipegen.load import DEFAULT_VARIANT, Loaded, choose, variants
from recipegen.load import read as read_recipe
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate

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
    data, notes = text.data(wanted, below, target)
    plan = _proven(yamlio.write(data), target)
    refuse_contrary(wanted, plan.recipe)
    # Variants of the base that are nothing or cannot be with what this one changes; a --set may have taken
    # some of them, or all, out before.
    left = set(variants(plan.loaded.document))
    if lost := [name for name in variants(below.document) if name in left and not _stands(plan.loaded, name)]:
        data["variants"] = {**data.get("variants", {}), **dict.fromkeys(lost)}
        notes.append(f"variants of {wanted.base} that are nothing here are taken out: {', '.join(lost)}")
    recipe = text.written(wanted, below, data, lost)
    return CreatedEndpoint(target.stem, recipe, _proven(recipe, target), tuple(notes))


def _read(recipe: str, target: Path) -> Loaded:
    document, bases = inheritance.extended(yamlio.read(recipe, shown(target)), target)
    return Loaded(target.stem, DEFAULT_VARIANT, document, tuple(map(shown, bases)))


def _stands(loaded: Loaded, variant: str) -> bool:
    try:
        resolve(validate(choose(loaded, variant, (), alone=True)))
    except RecipeError:
        return False
    return True


def _proven(recipe: str, target: Path) -> Plan:
    """Return the plan of the new recipe, rendered once as `recipegen render` would."""
    try:
        return rendered(_read(recipe, target))
    except RecipeError as error:
        raise RecipeError(*(_told(problem, shown(target)) for problem in error.problems)) from error


def _told(problem: Problem, label: str) -> Problem:
    """Return the problem with the option to change, and the place where that is in the base."""
    told = explained(problem, FLAGS)
    of_base = problem.mark is not None and problem.mark.source != label
    return Problem(told.code, (), told.message, told.hint, problem.mark if of_base else None)
