"""What a person wants of a new endpoint, checked before anything is read: what is missing, what cannot be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

from recipegen import facts
from recipegen.creation.given import BACKENDS, Given, Missing, choices, needed
from recipegen.creation.given import problems as of_a_recipe
from recipegen.document import from_set
from recipegen.endpoints import CUSTOMERS
from recipegen.errors import Path, Problem, UsageError, dotted, nearest, show
from recipegen.load import Loaded
from recipegen.recipe import FORMS, LABEL, OBJECT_NAME
from recipegen.recipe.endpoint import EndpointKind
from recipegen.recipe.forms import OWNER

KINDS: tuple[str, ...] = get_args(EndpointKind)
PREFIX = 12
"""Characters of a prefix, as the recipe language has it."""
MOST = {"gpus": 4096, "replicas": 10_000}
# Any of these, somewhere in a recipe, says how many GPUs a replica has.
SIZES = ("tensorParallel", "pipelineParallel", "dataParallel", "gpus")
# What no --set may say, and where it is said instead.
SAID_ELSEWHERE: tuple[tuple[Path, str], ...] = (
    (("extends",), "name the base in front: recipegen create BASE"),
    (("endpoint", "kind"), "say it with --kind"),
    (("endpoint", "prefix"), "say it with --prefix"),
    (("endpoint", "owner"), "say it with --owner"),
)
OF_A_CUSTOMER = "is for the kinds dedicated and reserved, which are one customer's own"


@dataclass(frozen=True)
class Wanted:
    """The wishes of a person; None where nothing was said."""

    base: str
    """Recipe that the endpoint is made on: a name of the catalog, or a path."""
    kind: str | None = None
    prefix: str | None = None
    owner: str | None = None
    owners_file: str | None = None
    """YAML map of e-mail addresses to ids."""
    gpu: str | None = None
    backend: str | None = None
    gpus: int | None = None
    """GPUs of one replica."""
    replicas: int | None = None
    """Replicas of each role."""
    clusters: tuple[tuple[str, int | None], ...] = ()
    """Each with its replicas, or None for the recipe's."""
    changes: tuple[str, ...] = ()
    """Further values, each as KEY=VALUE."""
    name: str | None = None


KIND = Missing("kind", "--kind K", "kind of the endpoint", KINDS)
OF_CUSTOMERS = (
    Missing("prefix", "--prefix P", f"short name of the customer, at most {PREFIX} characters"),
    Missing("owner", "--owner O", "id or e-mail address of who pays"),
)


def missing(wanted: Wanted, base: Loaded) -> list[Missing]:
    """Return what has to be given and was not, by the kind of the endpoint and by what the base says.

    GPUs of a replica follow from a base that says their type, since its sizes are for that one.
    """
    data = base.document.data
    model, hardware = _map(data.get("model")), _map(data.get("hardware"))
    found = [KIND] if wanted.kind is None else []
    if wanted.kind in CUSTOMERS:
        found += [each for each in OF_CUSTOMERS if getattr(wanted, each.field) is None]
    if wanted.backend is None and not _map(model.get("backend")).get("type"):
        found.append(Missing("backend", "--engine E", "engine", BACKENDS))
    if "gpu" not in hardware:
        if wanted.gpu is None:
            found.append(Missing("gpu", "--gpu GPU", "type of the GPUs", tuple(facts.hardware())))
        if wanted.gpus is None and not any(_has(model, key) for key in SIZES):
            found.append(Missing("gpus", "--gpus N", "GPUs of one replica"))
    return found


def filled(wanted: Wanted, each: Missing, value: str) -> Wanted:
    """Return what was wanted with one more input."""
    return replace(wanted, **{each.field: int(value) if each.field in MOST else value})  # type: ignore[arg-type]


def refusal(lacking: list[Missing]) -> UsageError:
    """Return the one error that names all that is missing, with what each of them can be."""
    words = [f"{each.flag.split()[0]}: the {each.words}" for each in lacking if not each.choices]
    return needed("create", [each.flag for each in lacking], [*choices(lacking), *words])


def check(wanted: Wanted) -> None:
    """Refuse values that cannot be, all of them at once.

    Raises:
        UsageError: With a problem for each.
    """
    found = list(_wrong(wanted))
    if found:
        raise UsageError(*found)


def wrong(field: str, value: str) -> str:
    """Return why one value of Wanted cannot be, or nothing; for prompts."""
    if field in MOST:
        return "" if re.fullmatch("[1-9][0-9]{0,3}", value) else f"a whole number, got {show(value)}"
    alone = Wanted("", **{field: value})  # type: ignore[arg-type]
    return next((problem.message for problem in _wrong(alone)), "")


def _wrong(wanted: Wanted) -> Iterator[Problem]:
    yield from _whose(wanted)
    # Types and engines are those of `new`.
    for problem in of_a_recipe(Given(backend=wanted.backend, gpu=wanted.gpu)):
        # As the option is called here.
        yield replace(problem, message=problem.message.replace("--backend:", "--engine:"))
    yield from _sizes(wanted)
    yield from _said_elsewhere(wanted)
    if wanted.name is not None and not (re.fullmatch(OBJECT_NAME, wanted.name) and len(wanted.name) <= 253):
        yield _usage(f"--name takes {FORMS[OBJECT_NAME]}, got {show(wanted.name)}", "as in --name dippy-qwen")


def _whose(wanted: Wanted) -> Iterator[Problem]:
    """Yield what is wrong with kind, prefix and owner."""
    if wanted.kind is not None and wanted.kind not in KINDS:
        hint = nearest(wanted.kind, KINDS) or f"the kinds are {', '.join(KINDS)}"
        yield _usage(f"--kind: no kind of endpoint is called {show(wanted.kind)}", hint)
    elif wanted.kind is not None and wanted.kind not in CUSTOMERS:
        for flag, value in (("--prefix", wanted.prefix), ("--owner", wanted.owner)):
            if value is not None:
                hint = f"leave it out, or say --kind {CUSTOMERS[0]}"
                yield _usage(f"{flag} {OF_A_CUSTOMER}; this one is {wanted.kind}", hint)
    if wanted.prefix is not None and not (
        re.fullmatch(LABEL, wanted.prefix) and len(wanted.prefix) <= PREFIX
    ):
        hint = "the graph's name begins with it, and has few characters: dippy for Dippy Incorporated"
        yield _usage(f"--prefix takes {FORMS[LABEL]}, at most {PREFIX}, got {show(wanted.prefix)}", hint)
    if wanted.owner is not None and not (re.fullmatch(OWNER, wanted.owner) and len(wanted.owner) <= 254):
        yield _usage(
            f"--owner takes {FORMS[OWNER]}, got {show(wanted.owner)}", "such as user-1 or a@b.example"
        )
    if wanted.owners_file is not None and "@" not in (wanted.owner or ""):
        yield _usage("--owners-file is for an --owner that is an e-mail address", "leave it out for an id")


def _sizes(wanted: Wanted) -> Iterator[Problem]:
    """Yield what is wrong with numbers and clusters."""
    for field, most in MOST.items():
        number = getattr(wanted, field)
        least = 1 if field == "gpus" else 0
        if number is not None and (isinstance(number, bool) or not least <= number <= most):
            yield _usage(f"--{field} takes a whole number from {least} to {most}, got {show(number)}")
    names = [name for name, _ in wanted.clusters]
    for name in dict.fromkeys(names):
        if not (re.fullmatch(LABEL, name) and len(name) <= 40):
            yield _usage(f"--cluster takes {FORMS[LABEL]}, at most 40, got {show(name)}", "as in us-east=2")
        if names.count(name) > 1:
            yield _usage(f"--cluster {show(name)} is there twice", "give each cluster once")


def _said_elsewhere(wanted: Wanted) -> Iterator[Problem]:
    """Yield each --set that would replace the base or whose the endpoint is."""
    for expression in wanted.changes:
        patch = from_set(expression)
        for path, hint in SAID_ELSEWHERE:
            if _replaces(patch.data, path):
                yield _usage(
                    f"{patch.mark(path) or '--set'}: {dotted(path)} is said by an argument of its own", hint
                )
                break


def _replaces(patch: Any, path: Path) -> bool:
    """Return whether a merge patch replaces or deletes what is at the path, or what that is in."""
    for key in path:
        if not isinstance(patch, dict):
            return True
        if key not in patch:
            return False
        patch = patch[key]
    return True


def _usage(message: str, hint: str = "") -> Problem:
    return Problem("usage", (), message, hint)


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _has(value: object, key: str) -> bool:
    """Return whether a map or what is in it has the key, with a value."""
    if not isinstance(value, dict):
        return False
    return value.get(key) is not None or any(_has(below, key) for below in value.values())
