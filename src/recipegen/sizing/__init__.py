"""Sizing: how much GPU memory a model takes, what that leaves, and what other tools would answer for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Unpack

from recipegen.errors import Problem
from recipegen.memory import Fit, fit, terms
from recipegen.memory.cache import dtype
from recipegen.sizing import sources
from recipegen.sizing.settings import Settings
from recipegen.sizing.sources import ModelSetups

if TYPE_CHECKING:
    from recipegen.document import Document

__all__ = ["Role", "Size", "catalog", "size"]


@dataclass(frozen=True)
class Role:
    """What one role's replicas hold."""

    role: str
    """worker, prefill or decode; `worker` where a model was sized and no recipe."""
    replicas: int
    fit: Fit
    unreckoned: tuple[str, ...] = ()
    """Settings of the recipe that change memory in a way that is not reckoned with."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as data: bytes and tokens, of one GPU where the key says so, else of a replica."""
        from recipegen.sizing.report import verdict

        fit, setup = self.fit, self.fit.setup
        return {
            "role": self.role,
            "replicas": self.replicas,
            "gpu": setup.gpu,
            "gpus": setup.gpus,
            "backend": setup.backend,
            "engineVersion": setup.version,
            "weights": {
                "bytesPerGpu": round(fit.weights),
                "bytes": fit.model.weights_bytes,
                "fileBytes": fit.model.weights_bytes + fit.model.predictor_bytes,
                "parameters": fit.model.parameters.total,
                "source": fit.source[0],
            },
            "kvCache": {
                "dtype": dtype(fit.model, setup),
                "bytesPerTokenPerGpu": _whole(fit.per_token),
                "bytesPerTokenInWindowsPerGpu": _whole(sum(size for _, size in fit.stage.cache.windows)),
                "bytesPerRequestPerGpu": round(fit.per_request),
                "bytesPerGpu": max(round(fit.stage.room), 0),
                "tokens": fit.tokens,
            },
            "overhead": {
                "bytesPerGpu": round(fit.stage.overhead.total),
                **{_key(term.name): round(term.value) for term in fit.stage.overhead.terms},
            },
            "maxModelLen": fit.max_model_len,
            "longestContext": fit.longest,
            "concurrency": round(fit.concurrency, 3),
            "weightsFit": fit.weights_fit,
            "fits": fit.fits,
            "verdict": [line.strip() for line in verdict(fit, recipe=False)],
            "unreckoned": list(self.unreckoned),
            "terms": [term.as_dict() for term in terms(fit)],
        }


@dataclass(frozen=True)
class Size:
    """What the memory of the GPUs holds, role by role."""

    name: str
    """The recipe with its variant, or the model."""
    model: str
    roles: tuple[Role, ...]
    warnings: tuple[Problem, ...] = ()

    @property
    def tightest(self) -> Role:
        """The role with the least room, which decides what the graph can serve."""
        return min(self.roles, key=lambda role: (role.fit.fits, role.fit.concurrency * role.replicas))

    def as_dict(self) -> dict[str, Any]:
        """Return the tightest role's numbers, and those of each role where there are several."""
        found = {"name": self.name, "model": self.model, **self.tightest.as_dict()}
        if len(self.roles) > 1:
            found["roles"] = {role.role: role.as_dict() for role in self.roles}
        return found


def size(
    source: str | PathLike[str] | None,
    *,
    config: str | PathLike[str] | None = None,
    variant: str | None = None,
    patches: "Sequence[Document]" = (),
    variants: str | PathLike[str] | None = None,
    **settings: Unpack[Settings],
) -> Size:
    """Return what the memory of the GPUs holds: weights, overhead, KV cache, and how much of a context.

    Formulas and constants: each is a term of the result, with its source. Nothing is measured here.

    Args:
        source: A recipe of the catalog, a recipe file, or what `config` takes.
        config: A model that recipegen knows (`Qwen/Qwen3-32B`), a config.json, the folder of a model, or a
            file or index of its weights; with a recipe, in place of what is known of the recipe's model.
        variant: A variant of the recipe.
        patches: Merge patches of the recipe.
        variants: A variants file, whose documents become variants of the recipe.
        settings: What the engine is set to, in place of the recipe's.

    Raises:
        RecipeError: The recipe or the configuration is wrong, or says what cannot be sized.
        UsageError: A setting is missing, unknown, or cannot be.
        ToolError: A file cannot be read.
    """
    return _size(sources.find(source, config, variant, patches, settings, variants=variants))


def catalog(**settings: Unpack[Settings]) -> Iterator[Size]:
    """Yield the size of every form of the catalog that names a GPU type; `settings` as for `size`."""
    yield from map(_size, sources.every(settings))


def _size(found: ModelSetups) -> Size:
    roles = (
        Role(each.role, each.replicas, fit(found.model, each.setup), each.unreckoned) for each in found.setups
    )
    return Size(found.name, found.model.id, tuple(roles), found.warnings)


def _whole(size: float) -> float | int:
    return int(size) if float(size).is_integer() else round(size, 3)


def _key(name: str) -> str:
    """Return a term's name as a key: CUDA graphs, cudaGraphs."""
    first, *rest = name.split()
    return first.lower() + "".join(word.capitalize() for word in rest)
