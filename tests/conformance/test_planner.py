"""Dynamo's own planner looks for the scaling adapters that recipegen's autoscalers name, under that name.

Read in the source of the published package: to run, it needs packages that nothing else here does.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from recipegen.twin import runtime
from samples import MINIMAL, objects, plan_of, releases

pytestmark = pytest.mark.usefixtures("dynamo")

CLIENT = "dynamo/planner/connectors/clients/kubernetes_api.py"
NAMES = "dynamo/planner/config/backend_components.py"


@cache
def source(path: str) -> str:
    """A file of Dynamo's package as it is installed."""
    home = Path(runtime.python(runtime.DYNAMO, lambda _: None)).parent.parent
    return next(home.glob(f"lib/python3*/site-packages/{path}")).read_text()


def constants(path: str) -> dict[str, Any]:
    """Every text that a name is given to in a file, in classes too; the last one counts."""
    given = [node for node in ast.walk(ast.parse(source(path))) if isinstance(node, ast.Assign)]
    return {
        target.id: node.value.value
        for node in given
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant)
    }


def test_l25_an_autoscaler_names_the_adapter_as_dynamos_planner_does() -> None:
    scaling = {"enabled": True, "maxReplicas": 4}
    model = {**MINIMAL["model"], "disaggregation": True}
    [scaler] = objects(releases(plan_of({**MINIMAL, "model": model, "scaling": scaling}))["scaling"])
    target, planner = scaler["spec"]["scaleTargetRef"], constants(CLIENT)
    [name] = re.findall(r'adapter_name = f"(.*)"', source(CLIENT))

    assert target["apiVersion"] == f"{planner['NVIDIA_API_GROUP']}/{planner['DYNAMO_API_VERSION']}"
    assert f"{target['kind'].lower()}s" == planner["DGDSA_PLURAL"]
    assert name == "{graph_deployment_name}-{service_name.lower()}"
    assert target["name"] == "qwen-decode"


def test_roles_are_called_as_dynamos_planner_calls_them() -> None:
    names = constants(NAMES)

    assert names["prefill_worker_k8s_name"] == "prefill"
    assert names["decode_worker_k8s_name"] == "decode"
    assert names["agg_worker_k8s_name"] == "worker"
