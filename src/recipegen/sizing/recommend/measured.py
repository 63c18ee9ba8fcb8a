"""Times of passes from an installed aiconfigurator, which composes them of operations that it measured.

It says no to little: questions without sense are answered too. So every answer is held to the question, to
what the GPU can do at all, and to the estimate.
"""

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipegen import facts
from recipegen.memory import Setup
from recipegen.memory.cache import dtype
from recipegen.sizing.recommend.load import Load
from recipegen.sizing.recommend.roofline import Roofline
from recipegen.sizing.recommend.steps import Step

PYTHON = "RECIPEGEN_AICONFIGURATOR"
"""Variable with the Python that has aiconfigurator, where it is not this one."""
SECONDS = 300
# What an answer repeats of its question, each with the argument.
ECHOED = {
    "bs": "batch_size", "tp": "tp_size", "pp": "pp_size", "dp": "attention_dp_size", "isl": "isl",
    "osl": "osl",
}  # fmt: skip
# An answer further from the estimate than that is not taken, a factor.
FAR = 20
# Reasons for refusing answers that are told one by one.
SHOWN = 3
# Of what the data sheet allows at best: small weights are read from caches in part.
SLACK = 0.7
# What of a time has to come from measured operations for it to be called measured.
MOSTLY = 0.5
# What a format of ours may be called in an answer.
FORMATS = {"none": "bfloat16"} | {name: name for name in ("fp8", "nvfp4", "mxfp4", "int4", "int8")}
CACHES = {"bfloat16": "bfloat16", "float16": "bfloat16", "fp8": "fp8", "int8": "int8"}


class NotThereError(Exception):
    """aiconfigurator cannot be asked, or has nothing on this; says why."""


@dataclass
class Told:
    """What was asked of aiconfigurator, and what came of it."""

    origin: str = ""
    taken: int = 0
    doubted: int = 0
    """Answers that came with the warning that memory does not suffice."""
    refused: dict[str, int] = field(default_factory=dict)
    """Reasons why an answer was not taken, each with how many."""
    notes: list[str] = field(default_factory=list)

    def refuse(self, why: str) -> None:
        """Count an answer that is not taken."""
        self.refused[why] = self.refused.get(why, 0) + 1


class Measured:
    """Times from aiconfigurator, and estimates for what it has none of; implements `steps.Steps`."""

    def __init__(
        self,
        estimate: Roofline,
        model: tuple[str, dict[str, str]],
        setups: list[Setup],
        batches: Iterable[int],
    ) -> None:
        """Ask for everything at once: starting aiconfigurator takes seconds, an answer milliseconds.

        Args:
            estimate: What stands in, and what answers are held to.
            model: Its id, where facts know it, by which aiconfigurator may have its whole configuration; and
                its config.json, with hf_quant_config.json where it has one.
            setups: What may be asked for.
            batches: Requests of a replica that may be asked for.

        Raises:
            NotThereError: It is not installed, of another release, or has no data for the GPU and engine.
        """
        self.estimate, self.load = estimate, estimate.rooms.load
        self.told = Told()
        name, files = model
        self._times: dict[tuple[Any, ...], Step] = {}
        setup = setups[0]
        rule = facts.speed()["aiconfigurator"]
        system = rule["systems"].get(setup.gpu)
        if system is None:
            raise NotThereError(f"aiconfigurator {rule['release']} has no data on {setup.gpu}")
        keys = [*self._keys(setups, batches)]
        asked = {
            "release": rule["release"],
            "system": system,
            "backend": setup.backend,
            "name": name,
            "files": files,
            "questions": [question(key[0], key[1], self.load, estimate) for key in keys],
        }
        answer = ask(asked)
        if not answer["release"].startswith(f"{rule['release']}."):
            raise NotThereError(f"aiconfigurator is {answer['release']}, and only {rule['release']} is known")
        if not answer["data"] or not answer["answers"]:
            raise NotThereError(
                f"aiconfigurator {answer['release']} has no data on {system} with {setup.backend}"
            )
        of = f"system {system}, {setup.backend} {answer['data']}"
        self.told.origin = f"measured (aiconfigurator {answer['release']}, {of})"
        for key, asking, found in zip(keys, asked["questions"], answer["answers"], strict=True):
            self._take(key, asking, found, system, answer["data"])
        if not self._times:
            why = max(self.told.refused, key=lambda each: self.told.refused[each])
            raise NotThereError(
                f"aiconfigurator {answer['release']} answered nothing that can be taken: {why}"
            )
        self._notes(answer, setup)

    def prefill(self, setup: Setup, tokens: int) -> Step:
        """Return the time of one prompt, or with data parallelism of one on each rank."""
        found = self._times.get((setup, 0)) if tokens == self.load.isl else None
        return found or self.estimate.prefill(setup, tokens)

    def decode(self, setup: Setup, batch: int, context: int) -> Step:
        """Return the time of one token for each request."""
        found = self._times.get((setup, rank_batch(setup, batch))) if context == self.load.middle else None
        return found or self.estimate.decode(setup, batch, context)

    def _keys(self, setups: list[Setup], batches: Iterable[int]) -> Iterable[tuple[Setup, int]]:
        for setup in setups:
            yield setup, 0
            if self.load.osl > 1:
                yield from dict.fromkeys((setup, rank_batch(setup, batch)) for batch in batches)

    def _take(
        self, key: tuple[Setup, int], asked: dict[str, Any], found: dict[str, Any], system: str, data: str
    ) -> None:
        setup, batch = key
        if "error" in found:
            self.told.refuse(found["error"])
            return
        expected = {"system": system, "backend": setup.backend, "version": data}
        for name, argument in ECHOED.items():
            expected[name] = asked[argument]
        if asked["kvcache_quant_mode"]:
            expected["kvcache"] = asked["kvcache_quant_mode"]
        other = next((name for name, value in expected.items() if found.get(name) != value), "")
        time, measured = found.get("milliseconds"), found.get("measured")
        if not isinstance(time, int | float) or not isinstance(measured, int | float):
            self.told.refuse("it answered no number")
            return
        estimate = self._estimate(setup, batch).milliseconds
        least = self.estimate.least(setup, 0 if batch else asked["isl"])
        if other:
            self.told.refuse(f"it answered for {other} {found.get(other)} in place of {expected[other]}")
        elif not self._format(found):
            self.told.refuse(f"it took the weights for {found.get('gemm')}, experts {found.get('moe')}")
        elif not math.isfinite(time) or time <= 0:
            self.told.refuse(f"it answered {time} ms")
        elif time < SLACK * least:
            self.told.refuse("it answered less than the GPU needs by its data sheet")
        elif not 1 / FAR < time / estimate < FAR:
            self.told.refuse(f"it answered more than {FAR} times the estimate, or less than a {FAR}th")
        else:
            self._keep(key, found, time)

    def _estimate(self, setup: Setup, batch: int) -> Step:
        if not batch:
            return self.estimate.prefill(setup, self.load.isl)
        return self.estimate.decode(setup, batch * setup.copies * setup.pipeline, self.load.middle)

    def _keep(self, key: tuple[Setup, int], found: dict[str, Any], time: float) -> None:
        correction = facts.speed()["aiconfigurator"]["corrections"]["decode" if key[1] else "prefill"]
        measured = found["measured"] >= MOSTLY
        origin = self.told.origin if measured else self.told.origin.replace("measured", "estimated", 1)
        self._times[key] = Step(time * correction, origin, measured)
        self.told.taken += 1
        self.told.doubted += bool(found.get("memory"))

    def _format(self, found: dict[str, Any]) -> bool:
        """Return whether an answer is for weights in the model's format; in its experts, where it has any."""
        model = self.estimate.model
        word = FORMATS.get(model.quantization.format)
        return word is not None and word in str(found.get("moe" if model.experts else "gemm"))

    def _notes(self, answer: dict[str, Any], setup: Setup) -> None:
        told = self.told
        if setup.version and not setup.version.startswith(answer["data"]):
            told.notes.append(f"its data are of {setup.backend} {answer['data']}, this is {setup.version}")
        wide = {name for name in answer["fallbacks"] if name.startswith(("mla_", "dsa_"))}
        if wide and self.estimate.model.mla:
            told.notes.append(f"it takes {', '.join(sorted(wide))} from another engine's data")
        if told.doubted:
            told.notes.append(
                f"it doubts that memory suffices in {told.doubted} cases that fit by recipegen's arithmetic"
            )
        refused = sorted(told.refused.items(), key=lambda each: -each[1])
        for why, count in refused[:SHOWN]:
            told.notes.append(f"{count} of its answers were not taken, and estimated: {why}")
        if len(refused) > SHOWN:
            rest = sum(count for _, count in refused[SHOWN:])
            told.notes.append(f"{rest} more were not taken for other reasons, and estimated")
        odd = [key for key, step in self._times.items() if key[1] and self._falls(key, step)]
        if odd:
            told.notes.append(f"{len(odd)} of its times fall as the batch grows, which no engine's do")

    def _falls(self, key: tuple[Setup, int], step: Step) -> bool:
        smaller = [other for other in self._times if other[0] == key[0] and 0 < other[1] < key[1]]
        return any(step.milliseconds < 0.8 * self._times[other].milliseconds for other in smaller)


def rank_batch(setup: Setup, batch: int) -> int:
    """Return the requests that one rank has in one pass, of so many that a replica has."""
    return math.ceil(batch / setup.copies / setup.pipeline)


def question(setup: Setup, batch: int, load: Load, estimate: Roofline) -> dict[str, Any]:
    """Return the arguments that ask for the time of a prompt (batch 0), or of a token of each request."""
    ranks = setup.attention_ranks
    asked: dict[str, Any] = {
        "mode": "static_gen" if batch else "static_ctx",
        "isl": load.isl,
        "osl": max(load.osl, 2),
        "batch_size": batch or 1,
        "tp_size": ranks,
        "pp_size": setup.pipeline,
        "attention_dp_size": setup.copies,
        "kvcache_quant_mode": CACHES.get(dtype(estimate.model, setup)),
    }
    if estimate.model.experts:
        asked |= {"moe_ep_size": setup.expert, "moe_tp_size": ranks * setup.copies // setup.expert}
    return asked


def python() -> str:
    """Return the Python that has aiconfigurator, or nothing."""
    named = os.environ.get(PYTHON, "")
    return named or (sys.executable if importlib.util.find_spec("aiconfigurator") else "")


def ask(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what `worker.py` answers.

    Args:
        asked: `release`, `system`, `backend`, `name`, `files` and `questions`.

    Raises:
        NotThereError: aiconfigurator is not installed, failed, or answered in another form.
    """
    program = python()
    if not program:
        raise NotThereError("aiconfigurator is not installed")
    worker = Path(__file__).with_name("worker.py")
    try:
        done = subprocess.run(
            [program, "-I", worker],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotThereError(f"aiconfigurator cannot be asked: {error}") from error
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = None
    if done.returncode != 0 or not _sound(found, len(asked["questions"])):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotThereError(f"aiconfigurator failed: {last[:200]}")
    return dict(found)


def _sound(found: Any, count: int) -> bool:
    """Return whether an answer has the form that worker.py gives it."""
    if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in ("release", "data")):
        return False
    answers, fallbacks = found.get("answers"), found.get("fallbacks")
    if not isinstance(answers, list) or not isinstance(fallbacks, list):
        return False
    return len(answers) in (0, count) and all(isinstance(each, dict) for each in answers)
