"""Verbs of the systems beside recipegen: what is not performed here is said, with the nearest command."""

from collections.abc import Sequence
from itertools import takewhile

from recipegen import facts
from recipegen.errors import Problem, UsageError


def refuse(given: Sequence[str]) -> None:
    """Refuse a command line that begins with a neighbour's verb; any other is left to the parser.

    Raises:
        UsageError: says what is not performed, what it is rendered as, and who performs it.
    """
    table = facts.neighbours()
    acts = {verb: act for act in table["acts"] for verb in act["verbs"]}
    words = [word.casefold() for word in takewhile(lambda word: not word.startswith("-"), given)]
    # The longer one is what was meant: `config upload` before `config`.
    for verb in (" ".join(words[:2]), *words[:1]):
        if verb in acts:
            act = acts[verb]
            message = (
                f"{verb}: not performed by recipegen: {act['what']}; rendered as {act['as']};"
                f" performed by {act['by']}"
            )
            raise UsageError(Problem("not-performed", (), message, f"nearest is `{act['instead']}`"))
        if verb in table["renamed"]:
            message = f"{verb}: is no command of recipegen"
            raise UsageError(Problem("usage", (), message, f"nearest is `{table['renamed'][verb]}`"))
