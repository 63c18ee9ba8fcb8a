"""What a container runs: the module, and its options with their values."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath

from recipegen import yamlio
from recipegen.errors import Problem, show
from recipegen.importers.nodes import Node
from recipegen.importers.shell import Launch, ShellError, launch

PYTHON = re.compile(r"python(3(\.[0-9]+)?)?")
SHELLS = ("sh", "bash", "dash")
# Kubernetes puts the value of a variable for it, in command, arguments and variables.
REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
OPTION = re.compile(r"--?[A-Za-z][^=\s]*")

Variables = dict[str, Node]
Options = dict[str, list[list[Node]]]
"""Each option with its values, once for each time it is there."""


@dataclass
class Command:
    """What a container runs."""

    module: str = ""
    """Such as dynamo.vllm; for what is no Python module, the program."""
    at: Node = field(default_factory=lambda: Node(None))
    """Where the module is named."""
    words: list[Node] = field(default_factory=list)
    """What follows it."""
    env: Variables = field(default_factory=dict)
    """Variables that a shell line sets."""
    used: dict[str, Node] = field(default_factory=dict)
    """Variables whose values the words hold."""
    directory: Node | None = None
    left_out: list[Node] = field(default_factory=list)
    """Commands of a shell line that have no counterpart in a recipe."""


def parse(words: list[Node], variables: Variables, problems: list[Problem]) -> Command:
    """Return what the words of `command` and `args` run, with the values of variables put in."""
    found = Command()
    plain = [expanded(word, variables, found.used, problems) for word in words]
    if plain and PurePath(str(plain[0].value)).name in SHELLS:
        plain = _out_of_shell(plain, variables, found, problems)
    if not plain:
        return found
    program = PurePosixPath(str(plain[0].value)).name
    rest = plain[1:]
    if PYTHON.fullmatch(program):
        while rest and rest[0].value in ("-u", "-O", "-B"):
            rest = rest[1:]
        if len(rest) > 1 and rest[0].value == "-m":
            found.module, found.at, found.words = str(rest[1].value), rest[1], rest[2:]
            return found
        found.module, found.at = " ".join(str(word.value) for word in plain[:2]), plain[0]
        return found
    found.module, found.at, found.words = program, plain[0], rest
    return found


def expanded(word: Node, variables: Variables, used: dict[str, Node], problems: list[Problem]) -> Node:
    """Return a word with the values of the variables that it refers to."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        variable = variables.get(found[1])
        if variable is None:
            return found[0]
        if not isinstance(variable.value, str):
            message = (
                f"refers to the variable {found[1]}, whose value is not in the file, got {show(word.value)}"
            )
            problems.append(word.problem("unknown-value", message, "write the value in its place"))
            return found[0]
        used[found[1]] = variable
        return variable.value

    text = word.value
    return word.here(REFERENCE.sub(value, text)) if isinstance(text, str) and "$" in text else word


def _out_of_shell(
    words: list[Node], variables: Variables, found: Command, problems: list[Problem]
) -> list[Node]:
    """Return the words that a shell line launches; none, and a problem, when it is more than a launch."""
    flags = [word for word in words[1:] if re.fullmatch(r"-[a-z]*c[a-z]*", str(word.value))]
    begin = words.index(flags[0]) + 1 if flags else 0
    if not flags or len(words) != begin + 1:
        message = f"runs a shell, and not by `-c LINE`, got {show([word.value for word in words])}"
        problems.append(words[0].problem("shell", message, "write the launch as a list of words"))
        return []
    line = words[begin]

    def variable(name: str) -> str | None:
        node = variables.get(name)
        if node is None or not isinstance(node.value, str):
            return None
        found.used[name] = node
        return node.value

    try:
        done: Launch = launch(str(line.value), variable)
    except ShellError as error:
        message = f"is a shell script that cannot be imported: {error}, got {show(line.value)}"
        hint = "write the launch as a list of words: command [python3, -m, MODULE] and its args"
        problems.append(line.problem("shell", message, hint))
        return []
    found.env = {name: line.here(text) for name, text in done.env.items()}
    found.directory = line.here(done.directory) if done.directory else None
    found.left_out = [line.here(text) for text in done.left_out]
    return [line.here(word) for word in done.words]


def options(words: list[Node], canonical: Callable[[str], str], problems: list[Problem]) -> Options:
    """Return options and values of a command line; each option's name as `canonical` has it."""
    found: Options = {}
    values: list[Node] | None = None
    for word in words:
        text = str(word.value)
        if OPTION.fullmatch(text.partition("=")[0]) and not re.match(r"-[0-9.]", text):
            name, joined, value = text.partition("=")
            values = [word.here(value)] if joined else []
            found.setdefault(canonical(name), []).append(values)
        elif values is None:
            message = f"is no option, and stands before the first one, got {show(text)}"
            problems.append(word.problem("argument", message))
        else:
            values.append(word)
    return found


def number(text: str) -> int | float | None:
    """Return the number that an option's value is; vLLM takes 32k and 1M too."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([kKmM]?)", text)
    if found and len(text) < 25:
        # vLLM: a small letter counts in tens, a capital in powers of two.
        factor = {"": 1, "k": 1000, "m": 1000**2, "K": 1024, "M": 1024**2}[found[2]]
        exact = float(found[1]) * factor
        return int(exact) if exact.is_integer() and ("." not in found[1] or found[2]) else exact
    return None


def json_of(text: str) -> object:
    """Return the JSON in a text, or None where it is none."""
    import json

    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        found: object = json.loads(text)
        # The same limits as for a recipe: nothing too deep, nothing too long.
        yamlio.write(found)
    except (ValueError, TypeError, RecursionError):
        return None
    return found
