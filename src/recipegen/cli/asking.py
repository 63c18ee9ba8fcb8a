"""What is missing is asked for, where a person sits at a terminal; elsewhere nobody is."""

import sys
from collections.abc import Callable, Iterator, Sequence

from recipegen.cli.printing import note
from recipegen.creation.given import Missing
from recipegen.errors import UsageError

TRIES = 3
"""Answers that a prompt takes before it gives up."""


def answers(
    lacking: Sequence[Missing],
    wrong: Callable[[str, str], str],
    refusal: Callable[[list[Missing]], UsageError],
) -> Iterator[tuple[Missing, str]]:
    """Yield each input that is missing with a person's answer; nothing where there is no terminal.

    Args:
        lacking: what to ask for.
        wrong: says of a field and an answer why it cannot be, or nothing.
        refusal: the error for what was not answered.
    """
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return
    for each in lacking:
        yield each, _answer(each, wrong, refusal)


def _answer(
    wanted: Missing, wrong: Callable[[str, str], str], refusal: Callable[[list[Missing]], UsageError]
) -> str:
    """Return a person's answer that can be; none, or too many that cannot be, are an error."""
    for _ in range(TRIES):
        choices = f" ({', '.join(wanted.choices)})" if wanted.choices else ""
        sys.stderr.write(f"{wanted.words}{choices}: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            break
        answer = line.strip()
        mistake = wrong(wanted.field, answer) if answer else ""
        if answer and not mistake:
            return answer
        if mistake:
            note(mistake)
    note("")
    raise refusal([wanted])
