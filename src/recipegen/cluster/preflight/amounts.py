"""What pods ask for, in the words of Kubernetes: quantities, and the sum over the containers of a pod."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from recipegen.cluster.plain import rows, table
from recipegen.rules.resources import FACTORS

# A cluster may also write what no recipe does.
UNITS = FACTORS | {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "E": Fraction(10**18),
    "Ei": Fraction(2**60),
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3}))?([A-Za-z]{0,2})")


def quantity(value: Any) -> Fraction:
    """Return a Kubernetes quantity as a number: CPUs, bytes or pieces; 0 for what is none."""
    found = _QUANTITY.fullmatch(str(value))
    if found is None or found[3] not in UNITS:
        return Fraction(0)
    return Fraction(found[1]) * Fraction(10) ** int(found[2] or 0) * UNITS[found[3]]


def shown(name: str, amount: Fraction) -> str:
    """Return an amount for people: memory in Gi or Mi, CPUs with at most two decimals, pieces."""
    if name.rpartition(".")[2] in ("memory", "storage", "ephemeral-storage"):
        for unit in ("Ti", "Gi", "Mi"):
            if amount >= UNITS[unit]:
                return f"{float(amount / UNITS[unit]):.4g}{unit}"
        return str(int(amount))
    return f"{float(amount):.2f}".rstrip("0").rstrip(".")


def pod_amounts(pod: Any, half: str = "requests") -> dict[str, Fraction]:
    """Return what a pod asks for in all: its containers together, or its largest init container.

    Args:
        pod: the pod's spec.
        half: `requests`, for which a limit stands in where there is none, or `limits`.

    Source: Kubernetes, "Sidecar Containers" and "Init Containers", on how resources are shared.
    """
    total: dict[str, Fraction] = {}
    for container in rows(pod, "containers"):
        _add(total, container_amounts(container, half))
    peak: dict[str, Fraction] = {}
    beside: dict[str, Fraction] = {}
    for container in rows(pod, "initContainers"):
        own = container_amounts(container, half)
        if container.get("restartPolicy") == "Always":
            _add(beside, own)
            own = beside
        else:
            own = {
                name: own.get(name, Fraction(0)) + beside.get(name, Fraction(0)) for name in {*own, *beside}
            }
        peak = {name: max(peak.get(name, Fraction(0)), own.get(name, Fraction(0))) for name in {*peak, *own}}
    _add(total, beside)
    _add(total, {k: quantity(v) for k, v in table(pod, "overhead").items()})
    return {name: max(total.get(name, Fraction(0)), peak.get(name, Fraction(0))) for name in {*total, *peak}}


def container_amounts(container: Any, half: str) -> dict[str, Fraction]:
    """Return what one container asks for, or may have."""
    limits, requests = table(container, "resources", "limits"), table(container, "resources", "requests")
    chosen: Mapping[str, Any] = limits if half == "limits" else {**limits, **requests}
    return {name: quantity(value) for name, value in chosen.items()}


def _add(total: dict[str, Fraction], more: Mapping[str, Fraction]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Fraction(0)) + amount
