"""recipegen as a library: what `import recipegen` offers, and what it keeps to itself."""

from pathlib import Path

import pytest
import yaml

import recipegen
from recipegen import helm
from recipegen.document import from_set
from samples import in_new_python


def test_a_recipe_renders_in_one_call() -> None:
    document = yaml.safe_load(recipegen.render("qwen-0.6b", "disagg"))

    assert [entry["name"] for entry in document["releases"] if entry["installed"]][:3] == [
        "dynamo-platform",
        "dynamo-platform-ready",
        "qwen-0-6b",
    ]


def test_a_plan_has_every_decision() -> None:
    plan = recipegen.plan("qwen-0.6b", None, [from_set("model.worker.replicas=3")])

    assert isinstance(plan, recipegen.Plan)
    assert isinstance(plan.recipe, recipegen.Recipe)
    assert (plan.name, plan.graph, plan.namespace, plan.gpus) == ("qwen-0.6b", "qwen-0-6b", "qwen", 3)


def test_a_bundle_has_releases_that_helm_renders() -> None:
    bundle = recipegen.bundle("qwen-0.6b")
    (release,) = [r for r in bundle.releases if r.name == bundle.graph]

    assert isinstance(bundle, recipegen.Bundle)
    assert [item["kind"] for item in helm.objects(release)] == ["DynamoGraphDeployment"]


def test_no_bundle_has_charts_in_a_place_that_helmfile_would_execute() -> None:
    with pytest.raises(recipegen.RecipegenError, match="helmfile would execute"):
        recipegen.bundle("qwen-0.6b", charts="/charts/{{ exec }}")


def test_a_wrong_recipe_raises_every_problem_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("dynamoNamespace: X\nmodel: {nam: x}\n")
    with pytest.raises(recipegen.RecipeError) as raised:
        recipegen.plan(str(path))

    places = [(p.mark.line, p.mark.column) for p in raised.value.problems if p.mark]
    assert isinstance(raised.value, recipegen.RecipegenError)
    assert places == [(1, 18), (2, 1), (2, 9)]


def test_a_target_that_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        recipegen.render("qwen-0.6b", target="pulumi")


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        recipegen.nothing  # noqa: B018 - the access is what is tested


@pytest.mark.parametrize("name", recipegen.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(recipegen, name)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import recipegen", {"pydantic", "yaml", "helm_python"}),
        (
            "from recipegen.cli import main; main(['validate', 'qwen-0.6b'])",
            {"helm_python", "jsonschema", "kubernetes"},
        ),
        (
            "from recipegen.cli import main; main(['render', 'qwen-0.6b'])",
            {"helm_python", "jsonschema", "subprocess"},
        ),
        (
            "from recipegen.cli import main; main(['render', 'qwen-0.6b'])",
            {
                "recipegen.cli.foreign",
                "recipegen.ingestion.stored",
                "recipegen.policyfile",
                "recipegen.variants",
            },
        ),
    ],
    ids=["import", "validate", "render", "render, of recipegen itself"],
)
def test_what_is_not_needed_is_not_loaded(code: str, heavy: set[str]) -> None:
    report = f"{code}\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    done = in_new_python(report)

    assert heavy & set(done.stderr.split()) == set()


def test_rendering_opens_no_socket_and_starts_no_process() -> None:
    watch = (
        "import sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, _: seen.append(event))\n"
        "from recipegen.cli import main\n"
        "main(['render', 'qwen-0.6b'])\n"
        "outside = ('socket.', 'subprocess.', 'os.exec', 'os.fork', 'os.posix_spawn', 'os.system')\n"
        "print([event for event in seen if event.startswith(outside)], file=sys.stderr)\n"
    )
    done = in_new_python(watch)

    assert done.stderr == "[]\n"


def test_a_path_object_is_a_recipe_file(tmp_path: Path) -> None:
    path = tmp_path / "some-recipe"
    path.write_text("dynamoNamespace: x\nmodel: {name: a/b}\n")

    assert recipegen.plan(path).name == "some-recipe"
    assert recipegen.render(path) == recipegen.render(str(path))


def test_one_patch_that_is_in_no_list_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="put a single one in a list"):
        recipegen.plan("qwen-0.6b", None, {"model": {"worker": {"replicas": 3}}})  # type: ignore[arg-type]


def test_a_patch_that_is_no_mapping_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="patch 2 is no mapping but list"):
        recipegen.plan("qwen-0.6b", None, [{"dynamoNamespace": "x"}, []])  # type: ignore[list-item]


def test_a_patch_that_holds_itself_is_a_value_error() -> None:
    patch: dict[str, object] = {}
    patch["model"] = patch

    with pytest.raises(ValueError, match="patch 1 holds itself"):
        recipegen.plan("qwen-0.6b", None, [patch])


def test_a_problem_in_a_patch_names_the_patch_and_no_line() -> None:
    with pytest.raises(recipegen.RecipeError) as raised:
        recipegen.plan("qwen-0.6b", None, [{"dynamoNamespace": "x"}, {"model": {"nam": "x"}}])

    assert str(raised.value.problems[0]).startswith("patch 2: model.nam: is no key of the recipe language\n")
