"""The filters of `recipegen list`: what each option keeps, and values that cannot be meant."""

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from recipegen import facts
from recipegen.errors import Problem, UsageError, nearest, show
from recipegen.overview import ANY_GPU, MODES, Form
from recipegen.recipe import BackendType

UNITS = {"M": 10**6, "B": 10**9, "T": 10**12}
_RANGE = re.compile(r"(?:([0-9]+(?:\.[0-9]+)?)([MBT]?))?-(?:([0-9]+(?:\.[0-9]+)?)([MBT]))?", re.IGNORECASE)


@dataclass(frozen=True)
class Filter:
    """One thing that is asked of a form."""

    option: str
    """As it was written: `--backend vllm`."""
    keeps: Callable[[Form], bool]


def filters(args: argparse.Namespace) -> list[Filter]:
    """Return the filters that were given.

    Raises:
        UsageError: when a value is none that a form can have, with the nearest that it can.
    """
    found = [Filter(word, _word(word)) for word in args.words]
    for name, make in (
        ("backend", _backend),
        ("mode", _mode),
        ("gpu", _gpu),
        ("size", _size),
        ("license", _license),
    ):
        value = getattr(args, name)
        if value is not None:
            found.append(Filter(f"--{name} {value}", make(value)))
    if args.max_gpus is not None:
        found.append(Filter(f"--max-gpus {args.max_gpus}", lambda form: form.plan.gpus <= args.max_gpus))
    return found


def known_license(value: str | None, forms: Iterable[Form]) -> None:
    """Refuse a licence that no form has, whatever else is asked of it.

    Raises:
        UsageError: with the nearest one of the catalog.
    """
    known = sorted({form.license or "" for form in forms} - {""})
    if value is not None and not any(value.casefold() in each.casefold() for each in known):
        _refuse("--license", value, known)


def excluded(given: Sequence[Filter], forms: Sequence[Form]) -> str:
    """Return which filter kept how many, for a list that came out empty."""
    recipes = len({form.name for form in forms})
    lines = [f"no recipe fits, of {recipes} with {len(forms)} forms:"]
    left = list(forms)
    width = max((len(each.option) for each in given), default=0)
    for each in given:
        left = [form for form in left if each.keeps(form)]
        alone = sum(map(each.keeps, forms))
        lines.append(f"  {each.option:<{width}}  fits {alone}; {len(left)} left")
    return "\n".join(lines)


def _word(word: str) -> Callable[[Form], bool]:
    return lambda form: word.casefold() in form.words


def _backend(value: str) -> Callable[[Form], bool]:
    if value not in get_args(BackendType):
        _refuse("--backend", value, get_args(BackendType))
    return lambda form: form.backend == value


def _mode(value: str) -> Callable[[Form], bool]:
    if value not in MODES:
        _refuse("--mode", value, MODES)
    return lambda form: value in form.modes


def _gpu(value: str) -> Callable[[Form], bool]:
    known = facts.hardware()
    meant = {name for name in known if name == value or name.startswith(f"{value}-")}
    if not meant:
        families = dict.fromkeys(name.partition("-")[0] for name in known)
        _refuse("--gpu", value, [*families, *known], f"known are {', '.join(families)}, and longer names")
    # A recipe for any GPU is one for this GPU too.
    return lambda form: form.gpu in meant or form.gpu == ANY_GPU


def _license(value: str) -> Callable[[Form], bool]:
    return lambda form: value.casefold() in (form.license or "").casefold()


def _size(value: str) -> Callable[[Form], bool]:
    found = _RANGE.fullmatch(value)
    if found is None or not (found[1] or found[3]) or not (found[2] or found[4]):
        hint = "write a range in millions, billions or trillions, such as 0-10B, 70B- or 500M-3B"
        raise UsageError(Problem("usage", (), f"--size: no range of parameters, got {show(value)}", hint))
    least = float(found[1] or 0) * UNITS[(found[2] or found[4]).upper()]
    most = float(found[3]) * UNITS[found[4].upper()] if found[3] else float("inf")
    if least > most:
        message = f"--size: the range ends before it begins, got {show(value)}"
        raise UsageError(Problem("usage", (), message, "write the smaller number first"))
    return lambda form: form.parameters is not None and least <= form.parameters <= most


def _refuse(option: str, value: str, known: Sequence[str], otherwise: str = "") -> None:
    hint = nearest(value, known) or otherwise or f"known are {', '.join(known)}"
    raise UsageError(Problem("usage", (), f"{option}: nothing is called {show(value)}", hint))
