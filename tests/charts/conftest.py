"""Fixtures for chart tests: the charts through the embedded Helm engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

STACK = Path(__file__).parents[2] / "charts" / "stack"


@pytest.fixture(scope="session")
def render() -> Callable[..., list[dict[str, Any]]]:
    """What Helm applies of the parent chart, or of the chart of that name, or else makes of its tests."""

    def objects(
        values: dict[str, Any],
        chart: str = "stack",
        name: str = "qwen",
        namespace: str = "default",
        *,
        tests: bool = False,
    ) -> list[dict[str, Any]]:
        beside = {"stack": STACK, "platform-ready": STACK.parent / "platform-ready"}
        folder = beside.get(chart, STACK / "charts" / chart)
        # A chart loaded once and rendered twice would have lost the subcharts that were off the first time.
        with helm_python.Chart.load(folder) as loaded:
            files = loaded.render(values, name=name, namespace=namespace)
        texts = [text for path, text in sorted(files.items()) if path.endswith(".yaml")]
        found = [found for text in texts for found in yaml.safe_load_all(text) if found]
        return [item for item in found if of_a_test(item) is tests]

    def of_a_test(item: dict[str, Any]) -> bool:
        return bool(item["metadata"].get("annotations", {}).get("helm.sh/hook") == "test")

    return objects


@pytest.fixture(scope="session")
def graph(render: Callable[..., list[dict[str, Any]]]) -> Callable[..., dict[str, Any]]:
    """The DynamoGraphDeployment of a recipe's `model` block."""

    def deployment(**model: Any) -> dict[str, Any]:
        objects = render({"model": {"name": "Qwen/Qwen3-0.6B", **model}})
        (found,) = [o for o in objects if o["kind"] == "DynamoGraphDeployment"]
        return found

    return deployment


@pytest.fixture(scope="session")
def component(graph: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """One component of that graph."""

    def named(role: str, **model: Any) -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = [c for c in graph(**model)["spec"]["components"] if c["name"] == role]
        return found

    return named


@pytest.fixture(scope="session")
def container(component: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The main container of one component of that graph."""

    def main(role: str, **model: Any) -> dict[str, Any]:
        found: dict[str, Any]
        (found,) = component(role, **model)["podTemplate"]["spec"]["containers"]
        return found

    return main
