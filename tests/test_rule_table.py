"""The table of rules, the code that has them, and the cases that show them: none without the others."""

import ast
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

import reference
from conftest import ROOT, Golden
from recipegen import facts, pipeline, policy, policyfile, variants, yamlio
from recipegen.cli import main
from recipegen.errors import Problem, RecipeError, RecipegenError
from recipegen.rules import collisions
from samples import plan_of
from test_invalid import FOLDERS, MISTAKES

SOURCE = ROOT / "src/recipegen"
# What finds problems in a recipe. Other modules speak of commands, files and clusters.
CHECKERS = [
    SOURCE / "load.py",
    SOURCE / "inheritance.py",
    SOURCE / "validate.py",
    SOURCE / "document.py",
    *sorted((SOURCE / "rules").glob("*.py")),
    *sorted((SOURCE / "variants").glob("*.py")),
    SOURCE / "memory/loadable.py",
    SOURCE / "memory/division.py",
    *sorted((SOURCE / "yamlio").glob("*.py")),
    *sorted((SOURCE / "policyfile").glob("*.py")),
]
# Calls whose first argument is the code of a problem.
MAKERS = ("Problem", "_problem", "_add", "_stop", "UnclearError", "Undivided")
# What no file in those folders can show: bytes, a command's option, objects that a chart rendered.
POD = {"containers": [{"name": "main", "image": "x:1", "command": ["x"]}]}
ROLE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}


def of_text(text: bytes) -> list[Problem]:
    with pytest.raises(RecipeError) as raised:
        yamlio.read(text, "recipe.yaml")
    return list(raised.value.problems)


def of_plan(name: str, variant: str) -> list[Problem]:
    with pytest.raises(RecipeError) as raised:
        pipeline.plan(name, variant)
    return list(raised.value.problems)


def of_documents(case: str) -> list[Problem]:
    with pytest.raises(RecipeError) as raised:
        variants.expand("qwen3-8b", ROOT / "tests/variants/invalid" / f"{case}.yaml")
    return list(raised.value.problems)


def of_pod(**changes: Any) -> list[Problem]:
    container = {**POD["containers"][0], **changes}
    return policy.check([{"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}}])


def of_object(kind: str, **keys: Any) -> list[Problem]:
    return policy.check([{"kind": kind, "metadata": {"name": "a", **keys.pop("metadata", {})}, **keys}])


def of_policy(policy: str, recipe: str = "") -> list[Problem]:
    """What a policy has to say of the quickstart recipe with a patch, or of itself."""
    plan = pipeline.plan("qwen-0.6b", None, [yamlio.read(recipe, "patch.yaml")] if recipe else [])
    try:
        return policyfile.hold(plan, policyfile.parsed("policy.yaml", yamlio.read(policy, "policy.yaml")))
    except RecipeError as error:
        return list(error.problems)


SERVERLESS = "endpoint: {kind: serverless, labels: {team: ml}, annotations: {a: x}}"


def of_one_graph(*names: str) -> list[Problem]:
    data = {"dynamoNamespace": "own", "model": {"name": "a/b"}}
    return [*collisions.check([plan_of(data, name) for name in names])]


def of_both(*names: str) -> list[Problem]:
    plans = [plan_of({"dynamoNamespace": "own", "model": {"name": name}}) for name in names]
    return [*collisions.check(plans)]


MADE: dict[str, Callable[[], list[Problem]]] = {
    "encoding": lambda: of_text(b"a: \xff"),
    "limit": lambda: of_text(b"a: " + b"[" * 200),
    "tab": lambda: of_text(b"a:\tb"),
    "number": lambda: of_text(b"a: .inf"),
    "unknown-variant": lambda: of_plan("qwen-0.6b", "disag"),
    "variant-twice": lambda: of_documents("repeats"),
    "gpus-of-a-replica": lambda: of_documents("gpus-of-a-replica"),
    "secret-data": lambda: of_object("Secret"),
    "object-namespace": lambda: of_object("Service", metadata={"namespace": "b"}),
    "least-rights": lambda: of_object("Role", rules=[ROLE]),
    "args-without-command": lambda: of_pod(args=["a"], command=None),
    "image-can-change": lambda: of_pod(image="x"),
    "gpu-without-limit": lambda: of_pod(resources={"requests": {"nvidia.com/gpu": "1"}}),
    "stands-twice": lambda: of_pod(env=[{"name": "A"}, {"name": "A"}]),
    "same-graph": lambda: of_one_graph("Qwen.3", "qwen-3"),
    "same-id": lambda: of_both("a/b-c", "a-b/c"),
    "host-access": lambda: of_pod(securityContext={"privileged": True}),
    "policy-label": lambda: of_policy("labels: {required: [product]}", SERVERLESS),
    "policy-reserved-label": lambda: of_policy("labels: {reserved: [team]}", SERVERLESS),
    "policy-label-value": lambda: of_policy("labels: {values: {team: [search, chat]}}", SERVERLESS),
    "policy-annotations": lambda: of_policy("annotations: {together: [a, b]}", SERVERLESS),
    "policy-variable": lambda: of_policy(
        "environment: {reserved: [AWS_PROFILE]}", "model: {worker: {env: {AWS_PROFILE: x}}}"
    ),
    "policy-registry": lambda: of_policy("registries: [registry.example.com]"),
    "policy-replicas": lambda: of_policy("maxReplicas: 1"),
    "policy-gpus": lambda: of_policy("maxGpus: 1"),
    "policy-gpu-type": lambda: of_policy("gpus: [l4-24gb]", "hardware: {gpu: h100-sxm-80gb}"),
    "policy-priority": lambda: of_policy("priorityClass: {required: true}"),
    "policy-resources": lambda: of_policy(
        "resources: {together: [cpu, memory]}", 'model: {worker: {resources: {requests: {cpu: "8"}}}}'
    ),
    "policy-pod-size": lambda: of_policy(
        'pods: {withoutGpus: {cpu: "7"}}', 'model: {frontend: {resources: {requests: {cpu: "8"}}}}'
    ),
    "policy-contradiction": lambda: of_policy("labels: {required: [team], reserved: [team]}"),
    "policy-without-effect": lambda: of_policy("description: Nothing."),
}


def rows() -> list[str]:
    return [code for section in facts.rules().values() for code in section]


@cache
def examples() -> dict[str, list[tuple[str, str, str]]]:
    """Return the cases of each code: severity, file, message."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for path in MISTAKES:
        name = path.relative_to(ROOT).as_posix()
        try:
            problems = pipeline.plan(path).warnings
        except RecipegenError as error:
            problems = error.problems
        for problem in problems:
            severity = "warning" if problem.warning else "error"
            text = problem.text().replace(f"{ROOT.as_posix()}/", "")
            found.setdefault(problem.code, []).append((severity, name, text))
    for code, made in MADE.items():
        for problem in made():
            if problem.code == code:
                found.setdefault(code, []).append(("error", "", problem.text()))
    # An error says more than a warning of the same rule.
    return {code: sorted(cases, key=lambda case: case[0]) for code, cases in found.items()}


def codes() -> Iterator[str]:
    """Yield every code that a checker gives a problem."""
    for path in CHECKERS:
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(
                getattr(node, "func", None), "id", getattr(getattr(node, "func", None), "attr", "")
            )
            if isinstance(node, ast.Call) and name in MAKERS and node.args:
                yield from (
                    leaf.value
                    for leaf in ast.walk(node.args[0])
                    if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
                )
    yield from (*policy.OBJECT_RULES, *policy.POD_RULES)


def test_the_table_has_a_row_for_every_code_and_no_other() -> None:
    # What validate.py takes from pydantic: the code stands in an assignment.
    taken = {"wrong-type", "wrong-value", "wrong-key"}

    # A file that cannot be read is no recipe.
    assert sorted({*codes()} - {"tool"} | taken) == sorted(rows())


def test_no_code_stands_twice() -> None:
    assert len(rows()) == len(set(rows()))


@pytest.mark.parametrize("code", rows())
def test_a_rule_has_a_case_that_shows_it(code: str) -> None:
    assert examples()[code]


@pytest.mark.parametrize("code", rows())
def test_a_row_says_what_holds_why_and_what_to_do(code: str) -> None:
    row = next(section[code] for section in facts.rules().values() if code in section)

    assert {"what", "why", "remedy"} <= row.keys() <= {"what", "why", "remedy", "paths", "source"}
    assert all(row[key].endswith(".") for key in ("what", "why", "remedy"))


def test_the_page_of_rules_is_what_table_and_cases_say(golden: Golden) -> None:
    golden.file(ROOT / "docs/rules.md", reference.rules(facts.rules(), examples()))


def test_programs_are_told_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    main(["validate", str(ROOT / "tests/invalid/backend-unknown-version.yaml"), "--format", "json"])

    assert json.loads(capsys.readouterr().err)[0]["code"] in rows()


def test_errors_are_cases_of_their_own() -> None:
    """Nonsense of every kind is refused: see how many kinds."""
    refused = [path for path in MISTAKES if FOLDERS[path.parent.name] == 1]

    assert len(refused) >= 300
