"""Which forms of the catalog are served in tests: each takes seconds, and most differ in numbers alone."""

from recipegen.resolve import Plan
from recipegen.roles import engine_of
from samples import FORMS, catalog_plans

Form = tuple[str, str | None]

MOST = 40
"""Forms that may be served, so that the tests stay a matter of minutes."""


def served() -> dict[Form, Plan]:
    """Return the forms that are served: all whose recipe says `simulated`, and one of each further shape.

    What the others tell Dynamo is read by its parsers, the mocker's among them, in tests/conformance.
    """
    plans = dict(zip(FORMS, catalog_plans().values(), strict=True))
    claimed = {form: plan for form, plan in plans.items() if claims(plan)}
    known = {shape(plan) for plan in claimed.values()}
    others: dict[tuple[object, ...], Form] = {}
    for form, plan in plans.items():
        if shape(plan) not in known:
            others.setdefault(shape(plan), form)
    return {form: plan for form, plan in plans.items() if form in claimed or form in others.values()}


def claims(plan: Plan) -> bool:
    """Return whether a recipe says of itself that it was simulated."""
    return plan.recipe.about.evidence.startswith("simulated")


def shape(plan: Plan) -> tuple[object, ...]:
    """Return what decides which processes there are and how they speak to each other."""
    model = plan.recipe.model
    engines = [engine_of(model, worker) for worker in plan.workers.values()]
    return (
        model.backend.type,
        model.backend.version,
        model.disaggregation,
        model.routing_policy,
        model.frontend.replicas > 1,
        model.endpoint_picker.enabled,
        any((engine.data_parallel or 1) > 1 for engine in engines),
    )
