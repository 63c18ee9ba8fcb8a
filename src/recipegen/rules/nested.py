"""The JSON that some options of vLLM take: its keys, and what the transfer of KV cache needs there."""

from collections.abc import Iterator
from typing import Any

from recipegen.errors import Problem, nearest, show
from recipegen.facts import flags
from recipegen.rules.settings import Setting, Told

OPTIONS = (
    "--attention-config", "--compilation-config", "--ec-transfer-config", "--eplb-config",
    "--kv-events-config", "--kv-transfer-config", "--speculative-config", "--structured-outputs-config",
)  # fmt: skip
ROLES = ("kv_producer", "kv_consumer", "kv_both")


def check(each: Told) -> Iterator[Problem]:
    """Yield keys that vLLM refuses, and a KV connector without a role that suits the worker."""
    if each.program.table.program != "vllm":
        return
    for option in OPTIONS:
        found = each.get(option)
        if found is not None:
            yield from _keys(each, option, found)
    transfer = each.get("--kv-transfer-config")
    if transfer is not None and each.role == "worker":
        yield from _transfer(each, transfer)


def data_of(found: Setting) -> dict[str, Any]:
    """Return what JSON says by key; nothing where it is no block of keys."""
    return found.value if isinstance(found.value, dict) else {}


def _keys(each: Told, option: str, found: Setting) -> Iterator[Problem]:
    """Yield keys of JSON that vLLM does not have, each of which ends the worker when it starts."""
    known = flags.json_keys(option, each.program.table.minor)
    for key in data_of(found):
        # Of this one vLLM itself makes underscores (vllm/engine/arg_utils.py).
        name = key.replace("-", "_") if option == "--speculative-config" else key
        if known and name not in known:
            message = f"{each.program.name} has no key {show(key)} in {option}"
            hint = nearest(name, known) or f"the keys are {', '.join(known)}"
            yield Problem("unknown-json-key", found.path, message, hint, warning=bool(each.program.unsure))


def _transfer(each: Told, found: Setting) -> Iterator[Problem]:
    """Yield a role of the KV connector that vLLM refuses, or that leaves half of the work undone."""
    said = data_of(found)
    role = said.get("kv_role")
    if "kv_connector" in said and role is None:
        message = f"{each.program.name} needs kv_role beside kv_connector, got {show(said)}"
        yield Problem("kv-transfer", found.path, message, f"add one of {', '.join(ROLES)}")
    elif role is not None and role not in ROLES:
        message = f"{each.program.name} has no kv_role {show(role)}"
        yield Problem("kv-transfer", found.path, message, nearest(str(role), ROLES))
    elif role in ROLES[:2]:
        message = (
            f"a worker that does prefill and decode both makes and uses KV cache, got kv_role {show(role)}"
        )
        hint = "write kv_both, or set model.disaggregation to true"
        yield Problem("kv-transfer", found.path, message, hint, warning=True)
