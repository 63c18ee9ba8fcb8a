"""Whatever comes in, out comes a problem with a place or something that Helm renders; never a fault."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recipegen import pipeline, yamlio
from recipegen.document import from_set
from recipegen.errors import Mark, Problem, RecipeError, RecipegenError
from recipegen.load import Loaded
from recipegen.resolve import Plan, resolve
from recipegen.validate import validate
from samples import PROPOSAL, mutated, objects, plan_of, releases

TEXT = PROPOSAL.read_bytes()


def attempt(data: Any) -> Plan | tuple[Problem, ...]:
    """The plan, or the problems."""
    try:
        return plan_of(data)
    except RecipeError as error:
        return error.problems


@given(mutated())
@settings(max_examples=300, deadline=None)
def test_every_problem_has_a_place(data: Any) -> None:
    found = attempt(data)

    for problem in found if isinstance(found, tuple) else ():
        assert problem.mark
        assert problem.mark.source == "qwen.yaml"
        assert problem.mark.line
        assert problem.message


@given(mutated())
@settings(max_examples=150, deadline=None)
def test_helm_renders_whatever_was_accepted(data: Any) -> None:
    plan = attempt(data)

    if isinstance(plan, Plan):
        assert len(objects(*releases(plan).values())) >= plan.recipe.model.deployment.create


@given(st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.binary(max_size=3)), min_size=1, max_size=8))
@settings(max_examples=400, deadline=None)
def test_a_recipe_with_damaged_bytes_is_a_recipe_or_a_problem(edits: list[tuple[int, bytes]]) -> None:
    text = TEXT
    for place, replacement in edits:
        text = text[:place] + replacement + text[place + 1 :]
    marks: list[Mark | None] = []
    try:
        resolve(validate(Loaded("x", "default", yamlio.read(text, "x.yaml"))))
    except RecipeError as error:
        marks = [problem.mark for problem in error.problems]

    assert None not in marks


@given(st.text() | st.from_regex(r"[a-z.]{0,20}=.{0,10}", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_any_set_is_a_patch_or_a_problem(expression: str) -> None:
    code = 0
    try:
        from_set(expression)
    except RecipegenError as error:
        code = error.exit_code

    assert code in (0, 1, 2)


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_name_is_a_recipe_or_a_problem(name: str) -> None:
    code = 0
    try:
        pipeline.plan(name)
    except RecipegenError as error:
        code = error.exit_code

    assert code in (0, 1, 2, 4)
