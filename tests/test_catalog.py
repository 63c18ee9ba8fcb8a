"""The catalog as a whole: what every recipe in it has."""

import pytest

from recipegen import catalog, facts
from recipegen.load import load, variants
from recipegen.validate import validate

FORMS = [(name, form) for name in catalog.recipes() for form in (None, *variants(load(name).document))]


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_the_model_of_every_recipe_has_facts(name: str, form: str | None) -> None:
    model = validate(load(name, form)).recipe.model

    assert facts.model(model.name) is not None, (
        f"add {model.name} to tools/models/list.yaml, then: make models"
    )
