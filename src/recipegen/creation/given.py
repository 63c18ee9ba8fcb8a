"""What a person gave, checked before anything is read: what is missing, and what cannot be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

from recipegen import facts
from recipegen.creation import names
from recipegen.errors import Problem, UsageError, nearest, show
from recipegen.recipe import FORMS, LABEL, OBJECT_NAME, BackendType
from recipegen.recipe.forms import MODEL_ID
from recipegen.sizing.checkpoint.snapshots import identity

BACKENDS = get_args(BackendType)
# Bounds of the recipe language, said before anything is worked out.
MOST = {"gpu_count": 4096, "max_model_len": 1_000_000_000, "replicas": 10_000}


@dataclass(frozen=True)
class Given:
    """The wishes of a person; None where nothing was said."""

    config: str | None = None
    """Path of a config.json, or of a directory with one."""
    hf: str | None = None
    """Id of a model on the Hub."""
    model: str | None = None
    """Id of the model, where `config` does not say it."""
    backend: str | None = None
    gpu: str | None = None
    gpu_count: int | None = None
    """GPUs of one replica."""
    max_model_len: int | None = None
    replicas: int | None = None
    """Replicas of each role."""
    disaggregated: bool = False
    trust_remote_code: bool = False
    """Whether code that comes with the weights may run."""
    namespace: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Missing:
    """An input that is not there, and what it can be."""

    field: str
    """The field of Given that it fills."""
    flag: str
    words: str
    """What it is, for a prompt."""
    choices: tuple[str, ...] = ()


SOURCE = Missing(
    "config",
    "--config FILE with --model ORG/NAME, or --hf ORG/NAME",
    "config.json of the model, or its directory",
)
MODEL = Missing("model", "--model ORG/NAME", "model id, ORG/NAME")
BACKEND = Missing("backend", "--backend B", "engine", BACKENDS)


def missing(given: Given) -> list[Missing]:
    """Return what has to be given and was not, as far as that can be said before anything is read.

    The engine can follow from model and GPU; it is named here where something else is missing as well.
    """
    found = []
    if given.config is None and given.hf is None:
        found.append(SOURCE)
    if given.hf is None and given.model is None and not (given.config and identity(given.config)[0]):
        found.append(MODEL)
    if given.gpu is None:
        found.append(Missing("gpu", "--gpu GPU", "type of the GPUs", tuple(facts.hardware())))
    if found and given.backend is None:
        found.insert(-1 if given.gpu is None else len(found), BACKEND)
    return found


def filled(given: Given, wanted: Missing, value: str) -> Given:
    """Return what was given with one more input."""
    return replace(given, **{wanted.field: value})  # type: ignore[arg-type]


def called(given: Given) -> str:
    """Return the name of the recipe, as far as it is known before anything is read; else nothing."""
    model = model_of(given)
    return given.name or (names.recipe_name(model) if model else "")


def model_of(given: Given) -> str:
    """Return the id of the model, as far as it is known before anything is read; else nothing."""
    return given.hf or given.model or (identity(given.config)[0] if given.config else "")


def refusal(lacking: list[Missing]) -> UsageError:
    """Return the one error that names all that is missing, with what each of them can be."""
    flags = [each.flag for each in lacking if not (each is MODEL and SOURCE in lacking)]
    unsaid = MODEL in lacking and SOURCE not in lacking
    hints = ["a config.json does not say which model it is of"] if unsaid else []
    return needed("new", flags, [*hints, *choices(lacking)])


def choices(lacking: list[Missing]) -> list[str]:
    """Return what inputs that are missing can be, for those that are one of a few."""
    return [f"{each.flag.split()[0]} is one of {', '.join(each.choices)}" for each in lacking if each.choices]


def needed(verb: str, flags: list[str], hints: list[str]) -> UsageError:
    """Return the error of a command that needs more options than it was given."""
    needs = flags[0] if len(flags) == 1 else f"{'; '.join(flags[:-1])}; and {flags[-1]}"
    return UsageError(Problem("missing-input", (), f"`recipegen {verb}` needs {needs}", "; ".join(hints)))


def check(given: Given) -> None:
    """Refuse values that cannot be, all of them at once.

    Raises:
        UsageError: With a problem for each.
    """
    found = list(problems(given))
    if found:
        raise UsageError(*found)


def wrong(field: str, value: object) -> str:
    """Return why one value of Given cannot be, or nothing; for prompts."""
    return next((problem.message for problem in problems(Given(**{field: value}))), "")  # type: ignore[arg-type]


def problems(given: Given) -> Iterator[Problem]:
    """Yield what of that cannot be."""
    if given.config is not None and given.hf is not None:
        yield _usage("--config and --hf both say where the model is", "leave one of the two out")
    if given.hf is not None and given.model is not None and given.hf != given.model:
        yield _usage("--model is for --config: --hf says the id already", "leave --model out")
    for flag, text in (("--hf", given.hf), ("--model", given.model)):
        if text is not None and not (re.fullmatch(MODEL_ID, text) and len(text) <= 200):
            yield _usage(f"{flag} takes {FORMS[MODEL_ID]}, got {show(text)}", _local(text))
    if given.backend is not None and given.backend not in BACKENDS:
        hint = nearest(given.backend, BACKENDS) or f"the engines are {', '.join(BACKENDS)}"
        yield _usage(f"--backend: no engine is called {show(given.backend)}", hint)
    if given.gpu is not None and given.gpu not in facts.hardware():
        yield _usage(f"--gpu: no GPU type is called {show(given.gpu)}", facts.gpu_hint(given.gpu))
    if given.gpu is None and given.gpu_count is not None:
        hint = f"give --gpu as well: one of {', '.join(facts.hardware())}"
        yield _usage("--gpu-count says how many GPUs, and nothing says of which type", hint)
    for field, most in MOST.items():
        number = getattr(given, field)
        least = 0 if field == "replicas" and not given.disaggregated else 1
        if number is not None and (isinstance(number, bool) or not least <= number <= most):
            flag = f"--{field.replace('_', '-')}"
            yield _usage(f"{flag} takes a whole number from {least} to {most}, got {show(number)}")
    if given.namespace is not None and not (
        re.fullmatch(LABEL, given.namespace) and len(given.namespace) <= 63
    ):
        yield _usage(f"--namespace takes {FORMS[LABEL]}, at most 63, got {show(given.namespace)}")
    if given.name is not None and not (re.fullmatch(OBJECT_NAME, given.name) and len(given.name) <= 253):
        yield _usage(f"--name takes {FORMS[OBJECT_NAME]}, got {show(given.name)}", "as in --name qwen3-32b")


def _local(text: str) -> str:
    return "for a file or directory of yours: --config" if text.startswith((".", "/", "~")) else ""


def _usage(message: str, hint: str = "") -> Problem:
    return Problem("usage", (), message, hint)
