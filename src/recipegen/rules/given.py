"""What a recipe gives to frontend and engines as options, each with its place."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from recipegen import argv, facts
from recipegen.errors import Path
from recipegen.facts import flags
from recipegen.recipe import Backend, Recipe, Role
from recipegen.roles import workers
from recipegen.rules.images import release_in, release_of

ENGINES = {"vllm": "vLLM", "sglang": "SGLang", "trtllm": "TensorRT-LLM"}
PROCESSOR = "--dyn-chat-processor"


@dataclass(frozen=True)
class Program:
    """A program of one release, and what is known of its options."""

    table: flags.Table
    name: str
    """What messages call it: with its version, and the Dynamo release that it is in."""
    known: bool
    """Whether there is a table at all."""
    unsure: bool
    """Whether an image of a release that nobody knows here may hold another program."""

    @property
    def lenient(self) -> str:
        """Why an option that it does not have may be right all the same, or nothing."""
        if self.table.partial:
            return self.table.partial
        return "the release in the image is not known, and may have others" if self.unsure else ""


@dataclass(frozen=True)
class Listed:
    """One list of arguments, taken apart."""

    path: Path
    args: list[str]
    program: Program
    read: argv.Arguments
    roles: list[Role] = field(default_factory=list)
    """The roles that it is given to; none for the frontend."""


def unsure(backend: Backend) -> bool:
    """Return whether the release in the image is only taken to be the one that it is checked against."""
    return backend.image is not None and backend.version is None and release_in(backend.image) is None


def program(name: str, backend: Backend, *beside: tuple[str, str]) -> Program:
    """Return an engine or the frontend, in the release that the backend names."""
    version = release_of(backend)
    table = flags.table(name, version, beside)
    engine = facts.dynamo().get(version, {}).get("engines", {}).get(name)
    called = f"the frontend of Dynamo {version}"
    if name in ENGINES:
        called = f"{ENGINES[name]}{f' {engine}' if engine else ''}, in Dynamo {version},"
    nothing = flags.Table(name, flags.minor_of(version), {}, {})
    return Program(table or nothing, called, table is not None, unsure(backend))


def lists(recipe: Recipe) -> Iterator[Listed]:
    """Yield each list of arguments that is not empty, with the program that reads it."""
    model = recipe.model
    own = {role: worker.engine.args for role, worker in workers(model).items()}
    if model.engine.args or any(own.values()):
        engine = program(model.backend.type, model.backend)
        if model.engine.args:
            heirs = [role for role, args in own.items() if args is None]
            read = argv.read(engine.table, model.engine.args)
            yield Listed(("model", "engine", "args"), model.engine.args, engine, read, heirs)
        for role, args in own.items():
            if args:
                read = argv.read(engine.table, args)
                yield Listed(("model", role, "engine", "args"), args, engine, read, [role])
    if model.frontend.args:
        yield _of_the_frontend(recipe)


def given_to(recipe: Recipe, role: Role) -> dict[str, tuple[Path, argv.Given]]:
    """Return the options that arguments give to a role, each with its place."""
    mine = [each for each in lists(recipe) if role in each.roles]
    return {
        given.option.name: ((*each.path, given.index), given)
        for each in mine
        for given in each.read.given
        if given.option.row is not None
    }


def frontend(recipe: Recipe) -> Program:
    """Return the frontend, with the options of the chat processor that its arguments and variables choose."""
    model = recipe.model
    plain = program("frontend", model.backend)
    given = argv.read(plain.table, model.frontend.args).given
    asked = next((each.text for each in given if each.option.name == PROCESSOR), "")
    processor = asked or model.frontend.env.get("DYN_CHAT_PROCESSOR", "")
    return program("frontend", model.backend, (PROCESSOR, processor)) if processor else plain


def _of_the_frontend(recipe: Recipe) -> Listed:
    args = recipe.model.frontend.args
    its = frontend(recipe)
    return Listed(("model", "frontend", "args"), args, its, argv.read(its.table, args))
