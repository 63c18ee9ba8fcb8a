"""Stand-ins for the packages that an engine imports and that its options do not depend on.

An engine's parser is Python, but to import it takes torch, CUDA and a hundred more packages. Whatever is
neither Python's own, nor unpacked here, nor named in REAL is replaced by a class that is and does nothing.
"""

import importlib.metadata
import importlib.util
import json
import re
import sys
from abc import ABCMeta
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

# What declares options, reads values or compares versions: taken from the environment that runs this.
REAL = {
    "annotated_types", "msgspec", "packaging", "pydantic", "pydantic_core", "typing_extensions",
    "typing_inspection", "yaml", "_yaml",
}  # fmt: skip
# Packages that Python has another of, as far as options need it.
ALIKE: dict[str, ModuleType] = {"orjson": json, "regex": re}
# What decides on a platform by being there, so it must not.
ABSENT = {"amdsmi", "libtpu", "pynvml", "torch_npu", "torch_xla", "tpu_info", "zentorch"}
# Attributes of torch that tell of other devices by being there.
DEVICES = {"hpu", "musa", "npu"}
# The version of what is replaced.
VERSION = "99.0"


class Nothing(ABCMeta):
    """The class of stand-ins, which are classes so that they serve as bases and annotations too."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **_: Any) -> Any:
        """Make a class and leave out what its base would have been told, such as `total=False`."""
        return super().__new__(cls, name, bases, body)

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **_: Any) -> None:
        super().__init__(name, bases, body)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        if "stand_in" not in cls.__dict__:
            return super().__call__(*args, **kwargs)
        # A decorator gives back what it decorates.
        decorates = len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], Nothing)
        return args[0] if decorates else stand_in("result")

    def __eq__(cls, other: object) -> bool:
        return isinstance(other, Nothing)

    def __hash__(cls) -> int:
        return id(cls)

    def __bool__(cls) -> bool:
        return False

    def __iter__(cls) -> Iterator[Any]:
        return iter(())

    def __getitem__(cls, key: Any) -> Any:
        return stand_in("item")

    def register(cls, *_: Any, **__: Any) -> Any:
        """Take what ABCMeta's function of that name would not."""
        return cls

    def __setitem__(cls, key: Any, item: Any) -> None:
        pass

    def __len__(cls) -> int:
        return 0

    def __int__(cls) -> int:
        return 0

    def __float__(cls) -> float:
        return 0.0

    def __enter__(cls) -> Any:
        return cls

    def __exit__(cls, *_: object) -> None:
        return None


def _same(cls: Any, *_: object) -> Any:
    return cls


def _no(*_: object) -> bool:
    return False


for _name in (
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "floordiv",
    "pow",
    "neg",
    "and",
):
    setattr(Nothing, f"__{_name}__", _same)
for _name in ("lt", "le", "gt", "ge"):
    setattr(Nothing, f"__{_name}__", _no)


def stand_in(name: str) -> Any:
    """Return a class that stands for anything."""
    return Nothing(name, (), {"stand_in": True, "__get_pydantic_core_schema__": _anything})


def _anything(*_: object) -> dict[str, str]:
    """Return pydantic's schema of a value that is not looked at."""
    return {"type": "any"}


class StubModule(ModuleType):
    """A module that has whatever is looked for."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return VERSION
        if name.startswith("__") or name in DEVICES:
            raise AttributeError(name)
        value = stand_in(name)
        setattr(self, name, value)
        return value


class Stubs(MetaPathFinder, Loader):
    """Finds what nobody else found."""

    def __init__(self, own: set[str], installed: Sequence[str]) -> None:
        self.refused = {*own, *ABSENT, *sys.stdlib_module_names}
        self.installed = list(installed)
        self.failed: dict[str, str] = {}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return where a module comes from."""
        top = name.partition(".")[0]
        if top in REAL:
            return PathFinder.find_spec(name, path or self.installed, target)
        if top in self.refused:
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty module, or what does the same here."""
        return ALIKE.get(spec.name) or StubModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: there is nothing in it."""


class Own(MetaPathFinder):
    """Finds the modules of the unpacked packages, and lets none of them fail."""

    def __init__(self, own: set[str], failed: dict[str, str]) -> None:
        self.own = own
        self.failed = failed

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return where a module of the unpacked packages is."""
        spec = PathFinder.find_spec(name, path, target) if name.partition(".")[0] in self.own else None
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Lenient(name, spec.loader.path, self.failed)
        return spec


class Lenient(SourceFileLoader):
    """Loads a module up to where it does something to a stand-in that no stand-in can take.

    What it would have defined after that are stand-ins. No table is written where an option depends on one.
    """

    def __init__(self, name: str, path: str, failed: dict[str, str]) -> None:
        super().__init__(name, path)
        self.failed = failed

    def exec_module(self, module: ModuleType) -> None:
        """Run a module; what cannot be imported is left to whoever imports, who may have another way."""
        try:
            super().exec_module(module)
        except ImportError:
            raise
        except Exception as error:
            self.failed[module.__name__] = f"{type(error).__name__}: {error}"
            module.__class__ = StubModule


def install(folders: Sequence[str], own: set[str]) -> Stubs:
    """Let imports find the unpacked packages, the few real ones, and stand-ins for the rest."""
    here = [entry for entry in sys.path if entry.endswith("site-packages")]
    sys.path[:] = [*folders, *(entry for entry in sys.path if not entry.endswith("site-packages"))]
    stubs = Stubs(own, here)
    sys.meta_path.append(stubs)
    sys.meta_path.insert(0, Own(own, stubs.failed))
    find = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        """Say of what is replaced that it is not there."""
        top = name.partition(".")[0]
        return find(name, package) if top in {*own, *REAL, *sys.stdlib_module_names} else None

    version = importlib.metadata.version

    def version_of(distribution_name: str) -> str:
        """Return the version of what is unpacked, and for all else one that is new enough."""
        try:
            return version(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            return VERSION

    importlib.util.find_spec = find_spec
    importlib.metadata.version = version_of
    # Plugins could add options that an image has or has not.
    importlib.metadata.entry_points = lambda **_: importlib.metadata.EntryPoints()  # type: ignore[assignment]
    return stubs
