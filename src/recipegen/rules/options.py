"""Arguments against the options that a program of this release has: a function for each kind of mistake."""

import re
from collections.abc import Iterator

from recipegen import argv
from recipegen.errors import Path, Problem, nearest, show
from recipegen.facts import flags
from recipegen.recipe import Recipe
from recipegen.rules import values
from recipegen.rules.arguments import owned, owner_of
from recipegen.rules.given import ENGINES, Listed, Program, lists

# Options that a message names.
FEW = 4
ENDS = re.compile(r"goes away in v(?P<minor>\d+\.\d+)")


def check(recipe: Recipe) -> Iterator[Problem]:
    """Yield what the parsers of this release refuse, read otherwise than written, or are about to refuse."""
    for listed in lists(recipe):
        # What nobody but recipegen may set is refused as a whole, whatever its value.
        taken = owned(listed, recipe)
        own = [given for given in listed.read.given if not owner_of(given.option, taken)]
        for rule in (
            _unknown,
            _unknown_key,
            _ambiguous,
            _cut,
            _missing,
            _wrong,
            _switched,
            _twice,
            _deprecated,
        ):
            yield from rule(listed, own)
        yield from _stray(listed, own)


def _unknown(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield options that the program does not have, with where they are, or what is alike."""
    for given in own:
        option = given.option
        if listed.program.known and option.row is None and (not option.several or _was(listed, option)):
            yield missing(listed.program, option.written, (*listed.path, given.index))


def _unknown_key(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield options for keys of TensorRT-LLM's file that are not known to be there."""
    table = listed.program.table
    for given in own:
        key = given.option.keys
        if given.option.name == flags.DYNAMIC and table.keys and key not in table.keys:
            message = f"{listed.program.name} has no key {show(key)}"
            reason = table.partial_keys
            if reason:
                message += f", as far as is known: {reason}"
            path = (*listed.path, given.index)
            yield Problem("unknown-config-key", path, message, near(key, table), warning=bool(reason))


def near(key: str, table: flags.Table) -> str:
    """Return the hint with the most alike of the keys beside this one in a file, or nothing."""
    above, dot, last = key.rpartition(".")
    beside = [other.rpartition(".")[2] for other in table.keys if other.rpartition(".")[0] == above]
    return nearest(last, beside).replace("'", f"'{above}{dot}", 1)


def missing(program: Program, written: str, path: Path) -> Problem:
    """Return the problem of an option that the program does not have."""
    table = program.table
    name = written.replace("_", "-") if table.program == "vllm" else written
    message = f"{program.name} has no option {show(written)}"
    lenient = bool(program.lenient)
    beside = dict(table.elsewhere).get(name)
    if beside:
        hint = f"put it into model.engine.args if the workers are meant, or give {beside} too"
        return Problem("needs-option", path, f"{message} without {beside}", hint, warning=lenient)
    found = None if name in table.spellings else flags.elsewhere(table.program, name, table.minor)
    if found and found.until:
        hint = (
            f"write {found.use}" if found.use else "leave it out: no option is known to have taken its place"
        )
        message += f": it was there until Dynamo {found.until}"
        return Problem("removed-option", path, message, hint, warning=lenient)
    if found:
        hint = f"take Dynamo {found.since}, or leave it out"
        message += f": it comes with Dynamo {found.since}"
        return Problem("newer-option", path, message, hint, warning=lenient)
    if name in table.spellings:
        message += ": Dynamo's own options are written with dashes"
    elif program.lenient:
        message += f", as far as is known: {program.lenient}"
    others = flags.others(table.program, name)
    hint = flags.instead(table.program, name)
    if others and not hint:
        hint = f"it is an option of {ENGINES.get(others[0], 'the frontend')}"
    hint = hint or alike(table, name)
    return Problem("unknown-option", path, message, hint, warning=lenient)


def alike(table: flags.Table, name: str) -> str:
    """Return the hint with the nearest option, compared without dashes, which all have; or nothing."""
    short = f"-{name.lstrip('-')}"
    if short in table.spellings:
        return f"did you mean {show(table.spellings[short])}?"
    hint = nearest(
        name.lstrip("-"), [whole.lstrip("-") for whole in table.spellings if whole.startswith("--")]
    )
    return hint.replace("'", "'--", 1)


def _was(listed: Listed, option: argv.Option) -> bool:
    """Return whether what begins several options was one itself in another release."""
    table = listed.program.table
    return flags.elsewhere(table.program, option.written, table.minor) is not None


def _ambiguous(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield beginnings of several options, which argparse refuses."""
    for given in own:
        if given.option.several and not _was(listed, given.option):
            first, rest = given.option.several[:FEW], given.option.several[FEW:]
            others = f" and {len(rest)} others" if rest else ""
            message = f"is the beginning of {', '.join(first)}{others}, got {show(given.token)}"
            path = (*listed.path, given.index)
            warning = bool(listed.program.lenient)
            yield Problem("ambiguous-option", path, message, "write the one that is meant", warning=warning)


def _cut(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield beginnings of one option, which the next release may have two of."""
    for given in own:
        option = given.option
        if option.cut:
            message = f"is the beginning of {option.spelling}, and of others once there are more"
            message, hint = f"{message}, got {show(given.token)}", f"write {option.spelling}"
            yield Problem("abbreviated-option", (*listed.path, given.index), message, hint, warning=True)


def _missing(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield options without the value that they take."""
    for given in own:
        needed = argv.least(given.option)
        if given.option.name == flags.DYNAMIC and given.option.value is not None:
            message = f"{listed.program.name} takes its value as the next argument, got {show(given.token)}"
            hint = f"write {show([given.option.written, given.option.value])}"
            yield Problem("missing-value", (*listed.path, given.index), message, hint)
        elif len(given.values) < needed:
            wanted = "a value" if needed == 1 else f"{needed} values"
            message = f"{listed.program.name} takes {wanted} for {given.option.spelling}, got none"
            hint = "a value that begins with a dash is written with `=`" if _dashed(listed, given) else ""
            yield Problem("missing-value", (*listed.path, given.index), message, hint)


def _dashed(listed: Listed, given: argv.Given) -> bool:
    after = next((each for each in listed.read.given if each.index == given.index + 1), None)
    return after is not None and after.option.row is None


def _wrong(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield values that are not of the option's type, or none of its choices."""
    for given in own:
        row, option = given.option.row, given.option
        if row is None or argv.most(option) == 0:
            continue
        if option.keys and listed.program.table.program == "vllm":
            if row["type"] != "json":
                message = f"{option.name} has no keys, got {show(given.token)}"
                yield Problem("wrong-option-value", (*listed.path, given.index), message, "give it one value")
            continue
        for index, text in given.values:
            needs = values.of_text(row, text)
            if needs:
                broken = values.broken(row, text)
                message = (
                    f"{listed.program.name} takes {needs} for {option.spelling}{broken}, got {show(text)}"
                )
                hint = values.hint(row, text)
                warning = bool(listed.program.lenient)
                yield Problem("wrong-option-value", (*listed.path, index), message, hint, warning=warning)


def _switched(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield values given to switches."""
    for given in own:
        if given.option.row is not None and argv.most(given.option) == 0 and given.values:
            yield _no_value(listed, given, given.index, given.text)


def _no_value(listed: Listed, given: argv.Given, index: int, value: str) -> Problem:
    option = given.option
    message = f"{listed.program.name} takes no value for {option.spelling}, got {show(value)}"
    off = next(iter(flags.offs(option.row or {})), "")
    hint = f"write {option.spelling} alone"
    if value.lower() in ("false", "0", "no", "off"):
        hint = f"write {off} alone" if off else "leave the option out"
    return Problem("switch-value", (*listed.path, index), message, hint)


def _stray(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield values that belong to no option."""
    for index, value, before in listed.read.stray:
        if before is not None and before not in own:
            continue
        if before is not None and index == before.index + 1 and argv.most(before.option) == 0:
            yield _no_value(listed, before, index, value)
            continue
        message = f"belongs to no option, got {show(value)}"
        hint = (
            f"{before.option.spelling} takes one value"
            if before is not None
            else "write the option before it"
        )
        yield Problem("stray-value", (*listed.path, index), message, hint)


def _twice(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield options that stand twice, of which the last wins; keys of one JSON add up."""
    found: list[argv.Given] = []
    for given in own:
        option = given.option
        if option.row is None or option.row.get("repeats"):
            continue
        same = (each for each in found if each.option.name == option.name)
        before = next((each for each in same if _overlap(each.option.keys, option.keys)), None)
        found.append(given)
        if before is None:
            continue
        message = (
            f"stands here twice, and only one takes effect: {show(before.token)} and {show(given.token)}"
        )
        yield Problem("option-twice", (*listed.path, given.index), message, "remove one of the two")


def _overlap(one: str, other: str) -> bool:
    """Return whether two keys of one JSON, or the whole of it, say the same."""
    return (
        one == other
        or not one
        or not other
        or f"{one}.".startswith(f"{other}.")
        or other.startswith(f"{one}.")
    )


def _deprecated(listed: Listed, own: list[argv.Given]) -> Iterator[Problem]:
    """Yield options that are about to go: a warning, but an error where they were to be gone."""
    for given in own:
        text = (given.option.row or {}).get("deprecated")
        if text:
            gone, message, hint = deprecation(text, listed.program.table.minor)
            path = (*listed.path, given.index)
            message = f"{given.option.spelling} {message}, got {show(given.token)}"
            yield Problem("deprecated-option", path, message, hint, warning=not gone)


def deprecation(text: str, minor: str) -> tuple[bool, str, str]:
    """Return whether a deprecated option counts as gone in a release, and message and hint for it."""
    ends = ENDS.search(text)
    gone = ends is not None and _number(minor) >= _number(ends["minor"])
    hint = text.partition(";")[0] if text.startswith("use ") else ""
    if ends:
        return gone, f"{'was announced to end' if gone else 'ends'} with Dynamo {ends['minor']}", hint
    return False, "is deprecated" if hint else text, hint or "leave it out"


def _number(minor: str) -> list[int]:
    return [int(part) for part in minor.split(".")]
