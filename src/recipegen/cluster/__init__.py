"""`recipegen doctor`: what a recipe's graph is doing in a cluster, and which of its lines to change.

`collect` looks, `findings` judges by the texts in `signs` and `log_signs`, `report` prints. Those, with
`plain` and `errors`, use nothing but Python's own library, because the troubleshooting Job runs copies of
them.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

from recipegen.cluster.client import reader
from recipegen.cluster.collect import FORMAT, WORDS, Subject, collect, subject_of
from recipegen.cluster.findings import Diagnosis, Unseen, diagnose
from recipegen.cluster.plain import at, rows, table
from recipegen.cluster.scene import Finding
from recipegen.cluster.scrub import clean
from recipegen.cluster.shapes import SHAPES, kept
from recipegen.cluster.wire import NoAnswerError
from recipegen.errors import ClusterError, Problem, ToolError, UsageError, show
from recipegen.resolve import Plan

__all__ = ["Diagnosis", "Finding", "Unseen", "diagnose", "examine", "look", "save", "seen"]

MOST_BYTES = 64 * 2**20
"""Size of a bundle file that is read."""

Bundle = Mapping[str, Any]


def seen(
    plan: Plan, context: str | None = None, bundle: Bundle | str | PathLike[str] | None = None
) -> Bundle:
    """Return the bundle that is given, or is in the file, or else of what a cluster has now.

    Raises:
        UsageError: when a context is given beside a bundle; otherwise as `look` and `read` do.
    """
    if bundle is None:
        return look(plan, context)
    if context is not None:
        raise UsageError("a bundle is judged without a cluster, so a context has no effect")
    return bundle if isinstance(bundle, Mapping) else read(bundle)


def look(plan: Plan, context: str | None = None) -> Bundle:
    """Return what a cluster has of a recipe's graph, as plain data without secrets.

    Args:
        plan: the complete recipe.
        context: context of the kubeconfig; default: the current one.

    Raises:
        ToolError: when the package `kubernetes` or the kubeconfig is missing.
        ClusterError: when the cluster cannot be reached, or lets nothing be looked at.
    """
    try:
        bundle = collect(reader(context), subject(plan))
    except NoAnswerError as error:
        hint = "see that `kubectl get pods` works with the same context, or read a bundle with --bundle"
        raise ClusterError(Problem("cluster", (), str(error), hint)) from error
    missed = {entry["what"]: entry["why"] for entry in bundle["unseen"]}
    if {WORDS["graph"], WORDS["pods"]} <= missed.keys():
        why = missed[WORDS["pods"]]
        raise ClusterError(f"neither graph nor pods of namespace {plan.namespace} can be looked at: {why}")
    return bundle


def subject(plan: Plan) -> Subject:
    """Return what the recipe says of its graph in a cluster."""
    return Subject(
        namespace=plan.namespace,
        graph=plan.graph,
        dynamo_namespace=plan.dynamo_namespace,
        token_secret=plan.recipe.model.hugging_face_token_secret or "",
        version=plan.recipe.model.backend.version or "",
        platform_namespace=plan.recipe.platform.namespace,
    )


def examine(plan: Plan, bundle: Any) -> Diagnosis:
    """Return the findings for a recipe's graph in a bundle, from this or another machine.

    Raises:
        ToolError: when it is no bundle, or one of a later recipegen.
        UsageError: when it is of another graph.
    """
    version = at(bundle, "recipegenBundle")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ToolError("this is no bundle of `recipegen doctor --save`")
    if version != FORMAT:
        raise ToolError(
            f"the bundle has format {version}, and this recipegen reads {FORMAT}: use the one that wrote it"
        )
    found = subject_of(bundle)
    if (found.namespace, found.graph) != (plan.namespace, plan.graph):
        there = f"graph {show(found.graph)} in namespace {show(found.namespace)}"
        message = f"the bundle is of {there}, the recipe has {show(plan.graph)} in {show(plan.namespace)}"
        raise UsageError(
            Problem("usage", (), message, "give the recipe, variant and patches that it was saved with")
        )
    return diagnose(bundle)


def read(file: str | PathLike[str]) -> Bundle:
    """Return the bundle in a file; what it holds is for `examine` to find out.

    Raises:
        ToolError: when the file cannot be read, or is no JSON.
    """
    path = Path(file)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ToolError(f"{show(str(path))} is larger than {MOST_BYTES // 2**20} MiB, which no bundle is")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise ToolError(f"{show(str(path))}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ToolError(f"{show(str(path))} is no JSON, so no bundle") from error
    return found if isinstance(found, dict) else {}


def save(bundle: Bundle, file: str | PathLike[str]) -> None:
    """Write a bundle, readable by its owner alone, and nothing that `collect` would not have kept.

    Raises:
        ToolError: when the file is there already, or cannot be written.
    """
    path = Path(file)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(json.dumps(_only(bundle), indent=1) + "\n")
    except OSError as error:
        raise ToolError(f"{show(str(path))}: {error.strerror}") from error


def _only(bundle: Bundle) -> Bundle:
    """Return the bundle without what somebody else may have put into it."""
    objects = table(bundle, "objects")
    return {
        "recipegenBundle": FORMAT,
        "subject": clean(asdict(subject_of(bundle))),
        "objects": {
            kind: [kept(row, SHAPES[kind]) for row in rows(objects, kind)]
            for kind, found in objects.items()
            if kind in SHAPES and isinstance(found, list)
        },
        "unseen": [kept(row, {"what": True, "why": True}) for row in rows(bundle, "unseen")],
    }
