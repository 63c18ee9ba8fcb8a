"""What a form of a recipe is, in a few facts, for lists and pages: a recipe with one of its variants."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any

from recipegen import facts
from recipegen.load import Loaded
from recipegen.modelfacts import ModelFacts
from recipegen.resolve import Plan
from recipegen.roles import engine_of

AGGREGATED, DISAGGREGATED, MULTI_NODE, WIDE_EP = "aggregated", "disaggregated", "multi-node", "wide-ep"
MODES = (AGGREGATED, DISAGGREGATED, MULTI_NODE, WIDE_EP)
SHORT = {AGGREGATED: "agg", DISAGGREGATED: "disagg"}
ANY_GPU = "any"


@dataclass(frozen=True)
class Form:
    """A recipe with one of its variants, as a person chooses among them."""

    plan: Plan
    written: Loaded
    """The recipe as it stands in its file, with all its variants."""

    @property
    def name(self) -> str:
        """What the recipe is called."""
        return self.plan.name

    @property
    def variant(self) -> str:
        """The variant, or `default`."""
        return self.plan.variant

    @property
    def description(self) -> str:
        """What the variant says of itself, or the recipe of its default form."""
        variants = self.written.document.data.get("variants") or {}
        own = variants.get(self.variant)
        return str((own or {}).get("description", "")) if own else self.plan.recipe.about.description or ""

    @property
    def backend(self) -> str:
        """The inference engine."""
        return self.plan.recipe.model.backend.type

    @property
    def gpu(self) -> str:
        """The GPU type, or `any`."""
        return self.plan.recipe.hardware.gpu if self.plan.recipe.hardware else ANY_GPU

    @cached_property
    def model(self) -> ModelFacts | None:
        """What is known of the model."""
        return facts.model(self.plan.recipe.model.name)

    @property
    def license(self) -> str | None:
        """Licence of the weights: what the recipe says, else what is known of the model."""
        recipe = self.plan.recipe
        return recipe.about.license or facts.model_license(recipe.model.name)

    @property
    def parameters(self) -> int | None:
        """Parameters of the model, where they are known."""
        return self.model.parameters.total if self.model else None

    @cached_property
    def context(self) -> int | None:
        """Longest context in tokens, of the role with the shortest: what the graph as a whole can serve."""
        recipe = self.plan.recipe.model
        own = self.model.context if self.model else None
        lengths = [engine_of(recipe, worker).max_model_len or own for worker in self.plan.workers.values()]
        return min((length for length in lengths if length), default=None)

    @cached_property
    def modes(self) -> tuple[str, ...]:
        """How the model is spread: aggregated or disaggregated, over nodes, and its experts over nodes.

        `wide-ep`: experts lie on more GPUs than one node of a replica has (`engine.expertParallel`).
        """
        model, workers = self.plan.recipe.model, self.plan.workers.values()
        spread = any(worker.nodes > 1 for worker in workers)
        wide = any((engine_of(model, w).expert_parallel or 1) > (w.gpus or 1) for w in workers)
        return (
            DISAGGREGATED if model.disaggregation else AGGREGATED,
            *([MULTI_NODE] if spread else []),
            *([WIDE_EP] if wide else []),
        )

    @property
    def words(self) -> str:
        """What a search for words looks through, in lower case."""
        about, model = self.plan.recipe.about, self.plan.recipe.model
        kind = next(iter(self.model.families), "") if self.model else ""
        return " ".join((self.name, about.title or "", about.description or "", model.name, kind)).casefold()

    def as_dict(self) -> dict[str, Any]:
        """Return the form for programs."""
        return {
            "variant": self.variant,
            "description": self.description,
            "backend": self.backend,
            "modes": list(self.modes),
            "gpus": self.plan.gpus,
            "gpu": self.gpu,
            "context": self.context,
        }


def as_openai(forms: Iterable[Form]) -> dict[str, Any]:
    """Return the models as OpenAI's `GET /v1/models` lists them: one for each name that clients ask for.

    `created` is the day of the recipe's evidence at midnight UTC, in seconds since 1970, the latest one of
    several recipes; 0 where no day is named. `owned_by` is the organization of the model's id.
    """
    found: dict[str, dict[str, Any]] = {}
    for form in forms:
        model = form.plan.recipe.model
        name = model.served_name or model.name
        owner = model.name.rpartition("/")[0] or "unknown"
        row = found.setdefault(name, {"id": name, "object": "model", "created": 0, "owned_by": owner})
        row["created"] = max(row["created"], _day(form.plan.recipe.about.evidence))
    return {"object": "list", "data": [found[name] for name in sorted(found)]}


def _day(evidence: str) -> int:
    """Return the first day that a text names, in seconds since 1970; 0 where there is none."""
    for word in evidence.replace(",", " ").split():
        with suppress(ValueError):
            return int(datetime.combine(date.fromisoformat(word), time(), UTC).timestamp())
    return 0


def brief(modes: Iterable[str]) -> str:
    """Return modes as they stand in a column."""
    return " ".join(SHORT.get(mode, mode) for mode in modes)


def count(number: int) -> str:
    """Return a number of parameters as people say it: 0.6B, 31B, 671B, 1.1T."""
    for unit, size in (("T", 10**12), ("B", 10**9)):
        if number >= size * 0.995:
            return f"{number / size:.1f}{unit}" if number < 9.95 * size else f"{number / size:.0f}{unit}"
    return f"{number / 10**9:.1f}B" if number >= 10**8 else f"{number / 10**6:.0f}M"


def tokens(number: int) -> str:
    """Return a number of tokens as people say it: 32k for 32768, 1M for 1048576, 10k for 10000."""
    for unit, size in (("M", 1024**2), ("k", 1024), ("k", 1000)):
        if number >= size and number % size == 0:
            return f"{number // size}{unit}"
    return str(number)


def gib(size: int) -> str:
    """Return bytes in GiB, with a digit behind the point."""
    return f"{size / 1024**3:.1f} GiB"
