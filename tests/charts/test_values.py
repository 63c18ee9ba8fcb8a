"""Values files, templates, data files and the recipe language name the same keys."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic.alias_generators import to_camel

from recipegen import facts, schema
from recipegen.components import COMPONENTS, MODEL
from recipegen.recipe import (
    Batch,
    Benchmark,
    Block,
    Engine,
    ExtraConfig,
    FaultInjection,
    Gateway,
    Ingestion,
    ModelExpress,
    Observability,
    Scaling,
    Troubleshooting,
    Warmup,
    Worker,
)

STACK = Path(__file__).parents[2] / "charts" / "stack"
CHARTS = {
    "stack": STACK,
    **{folder.name: folder for folder in (STACK / "charts").iterdir()},
    "platform-ready": STACK.parent / "platform-ready",
}
# Charts of components that are a block of their own.
OF_BLOCKS = [component.chart for component in COMPONENTS if component is not MODEL]
BACKENDS = sorted((STACK / "charts" / "model" / "backends").iterdir())

# Read by the parent chart alone, in a condition.
READ_BY_THE_PARENT = {"deployment.create"}
# Passed on whole: engine settings are looped over with the backend's data file.
PASSED_ON = {"engine"}
# The identity that all components share; recipegen fills it in.
SHARED = {"global": dict.fromkeys(schema.SHARED["properties"], "")}
# Given by the recipe or a subchart, not by the parent chart's own values.
OF_A_SUBCHART = {
    *("model.name", "model.mocker", "model.nodeSelector", "model.endpointPicker", "model.disaggregation"),
    "model.modelExpressUrl",
    *("gateway.name", "gateway.modelHeader.enabled", "gateway.modelHeader.name", "gateway.modelHeader.value"),
    "modelExpress.metadata",
    "faultInjection.experiments",
}
# Keys of a backend's data file that only recipegen's rules read.
READ_BY_RULES = {
    "configFileEndings", "configOverride", "configBlockSize", "mustDivide", "mustEqual",
    "disaggregation", "operatorOwned", "dynamicOptions", "configKeys",
}  # fmt: skip


def text(folder: Path, *patterns: str) -> str:
    return "\n".join(path.read_text() for pattern in patterns for path in sorted(folder.glob(pattern)))


def uncommented(values: str) -> dict[str, Any]:
    """A values file with its commented examples made real."""
    lines = [re.sub(r"^( *)# ( *[a-z]\w*:( .*)?)$", r"\1\2", line) for line in values.splitlines()]
    found: dict[str, Any] = yaml.safe_load("\n".join(lines))
    return found


def leaves(tree: dict[str, Any], prefix: str = "") -> set[str]:
    """Dotted paths of what holds no further keys."""
    found = set()
    for key, value in tree.items():
        path = f"{prefix}{key}"
        found |= leaves(value, f"{path}.") if isinstance(value, dict) and value else {path}
    return found


def used(chart: str) -> set[str]:
    """Dotted paths of the values that the chart's templates and conditions read."""
    templates = text(CHARTS[chart], "templates/*")
    conditions = re.findall(r"condition: (\S+)", text(CHARTS[chart], "Chart.yaml"))
    return {*re.findall(r"\.Values\.([A-Za-z0-9.]+[A-Za-z0-9])", templates), *conditions}


def fields(block: type[Block]) -> set[str]:
    return {to_camel(name) for name in block.model_fields}


@pytest.mark.parametrize("chart", CHARTS)
def test_every_value_is_used(chart: str) -> None:
    values = yaml.safe_load((CHARTS[chart] / "values.yaml").read_text())
    read = used(chart) | READ_BY_THE_PARENT | PASSED_ON

    unread = {leaf for leaf in leaves(values) if not any(f"{leaf}.".startswith(f"{path}.") for path in read)}

    assert unread - {"global"} == set()


@pytest.mark.parametrize("chart", CHARTS)
def test_every_used_value_is_in_the_values_file(chart: str) -> None:
    values = uncommented((CHARTS[chart] / "values.yaml").read_text()) | SHARED

    missing = set()
    for path in used(chart) - OF_A_SUBCHART:
        place: Any = values
        for key in path.split("."):
            if not isinstance(place, dict) or key not in place:
                missing.add(path)
                break
            place = place[key]

    assert missing == set()


def test_templates_read_every_key_of_a_worker() -> None:
    templates = text(CHARTS["model"], "templates/*")

    assert set(re.findall(r"\$block\.(\w+)", templates)) == fields(Worker)


def test_templates_read_every_key_of_a_configuration_file() -> None:
    templates = text(CHARTS["model"], "templates/*")

    assert set(re.findall(r"\$entry\.(\w+)", templates)) == fields(ExtraConfig)


@pytest.mark.parametrize(
    ("chart", "block"),
    [
        ("gateway", Gateway),
        ("metrics", Observability),
        ("benchmark", Benchmark),
        ("batch", Batch),
        ("troubleshooting", Troubleshooting),
        ("model-express", ModelExpress),
        ("fault-injection", FaultInjection),
        ("scaling", Scaling),
        ("warmup", Warmup),
        ("ingestion", Ingestion),
    ],
)
def test_component_has_the_keys_of_its_block(chart: str, block: type[Block]) -> None:
    values = uncommented((CHARTS[chart] / "values.yaml").read_text())

    assert values.keys() == fields(block) | {"global"}


@pytest.mark.parametrize(
    ("chart", "image"),
    [
        ("platform-ready", "python"),
        ("benchmark", "python"),
        ("batch", "python"),
        ("troubleshooting", "python"),
        ("fault-injection", "python"),
        ("ingestion", "python"),
        ("model-express", "modelExpress"),
        ("warmup", "pause"),
    ],
)
def test_a_chart_has_the_image_of_the_facts(chart: str, image: str) -> None:
    values = yaml.safe_load((CHARTS[chart] / "values.yaml").read_text())

    assert values["image"] == facts.images()[image]


@pytest.mark.parametrize("chart", OF_BLOCKS)
def test_schema_of_a_component_names_its_values(chart: str) -> None:
    schema = json.loads((CHARTS[chart] / "values.schema.json").read_text())
    text = (CHARTS[chart] / "values.yaml").read_text()

    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(text))
    assert schema["properties"].keys() == uncommented(text).keys()


@pytest.mark.parametrize("chart", OF_BLOCKS)
def test_schema_of_a_component_refuses_an_unknown_key(chart: str) -> None:
    schema = json.loads((CHARTS[chart] / "values.schema.json").read_text())

    with pytest.raises(jsonschema.ValidationError, match="enabeld"):
        jsonschema.Draft202012Validator(schema).validate({"enabeld": True})


@pytest.mark.parametrize("path", BACKENDS, ids=lambda p: p.stem)
def test_backend_spells_only_fields_of_the_language(path: Path) -> None:
    backend = yaml.safe_load(path.read_text())

    assert backend["flags"].keys() | backend["switches"].keys() <= fields(Engine) - {"args"}


@pytest.mark.parametrize("path", BACKENDS, ids=lambda p: p.stem)
def test_backend_spells_no_field_twice(path: Path) -> None:
    backend = yaml.safe_load(path.read_text())

    assert not backend["flags"].keys() & backend["switches"].keys()


@pytest.mark.parametrize("path", BACKENDS, ids=lambda p: p.stem)
def test_gpus_and_extras_of_a_backend_come_from_its_flags(path: Path) -> None:
    backend = yaml.safe_load(path.read_text())
    divide = backend.get("mustDivide", {})

    equal = backend["mustEqual"]

    assert {*backend["gpuFactors"], *divide, *divide.values()} <= backend["flags"].keys()
    assert {factor for factors in equal.values() for factor in factors} <= backend["flags"].keys()
    # A field without an option of its own is all in its tokens, and some rule has to hold its value.
    assert backend["extras"].keys() - backend["flags"].keys() == equal.keys()


@pytest.mark.parametrize("path", BACKENDS, ids=lambda p: p.stem)
def test_backend_has_only_tokens_that_are_text(path: Path) -> None:
    backend = yaml.safe_load(path.read_text())
    tokens = [
        *backend["kvEvents"],
        *backend["metrics"],
        *(token for role in backend["roles"].values() for token in role),
    ]

    assert all(isinstance(token, str) for token in tokens)


@pytest.mark.parametrize("path", BACKENDS, ids=lambda p: p.stem)
def test_templates_read_every_key_of_a_backend(path: Path) -> None:
    backend = yaml.safe_load(path.read_text())
    templates = text(CHARTS["model"], "templates/*")

    unread = {key for key in backend if not re.search(rf"backend\.{key}\b", templates)}

    assert unread <= READ_BY_RULES


@pytest.mark.parametrize("path", BACKENDS, ids=lambda p: p.stem)
def test_keys_of_the_engines_file_belong_to_options_of_the_backend(path: Path) -> None:
    backend = yaml.safe_load(path.read_text())
    extras = [token for tokens in backend["extras"].values() for token in tokens]
    options = {*backend["flags"].values(), *extras, backend["model"], backend["revision"]}

    assert set(backend.get("configKeys", {}).values()) <= options
