"""The recipe that was made, checked as any other: a file is written only when `validate` takes it."""

from dataclasses import replace

from recipegen import facts, yamlio
from recipegen.compile import compile_plan
from recipegen.errors import Path, Problem, RecipeError, dotted
from recipegen.load import Loaded
from recipegen.modelfacts import ModelFacts
from recipegen.resolve import Plan, resolve
from recipegen.targets import TARGETS
from recipegen.validate import validate

# Which option changes a key, by how the key's path begins; the first that fits. None of them: no option does.
FLAGS: tuple[tuple[Path, str], ...] = (
    (("dynamoNamespace",), "--namespace"),
    (("hardware",), "--gpu, or weights in another format"),
    (("model", "name"), "--model"),
    (("model", "backend"), "--backend"),
    (("model", "engine", "maxModelLen"), "--max-model-len"),
    (("model", "engine", "tensorParallel"), "--gpu-count"),
    (("model", "engine", "pipelineParallel"), "--gpu-count"),
    (("model", "engine", "dataParallel"), "--gpu-count"),
    (("model", "engine", "expertParallel"), "--gpu-count"),
    (("model", "engine"), "--backend"),
    (("model",), "--backend or --gpu-count"),
    ((), "--name"),
)


def prove(text: str, name: str, file: str, model: ModelFacts) -> tuple[Problem, ...]:
    """Render a recipe as `recipegen render` would, and return what is odd about it.

    It is checked with what its config.json says of the model, and then as everybody else will check it, with
    recipegen's own facts or none.

    Args:
        text: The recipe.
        name: What it is called.
        file: The file that it will be in.
        model: What its config.json says.

    Raises:
        RecipeError: It cannot be, with every reason and the option to change.
    """
    document = yamlio.read(text, file)
    try:
        with facts.lent(model):
            found = rendered(Loaded(name, "default", document))
        plain = rendered(Loaded(name, "default", document))
    except RecipeError as error:
        raise RecipeError(*(explained(problem, FLAGS) for problem in error.problems)) from error
    # Their lines are those of a file that is not there yet.
    return tuple(dict.fromkeys(replace(each, mark=None) for each in (*found.warnings, *plain.warnings)))


def rendered(loaded: Loaded) -> Plan:
    """Return the plan of a recipe that `recipegen render` takes; raises as its stages do."""
    plan = resolve(validate(loaded))
    TARGETS["helmfile"](plan, compile_plan(plan))
    return plan


def explained(problem: Problem, flags: tuple[tuple[Path, str], ...]) -> Problem:
    """Return the problem without a place in a file that will not be, and with the option to change."""
    flag = next(flag for path, flag in flags if problem.path[: len(path)] == path)
    place = dotted(problem.path)
    message = f"as {place} of the recipe: {problem.message}" if place else problem.message
    hint = f"{problem.hint}; change {flag}" if problem.hint else f"change {flag}"
    return replace(problem, path=(), mark=None, message=message, hint=hint)
