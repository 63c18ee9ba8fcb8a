"""The same recipe is the same bytes, wherever, whenever and by whomever it is rendered."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from recipegen import catalog
from recipegen.compile import compile_plan
from recipegen.resolve import Plan
from recipegen.targets import TARGETS
from samples import objects, plan_of, recipes, releases

EVERYTHING = """
import sys
from recipegen import catalog, helm, pipeline
from recipegen.load import load, variants
from recipegen.compile import compile_plan
from recipegen.targets import TARGETS
for name in catalog.recipes():
    for variant in [None, *variants(load(name).document)]:
        plan = pipeline.plan(name, variant)
        bundle = compile_plan(plan)
        # An ApplicationSet is made of an endpoint's clusters, which no recipe of the catalog has.
        for target, emit in TARGETS.items():
            if target != "appset":
                sys.stdout.write(emit(plan, bundle))
        # Helm is slow, and its charts are the same for every variant.
        for release in bundle.releases if variant is None else ():
            if release.installed and not release.version:
                print(helm.objects(release))
"""


def rendered(cwd: Path, **environment: str) -> str:
    """Documents and values of the whole catalog, and objects of its recipes, from a process of its own."""
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING],
        env=base | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_surroundings_make_no_difference(tmp_path: Path) -> None:
    one = rendered(ROOT, PYTHONHASHSEED="1")
    two = rendered(tmp_path, PYTHONHASHSEED="2", LC_ALL="C", TZ="Asia/Kathmandu", HOME="/nowhere")

    assert len(one) > 1000 * len(catalog.recipes())
    assert one == two


def shuffled(tree: Any, chance: random.Random) -> Any:
    """The tree with the keys of every map in another order."""
    if isinstance(tree, list):
        return [shuffled(item, chance) for item in tree]
    if isinstance(tree, dict):
        return {key: shuffled(tree[key], chance) for key in chance.sample(list(tree), len(tree))}
    return tree


def document_of(plan: Plan) -> tuple[str, Any]:
    """First line and data of the helmfile document."""
    text = TARGETS["helmfile"](plan, compile_plan(plan))
    return text.splitlines()[0], yaml.safe_load(text)


@given(recipes(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_keys_makes_no_difference(data: dict[str, Any], chance: random.Random) -> None:
    one, two = plan_of(data), plan_of(shuffled(data, chance))

    # Digest and names stand in the first line. Free-form maps keep the order they were written in.
    assert document_of(one) == document_of(two)


@given(recipes(), st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_the_order_of_keys_makes_no_difference_to_helm(data: dict[str, Any], chance: random.Random) -> None:
    one, two = plan_of(data), plan_of(shuffled(data, chance))

    assert objects(*releases(one).values()) == objects(*releases(two).values())


def test_a_document_says_nothing_of_time_and_machine(tmp_path: Path) -> None:
    document = yaml.safe_load(
        subprocess.run(
            [sys.executable, "-m", "recipegen", "render", "qwen-0.6b", "--charts", "oci://registry.example.com/charts"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")},
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout
    )  # fmt: skip

    assert str(ROOT) not in str(document)
    assert str(tmp_path) not in str(document)
