"""The words of a shell line that does nothing but launch one program; any other line is refused.

Before the program a line may change the folder, set variables and shell options, or raise limits.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^{}$`]*))?\}")
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
# What the shell does something with, outside of quotes.
ACTED_UPON = "|&<>()`*?~!"


class ShellError(Exception):
    """The line is more than a launch; its text says what there is in it."""


@dataclass
class Launch:
    """What a shell line starts."""

    words: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    """Variables that the line sets."""
    directory: str = ""
    """Folder that the line changes to."""
    left_out: list[str] = field(default_factory=list)
    """Commands before the launch that have no counterpart in a recipe."""


def launch(line: str, variable: Callable[[str], str | None]) -> Launch:
    """Return what a shell line launches; `variable` gives the text of one, or None.

    Raises:
        ShellError: the line does more than that, or names a variable that nobody set.
    """
    done = Launch()

    def lookup(name: str) -> str | None:
        return done.env.get(name) if name in done.env else variable(name)

    commands = _commands(line, lookup, done.env)
    for words in commands[:-1]:
        _prepare(words, done)
    last = commands[-1] if commands else []
    while last and (given := ASSIGNMENT.fullmatch(last[0])):
        done.env[given[1]] = given[2]
        last = last[1:]
    if last[:1] == ["exec"]:
        last = last[1:]
    if not last:
        raise ShellError("it launches nothing")
    done.words = last
    return done


def _prepare(words: list[str], done: Launch) -> None:
    """Take in a command before the launch."""
    head, rest = words[0], words[1:]
    assigned = [ASSIGNMENT.fullmatch(word) for word in (rest if head == "export" else words)]
    if all(assigned):
        done.env |= {given[1]: given[2] for given in assigned if given}
    elif head == "cd" and len(rest) == 1:
        done.directory = rest[0]
    elif head in ("set", "ulimit", "echo", "sleep"):
        done.left_out.append(" ".join(words))
    else:
        raise ShellError(f"it runs {head!r} before the launch")


def _commands(line: str, variable: Callable[[str], str | None], assigned: dict[str, str]) -> list[list[str]]:
    """Return the words of each command of the line."""
    reading = _Reading(variable, assigned)
    line = line.replace("\\\n", " ")
    place = 0
    while place < len(line):
        place = reading.step(line, place)
    reading.end_command()
    return [words for words in reading.commands if words]


class _Reading:
    """The words of a line, as far as it was read."""

    def __init__(self, variable: Callable[[str], str | None], assigned: dict[str, str]) -> None:
        self.variable, self.assigned = variable, assigned
        self.commands: list[list[str]] = [[]]
        self.word: str | None = None

    def step(self, line: str, place: int) -> int:
        """Take in what stands at the place, and return the place behind it."""
        character = line[place]
        if character in " \t":
            self.end_word()
        elif line.startswith("&&", place) or character in ";\n":
            self.end_command()
            return place + (2 if character == "&" else 1)
        elif character == "#" and self.word is None:
            end = line.find("\n", place)
            return end if end >= 0 else len(line)
        elif character in "'\"\\$":
            return self.special(line, place)
        elif character in ACTED_UPON or (character in "{}" and self.word is None):
            raise ShellError(f"it holds {character!r}, which the shell acts upon")
        else:
            self.add(character)
        return place + 1

    def special(self, line: str, place: int) -> int:
        """Take in a quote, an escaped character or a variable."""
        if line[place] == "'":
            close = line.find("'", place + 1)
            if close < 0:
                raise ShellError("a quote is not closed")
            self.add(line[place + 1 : close])
            return close + 1
        if line[place] == '"':
            text, behind = _quoted(line, place + 1, self.variable)
            self.add(text)
            return behind
        if line[place] == "\\":
            self.add(line[place + 1 : place + 2])
            return place + 2
        text, behind = _variable(line, place, self.variable)
        # Without quotes, what a variable holds becomes several words.
        for index, part in enumerate(text.split()):
            if index:
                self.end_word()
            self.add(part)
        return behind

    def add(self, text: str) -> None:
        """Add text to the word."""
        self.word = (self.word or "") + text

    def end_word(self) -> None:
        """End the word, where there is one."""
        if self.word is not None:
            self.commands[-1].append(self.word)
        self.word = None

    def end_command(self) -> None:
        """End the command; a variable that it sets is known in what follows."""
        self.end_word()
        words = self.commands[-1]
        given = [ASSIGNMENT.fullmatch(each) for each in words[words[:1] == ["export"] :]]
        if given and all(given):
            self.assigned.update({each[1]: each[2] for each in given if each})
        if words:
            self.commands.append([])


def _quoted(line: str, place: int, variable: Callable[[str], str | None]) -> tuple[str, int]:
    """Return the text of double quotes and the place behind them."""
    text = ""
    while place < len(line):
        character = line[place]
        if character == '"':
            return text, place + 1
        if character == "\\" and line[place + 1 : place + 2] in tuple('"\\$`'):
            text += line[place + 1]
            place += 2
        elif character == "$":
            inner, place = _variable(line, place, variable)
            text += inner
        elif character == "`":
            raise ShellError("it runs a command inside of another one")
        else:
            text += character
            place += 1
    raise ShellError("a quote is not closed")


def _variable(line: str, place: int, variable: Callable[[str], str | None]) -> tuple[str, int]:
    """Return what stands for the `$` at `place`, and the place behind it."""
    rest = line[place + 1 :]
    braced, plain = BRACED.match(rest), NAME.match(rest)
    found = braced or plain
    if found is None:
        if rest[:1] in ("(", "{", *"0123456789@*#?$!-"):
            raise ShellError("it holds '$" + rest[:1] + "', which the shell acts upon")
        return "$", place + 1
    name = found[1] if braced else found[0]
    value = variable(name)
    if value is None and braced and braced[2] is not None:
        value = braced[2]
    if value is None:
        raise ShellError(f"the value of ${name} is not in the file")
    return value, place + 1 + found.end()
