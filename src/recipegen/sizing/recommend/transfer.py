"""How fast GPUs exchange data, and how long the KV cache of a prompt is under way between workers."""

from dataclasses import dataclass
from typing import Any

from recipegen import facts


@dataclass(frozen=True)
class Link:
    """The links of one GPU type; GB/s of a GPU in one direction."""

    node: int
    """GPUs of a node."""
    within: float
    between: float
    pcie: bool
    """Whether the GPUs of a node have no NVLink."""
    assumed: bool
    """Whether the link between nodes is a guess: facts know none."""

    def sum(self, size: float, gpus: int) -> float:
        """Return the microseconds in which so many GPUs add up numbers that each of them has.

        In a ring each GPU sends 2 (n - 1) / n times the bytes.
        """
        if gpus <= 1:
            return 0.0
        rule = facts.speed()["links"]
        inside = gpus <= self.node
        pcie = inside and self.pcie
        begin = rule["within" if inside else "between"]["value"]
        share = (_nearest(rule["pcie"], gpus) if pcie else rule["efficiency"])["value"]
        speed = (self.within if inside else self.between) * share
        return float(begin + 2 * (gpus - 1) / gpus * size / (speed * 1e3))


def _nearest(table: dict[str, Any], gpus: int) -> Any:
    """Return the row of the fewest GPUs that are no less than these, or the last one."""
    return next((row for count, row in table.items() if int(count) >= gpus), [*table.values()][-1])


def link(gpu: str) -> Link:
    """Return the links of a GPU type."""
    fact, rule = facts.hardware()[gpu], facts.speed()["links"]

    def of(name: str) -> Any:
        return fact.get(name, {}).get("gigabytesPerSecond")

    between = of("between") or rule["unknown"]["value"]
    within = of("within") or between
    pcie = str(fact.get("within", {}).get("link", "")).startswith("PCIe")
    return Link(int(fact["gpusPerNode"]), float(within), float(between), pcie, of("between") is None)


def transfer(size: float, found: Link) -> float:
    """Return the milliseconds that the cache of a prompt takes from a prefill worker to a decode worker.

    Each GPU sends what it holds of it, so many bytes, over its own link between nodes.
    """
    share = float(facts.speed()["links"]["efficiency"]["value"])
    return size / (found.between * 1e9 * share) * 1000
