"""What engines printed of their memory, beside what is reckoned here for the same model and settings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from recipegen import facts, modelfacts
from recipegen.memory import GIB, Fit, Setup, fit
from recipegen.modelfacts import ModelFacts

# What holds where a row says nothing else: most of them are llm-d-planner's.
SETUP = {"gpu": "h100-sxm-80gb", "version": "0.19.0", "utilization": 0.95, "max_model_len": 8192}
ACTIVATIONS = ("activations", "workspace of experts", "encoder")


@dataclass(frozen=True)
class Compared:
    """One number of one row: sizes in GiB on the first GPU, tokens or requests of a replica."""

    row: dict[str, Any]
    name: str
    predicted: float
    observed: float

    @property
    def error(self) -> float:
        """Return how far the prediction is off, as a share of what was observed."""
        return self.predicted / self.observed - 1


def compared() -> Iterator[Compared]:
    """Yield every number of facts/printed.yaml with its prediction."""
    for row in facts.printed():
        found = _predicted(row)
        for name, predicted in found.items():
            if name in row:
                yield Compared(row, name, predicted, float(row[name]))


def held_against(backend: str, model: ModelFacts) -> Iterator[str]:
    """Yield how far off predictions for an engine are, and the numbers of this model's family one by one."""
    mine = [each for each in compared() if _backend(each.row) == backend]
    if not mine:
        yield f"nothing that {backend} printed is known here to compare with"
        return
    parts = []
    for name in dict.fromkeys(each.name for each in mine):
        errors = [abs(each.error) for each in mine if each.name == name]
        parts.append(f"{name} at most {max(errors):.1%} off in {len(errors)}")
    started = [each.row.get("setup", {}) for each in mine if each.name != "files"]
    versions = sorted({str(setup.get("version", SETUP["version"])) for setup in started})
    of = f" of versions {', '.join(versions)}" if backend == "vllm" else ""
    yield f"Held against what {backend}{of} printed (facts/printed.yaml): {', '.join(parts)}."
    for each in mine:
        known = facts.model(each.row["model"])
        if known is not None and set(known.families) & set(model.families):
            setup = " ".join(f"{key} {value}" for key, value in each.row.get("setup", {}).items())
            numbers = f"{each.predicted:.2f} here, {each.observed:.2f} printed, {each.error:+.1%}"
            yield f"  {' '.join((each.row['model'], setup)).strip()}: {each.name} {numbers}"


def _backend(row: dict[str, Any]) -> str:
    return str(row.get("setup", {}).get("backend", "vllm"))


def _predicted(row: dict[str, Any]) -> dict[str, float]:
    model = facts.model(row["model"]) if "config" not in row else modelfacts.read(row["model"], row["config"])
    if model is None:
        raise ValueError(f"{row['model']} is not known, and its row has no config")
    given = row.get("setup", {})
    base = SETUP if _backend(row) == "vllm" else {"gpu": SETUP["gpu"]}
    found: Fit = fit(model, Setup(**{**base, **given}))
    first = found.stages[0]
    return {
        "files": (model.weights_bytes + model.predictor_bytes) / GIB,
        "weights": first.weights / GIB,
        "activations": sum(t.value for t in first.overhead.terms if t.name in ACTIVATIONS) / GIB,
        "room": found.stage.room / GIB,
        "tokens": found.tokens,
        "requests": int(found.concurrency),
    }
