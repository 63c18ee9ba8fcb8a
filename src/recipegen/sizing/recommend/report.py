"""What is recommended, in words and as data."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from recipegen import facts
from recipegen.errors import Problem
from recipegen.memory import Setup
from recipegen.sizing.recommend import setups
from recipegen.sizing.recommend.candidates import Candidate
from recipegen.sizing.recommend.choice import VIEWS, Loser, number
from recipegen.sizing.recommend.roofline import ORIGIN

if TYPE_CHECKING:
    from recipegen.sizing.recommend import Recommendation

NOT_RUN = "Nothing ran: these are estimates until `recipegen render --with benchmark` has measured them."
# Examples of a group of losers that fit on the screen.
EXAMPLES = 2
HEAD = ["", "GPUS", "WORKERS", "TTFT", "ITL", "REQUEST", "TOKENS/S", "A GPU", "TIMES"]


def table(found: "Recommendation") -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the winners."""
    head = HEAD if found.price is None else [*HEAD[:2], "$/H", *HEAD[2:]]
    rows = []
    for view, each in found.winners.items():
        served = each.served
        cells = [view, str(each.gpus), each.words, f"{number(served.ttft)} ms", f"{served.itl:.1f} ms"]
        cells += [
            f"{each.latency / 1000:.1f} s",
            f"{served.throughput:.0f}",
            f"{each.per_gpu:.0f}",
            _origin(each),
        ]
        if found.price is not None:
            cells.insert(2, f"{each.gpus * found.price:.2f}")
        rows.append(cells)
    return head, rows


def title(found: "Recommendation") -> str:
    """Return what was asked."""
    load, base = found.load, found.subject.base
    asked = f"{load.concurrency} requests in flight, {load.isl} tokens in, {load.osl} out"
    return f"{found.subject.model.id} with {base.backend} on {base.gpu}: {asked}{_targets(found)}"


def views() -> list[str]:
    """Return what each view means."""
    return [f"{name}: {what}" for name, what in VIEWS.items()]


def origins(found: "Recommendation") -> list[str]:
    """Return where the times come from, with how far they may be off."""
    lines = []
    for origin, count in sorted(found.origins.items(), key=lambda each: -each[1]):
        line = f"times of passes, {count} {'candidate' if count == 1 else 'candidates'}: {origin}"
        if origin == ORIGIN:
            line += f"; {uncertainty()}"
        lines.append(line)
    return [*lines, *found.notes]


def uncertainty() -> str:
    """Return how far estimates may be off."""
    parts = (
        f"{row['low']} to {row['high']} times ({name})" for name, row in facts.speed()["checked"].items()
    )
    return f"8 of 10 estimates are {', '.join(parts)} what aiconfigurator 0.12.0 says"


def groups(found: "Recommendation") -> Iterator[str]:
    """Yield a line for each kind of losers: how many, which kind, and some of them."""
    for group, losers in grouped(found.losers).items():
        yield f"{len(losers):5}  {group}: {_shown(losers)}"


def grouped(losers: tuple[Loser, ...]) -> dict[str, list[Loser]]:
    """Return losers by what they have in common; in each group those that came closest first."""
    found: dict[str, list[Loser]] = {}
    for loser in losers:
        found.setdefault(loser.group, []).append(loser)
    return {group: sorted(each, key=_near) for group, each in found.items()}


def impossible(found: "Recommendation") -> Problem:
    """Return the error that nothing meets the targets: the closest, by how much, and what to change."""
    closest = found.closest
    if closest is None:
        return _nothing(found)
    missed = "; ".join(f"{one.words} ({one.factor:.2f} times)" for one in found.missed)
    message = f"nothing meets the targets; closest is {closest.words} on {closest.gpus} GPUs: {missed}"
    return Problem("no-candidate", (), message, _remedy(found))


def _nothing(found: "Recommendation") -> Problem:
    """Return the error that nothing fits: the closest of each kind, and what to change."""
    from recipegen.sizing.recommend import TOO_MANY, larger

    base, short = found.subject.base, grouped(found.losers)
    # Losers are in the order of their GPUs: the most that lack memory, the least that would do.
    shown = [losers[0 if group == TOO_MANY else -1] for group, losers in short.items()]
    ways = []
    if TOO_MANY in short:
        ways.append(f"--gpu-count {short[TOO_MANY][0].gpus} is the least")
    if "memory for fewer requests" in short:
        ways.append("lower --concurrency, or give more with --gpu-count")
    gpu = larger(found.subject)
    ways += [f"--gpu {gpu} is the next larger that holds the model"] if gpu else []
    why = "; ".join(f"{loser.words}: {loser.why}" for loser in shown)
    hint = "; ".join(ways) or "take weights in fewer bits"
    return Problem("no-fit", (), f"nothing fits {base.gpu}: {why}", hint)


def data(found: "Recommendation") -> dict[str, Any]:
    """Return it as data: everything."""
    load, targets, base = found.load, found.targets, found.subject.base
    asked = {
        "ttftMilliseconds": targets.ttft, "itlMilliseconds": targets.itl,
        "tokensPerSecond": targets.throughput, "dollarsPerHour": targets.budget, "gpus": targets.gpus,
    }  # fmt: skip
    return {
        "model": found.subject.model.id,
        "gpu": base.gpu,
        "backend": base.backend,
        "engineVersion": base.version,
        "load": {"isl": load.isl, "osl": load.osl, "concurrency": load.concurrency},
        "targets": {name: value for name, value in asked.items() if value is not None},
        "gpuPrice": found.price,
        "views": VIEWS,
        "recommended": {view: _data(each, found) for view, each in found.winners.items()},
        "closest": _data(found.closest, found) if found.closest else None,
        "losers": [
            {"workers": loser.words, "why": loser.why, "group": loser.group}
            | ({"candidate": _data(loser.candidate, found)} if loser.candidate else {})
            for loser in found.losers
        ],
        "origins": dict(found.origins),
        "notes": list(found.notes),
        "uncertainty": facts.speed()["checked"],
        "measuredOnThisHardware": False,
    }


def _data(each: Candidate, found: "Recommendation") -> dict[str, Any]:
    served = each.served
    return {
        "mode": each.mode,
        "gpus": each.gpus,
        **({"dollarsPerHour": round(each.gpus * found.price, 4)} if found.price is not None else {}),
        "workers": {
            part.role: {"replicas": part.replicas, "nodes": setups.nodes(part.setup), **_sizes(part.setup)}
            for part in each.parts
        },
        "ttftMilliseconds": round(served.ttft, 3),
        "itlMilliseconds": round(served.itl, 3),
        "requestMilliseconds": round(each.latency, 3),
        "tokensPerSecond": round(served.throughput, 3),
        "tokensPerSecondPerGpu": round(each.per_gpu, 3),
        "steps": [
            {"milliseconds": round(step.milliseconds, 3), "origin": step.origin, "measured": step.measured}
            for step in served.steps
        ],
    }


def _sizes(setup: Setup) -> dict[str, int]:
    return {
        "tensorParallel": setup.tensor, "pipelineParallel": setup.pipeline, "dataParallel": setup.data,
        "expertParallel": setup.expert,
    }  # fmt: skip


def _origin(each: Candidate) -> str:
    words = {"measured" if step.measured else "estimated" for step in each.served.steps}
    return " + ".join(sorted(words))


def _targets(found: "Recommendation") -> str:
    from recipegen.sizing.recommend import MOST_GPUS

    targets = found.targets
    rows = [
        ("TTFT <= {} ms", targets.ttft), ("ITL <= {} ms", targets.itl),
        (">= {} tokens/s", targets.throughput), ("<= {} $/h", targets.budget), ("<= {} GPUs", targets.gpus),
    ]  # fmt: skip
    said = [words.format(number(value)) for words, value in rows if value is not None]
    if targets.gpus is None:
        said.append(f"up to {MOST_GPUS} GPUs looked at")
    return f"; {', '.join(said)}"


def _near(loser: Loser) -> tuple[float, int]:
    each = loser.candidate
    return (each.latency * each.gpus, each.gpus) if each else (0.0, 0)


def _shown(losers: list[Loser]) -> str:
    first = "; ".join(f"{loser.words} ({loser.why})" for loser in losers[:EXAMPLES])
    return f"{first}; …" if len(losers) > EXAMPLES else first


def _remedy(found: "Recommendation") -> str:
    """Return for each missed target the best that any candidate has, which may be another one."""
    every = [loser.candidate for loser in found.losers if loser.candidate]
    ways = []
    for miss in found.missed:
        if miss.name == "TTFT":
            best = min(every, key=lambda each: each.served.ttft)
            ways.append(f"--ttft {-(-best.served.ttft // 1):.0f} is the least, of {best.words}")
        elif miss.name == "ITL":
            best = min(every, key=lambda each: each.served.itl)
            ways.append(f"--itl {-(-best.served.itl * 10 // 1) / 10:.1f} is the least, of {best.words}")
        elif miss.name == "throughput":
            best = max(every, key=lambda each: each.served.throughput)
            most = f"--throughput {best.served.throughput // 1:.0f} is the most, of {best.words}"
            ways.append(f"{most}; a higher --concurrency brings more")
        else:
            cheapest = min(every, key=lambda each: each.gpus)
            ways.append(
                f"--budget {cheapest.gpus * (found.price or 0):.2f} is the least, of {cheapest.words}"
            )
    if found.targets.gpus is not None:
        ways.append(f"or give more GPUs than --gpu-count {found.targets.gpus}")
    return "; ".join(ways)
