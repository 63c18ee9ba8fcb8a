"""`recipegen preflight`: whether a recipe fits a cluster before anything is installed there.

`survey` asks, `wants` says what rendered objects need, `access`, `room` and `stores` hold one against the
other, `verdict` tries the changes that they propose, `report` prints.
"""

from collections.abc import Sequence

from recipegen.cluster.client import Connection, connect
from recipegen.cluster.preflight.dryrun import DryRun, dry_run
from recipegen.cluster.preflight.items import Change, Item
from recipegen.cluster.preflight.survey import LOGIN, Survey
from recipegen.cluster.preflight.verdict import Outcome, Preflight, judge
from recipegen.cluster.preflight.wants import wants
from recipegen.cluster.wire import NoAnswerError, UnknownCallerError
from recipegen.errors import ClusterError, Problem
from recipegen.resolve import Plan

__all__ = [
    "Change", "DryRun", "Item", "Outcome", "Preflight", "dry_runs", "examine", "refused",
]  # fmt: skip


def examine(
    plan: Plan, others: Sequence[Plan] = (), context: str | None = None, connection: Connection | None = None
) -> Preflight:
    """Return whether a plan, and each other form of its recipe, fits a cluster as it is now.

    Args:
        plan: the complete recipe.
        others: the other forms of the recipe.
        context: context of the kubeconfig; default: the current one.
        connection: a way into a cluster, in place of the kubeconfig's.

    Raises:
        ToolError: when the package `kubernetes`, the kubeconfig or Helm is missing.
        ClusterError: when the cluster cannot be reached, or does not know who asks.
    """
    way = connection or connect(context)
    try:
        return judge(plan, others, Survey(way))
    except NoAnswerError as error:
        raise refused(error) from error


def dry_runs(
    plans: Sequence[Plan], context: str | None = None, connection: Connection | None = None
) -> list[DryRun]:
    """Return what the API server of a cluster says to the objects of each plan; it stores none of them.

    Args:
        plans: complete recipes.
        context: context of the kubeconfig; default: the current one.
        connection: a way into a cluster, in place of the kubeconfig's.

    Raises:
        ToolError: when the package `kubernetes`, the kubeconfig or Helm is missing.
        ClusterError: when the cluster cannot be reached, or does not know who asks.
    """
    survey = Survey(connection or connect(context))
    try:
        return [dry_run(wants(plan), survey) for plan in plans]
    except NoAnswerError as error:
        raise refused(error) from error


def refused(error: NoAnswerError) -> ClusterError:
    """Return the error of a cluster that cannot be reached, or does not know who asks, with what to do."""
    unknown = isinstance(error, UnknownCallerError)
    hint = LOGIN if unknown else "see that `kubectl get nodes` works with the same context: VPN, proxy, login"
    return ClusterError(Problem("cluster", (), str(error), hint))
