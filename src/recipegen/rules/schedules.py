"""Expressions of cron and time zones, as Kubernetes' CronJob controller reads them."""

import re
import zoneinfo
from collections.abc import Iterator

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# github.com/robfig/cron/v3, ParseStandard, which Kubernetes uses: Sunday is 0 alone, never 7.
FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 6, DAYS),
)
MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
LONGEST = {2: 29, **dict.fromkeys((4, 6, 9, 11), 30)}
"""Days of the months that do not have 31."""
_PART = re.compile(r"(?P<first>\*|\?|\w+)(-(?P<last>\w+))?(/(?P<step>[0-9]{1,9}))?")


def problem(schedule: str) -> str:
    """Return why Kubernetes would not take a schedule, or never come to it; nothing where it is one."""
    if schedule.startswith("@"):
        return "" if schedule in MACROS else f"is none of {', '.join(MACROS)}"
    texts = schedule.split()
    if len(texts) != len(FIELDS):
        return f"has {len(texts)} fields and not five"
    found: list[set[int]] = []
    for text, (name, low, high, words) in zip(texts, FIELDS, strict=True):
        values: set[int] = set()
        for part in text.split(","):
            try:
                values.update(_values(part, low, high, words))
            except ValueError as error:
                return f"has the {name} {text!r}, {error}"
        found.append(values)
    return _never(texts, found)


def zones() -> set[str]:
    """Return the names of time zones; none where this machine has no tz database."""
    return zoneinfo.available_timezones() - {"localtime", "Factory", "posixrules"}


def _values(part: str, low: int, high: int, words: tuple[str, ...]) -> Iterator[int]:
    """Yield the values of one part of a field.

    Raises:
        ValueError: when it has none; the text says why.
    """
    found = _PART.fullmatch(part)
    if found is None or (found["first"] in "*?" and found["last"]):
        raise ValueError("which is no value, range or step")
    if found["first"] in "*?":
        first, last = low, high
    else:
        first = _value(found["first"], low, high, words)
        # With a step, one value is the beginning of a range.
        last = high if found["step"] else first
        last = _value(found["last"], low, high, words) if found["last"] else last
    step = int(found["step"] or 1)
    if first > last:
        raise ValueError("which begins after its end")
    if step == 0:
        raise ValueError("whose step is 0")
    yield from range(first, last + 1, step)


def _value(text: str, low: int, high: int, words: tuple[str, ...]) -> int:
    if text.lower() in words:
        return low + words.index(text.lower())
    if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
        names = f" or one of {', '.join(words)}" if words else ""
        raise ValueError(f"which is not within {low} to {high}{names}")
    return int(text)


def _never(texts: list[str], found: list[set[int]]) -> str:
    """Return that the day is in none of the months. A day of the week beside it would come all the same."""
    _, _, days, months, _ = found
    if texts[4][0] in "*?" and min(days) > max(LONGEST.get(month, 31) for month in months):
        return "never comes: none of its months has such a day"
    return ""
