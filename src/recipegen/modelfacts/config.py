"""The keys of a configuration, each read as what it has to be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from recipegen.modelfacts.decoders import Architecture, architecture

NESTED = ("text_config", "llm_config", "language_config")
THINKER = "thinker_config"
"""What Qwen's Omni models have the part in that engines serve."""
MOST = 2**31 - 1
"""No number of a model is larger than this; products of several are exact in Python."""
LAYERS = 10_000
"""No model has more layers; lists of that length are made before anything else is known of them."""

Word = TypeVar("Word")
Kind = Literal["missing", "family", "choice", "value"]
"""What is wrong: nothing stands there, a family that is not known, none of the choices, or anything else."""


class ConfigError(ValueError):
    """A configuration lacks a key, or has one that cannot be."""

    def __init__(self, key: str, message: str, file: str = "config.json", kind: Kind = "value") -> None:
        """Take the key with what it is in, what is wrong with it in words, the file, and which kind it is."""
        super().__init__(f"{key}: {message}" if key else message)
        self.key, self.message, self.file, self.kind = key, message, file, kind


@dataclass(frozen=True, slots=True)
class Value:
    """What stands at one place of a configuration; a method returns it as one type or raises ConfigError."""

    key: str
    data: Any
    file: str

    def must(self, what: str, kind: Kind = "value") -> ConfigError:
        """Return the error that it is not what it has to be."""
        return ConfigError(self.key, f"must be {what}, got {_shown(self.data)}", self.file, kind)

    def number(self, least: int, most: int) -> int:
        """Return it as a whole number; 4096.0 is one, and so is a list of the same one for each layer."""
        data = self.data
        if isinstance(data, list) and data and isinstance(data[0], int) and data == data[:1] * len(data):
            data = data[0]
        whole = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if not whole or isinstance(data, bool) or not least <= data <= most:
            raise self.must(f"a whole number from {least} to {most}")
        return int(data)

    def real(self) -> float:
        """Return it as a number above zero."""
        data = self.data
        if isinstance(data, bool) or not isinstance(data, int | float) or not 0 < data <= MOST:
            raise self.must(f"a number above 0 and at most {MOST}")
        return float(data)

    def text(self) -> str:
        """Return it as text."""
        if not isinstance(self.data, str):
            raise self.must("text")
        return self.data

    def flag(self) -> bool:
        """Return it as a switch; some configurations write 0 and 1."""
        if not isinstance(self.data, int) or self.data not in (0, 1):
            raise self.must("true or false")
        return bool(self.data)

    def word(self, table: Mapping[str, Word]) -> Word:
        """Return what a table makes of it."""
        if not isinstance(self.data, str) or self.data not in table:
            raise self.must(f"one of {', '.join(repr(word) for word in table)}", "choice")
        return table[self.data]

    def map(self) -> "Part":
        """Return it as a map."""
        return Part(self.data, self.key, file=self.file)

    def entries(self, least: int = 0, *, letters: bool = False) -> "list[Value]":
        """Return the entries of a list, at least so many, or where they may be so the letters of a text."""
        data = self.data
        if not isinstance(data, list | tuple) and not (letters and isinstance(data, str)):
            raise self.must("a list")
        if len(data) < least:
            message = f"must have at least {least} entries, got {len(data)}"
            raise ConfigError(self.key, message, self.file)
        return [Value(f"{self.key}[{index}]", each, self.file) for index, each in enumerate(data)]


class Part:
    """A map of a configuration; what it lacks is looked up in the map around it. A null is nothing."""

    def __init__(
        self,
        values: Any,
        at: str = "",
        *,
        file: str = "config.json",
        around: "Part | None" = None,
        family: Architecture | None = None,
    ) -> None:
        if not isinstance(values, Mapping):
            raise Value(at, values, file).must("a map")
        self.values: Mapping[str, Any] = values
        self.at, self.file, self.around = at, file, around
        self.family = family or Architecture()

    def __bool__(self) -> bool:
        return bool(self.values) or bool(self.around)

    def path(self, name: str) -> str:
        """Return a key with what it is in."""
        return f"{self.at}.{name}" if self.at else name

    def find(self, *names: str) -> Value | None:
        """Return what stands under the first of the names, as the family spells or assumes it."""
        spelled = [each for name in names for each in self.family.spellings.get(name, (name,))]
        part: Part | None = self
        while part is not None:
            for name in spelled:
                data = part.within(name)
                if data is not None:
                    return Value(part.path(name), data, part.file)
            part = part.around
        assumed = (name for name in names if name in self.family.defaults)
        return next((Value(self.path(name), self.family.defaults[name], self.file) for name in assumed), None)

    def within(self, name: str) -> Any:
        """Return what stands under a key of this very map, whose dots go into maps, or None."""
        data: Any = self.values
        for step in name.split("."):
            data = data.get(step) if isinstance(data, Mapping) else None
        return data

    def need(self, *names: str) -> Value:
        """Return what stands under the first of the names that is there, of which there has to be one."""
        found = self.find(*names)
        if found is None:
            raise ConfigError(self.path(names[0]), "is missing", self.file, "missing")
        return found

    def value(self, *names: str) -> Any:
        """Return what stands under the first of the names that is there, of whatever type, or None."""
        found = self.find(*names)
        return found.data if found else None

    def error(self, name: str, message: str) -> ConfigError:
        """Return the error of a key, which has its path."""
        found = self.find(name) or Value(self.path(name), None, self.file)
        return ConfigError(found.key, message, found.file)

    def number(
        self, *names: str, default: int | None = None, least: int | None = None, most: int = MOST
    ) -> int:
        """Return the whole number under the first of the names that is there.

        Args:
            names: The key, and what others call it.
            default: Where there is none; without it the key is required.
            least: The smallest that can be: by default 1 for a key that is required, 0 for others.
            most: The largest that can be.

        Raises:
            ConfigError: There is none and no default, or it is no such number.
        """
        if default is None:
            return self.need(*names).number(1 if least is None else least, most)
        found = self.find(*names)
        return found.number(least or 0, most) if found else default

    def real(self, name: str, default: float | None = None) -> float:
        """Return the number above zero under a key, which is required where there is no default."""
        found = self.need(name) if default is None else self.find(name)
        return found.real() if found else default or 1.0

    def text(self, *names: str, default: str = "") -> str:
        """Return the text under the first of the names that is there; an empty one is none."""
        found = self.find(*names)
        return (found.text() if found else "") or default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return whether a key is on."""
        found = self.find(name)
        return found.flag() if found else default

    def numbers(self, name: str, *, length: int = 0, least: int = 0) -> list[int]:
        """Return the whole numbers of a list, at least so many; none where there is no such key."""
        return [each.number(least, MOST) for each in self._entries(name, length)]

    def flags(self, name: str, *, length: int = 0) -> list[bool]:
        """Return the switches of a list, as `numbers`."""
        return [each.flag() for each in self._entries(name, length)]

    def texts(self, name: str) -> list[str]:
        """Return the texts of a list, as `numbers`."""
        return [each.text() for each in self._entries(name, 0)]

    def words(self, name: str, table: Mapping[str, Word], *, length: int = 0) -> list[Word]:
        """Return what a table makes of the words of a list, or of the letters of a text, as `numbers`."""
        return [each.word(table) for each in self._entries(name, length, letters=True)]

    def map(self, name: str) -> "Part":
        """Return the map under a key, an empty one where there is none."""
        found = self.find(name)
        return found.map() if found else Part({}, self.path(name), file=self.file)

    def maps(self, name: str, *, length: int = 0) -> "list[Part]":
        """Return the maps of a list, as `numbers`."""
        return [each.map() for each in self._entries(name, length)]

    def children(self, name: str) -> "Iterator[tuple[str, Part]]":
        """Yield the maps in the map under a key, each with its own key."""
        part = self.map(name)
        for key, data in part.values.items():
            yield str(key), Part(data, part.path(str(key)), file=part.file)

    def _entries(self, name: str, length: int, *, letters: bool = False) -> list[Value]:
        found = self.find(name)
        return found.entries(length, letters=letters) if found else []


def language(config: Any) -> Part:
    """Return the part of a config.json that describes the language model, in the whole of it.

    Raises:
        ConfigError: It is no map, or of a family that nothing is known of.
    """
    whole = Part(config)
    if whole.find(THINKER):
        whole = Part(whole.value(THINKER), THINKER)
    nested = next((name for name in NESTED if whole.find(name)), "")
    part = Part(whole.value(nested), whole.path(nested)) if nested else whole
    said = part.find("model_type") or whole.find("model_type")
    family = architecture(said.text() if said else "")
    if said and not family:
        message = f"{_shown(said.data)} is a family of models that is not known"
        raise ConfigError(said.key, message, said.file, "family")
    return Part(part.values, part.at, around=whole if nested else None, family=family)


def _shown(data: Any) -> str:
    """Return a value for a message, in a line: what is long is only named."""
    if isinstance(data, Mapping):
        return "a map"
    if isinstance(data, list | tuple):
        return f"a list of {len(data)}"
    if isinstance(data, int) and data.bit_length() > 200:
        return f"a number of {data.bit_length()} bits"
    text = repr(data)
    return text if len(text) <= 80 else f"{text[:80]}…"
