"""Options that recipegen gives each role, and those that stay arguments."""

import json
from collections.abc import Iterable

from recipegen.errors import show
from recipegen.importers import commands
from recipegen.importers.nodes import Node
from recipegen.importers.recipe.builder import Builder, Data, pairs_of, survives
from recipegen.importers.recipe.env import in_lost_mount
from recipegen.importers.view.graph import Key
from recipegen.importers.view.values import compact, same_text

# Of a connector, what differs between the two roles, or names one process.
OF_ONE_SIDE = ("kv_role", "engine_id", "kv_rank", "kv_parallel_size", "kv_ip", "kv_port")


def take_paths(make: Builder, role: str, options: dict[str, Node]) -> None:
    """Claim options whose files lie on a volume that a recipe does not mount."""
    mounts = make.view.under(role, "main", "mount")
    for option, node in [*options.items()]:
        if any(in_lost_mount(make, word, mounts) for words in node.value for word in words):
            got = show(" ".join(node.value[-1]))
            message = f"{option}: its file is on a volume that is not carried over, got {got}"
            make.claim("lost-file", node, message, (role, "main", "option", option))
            del options[option]


def take_role(make: Builder, role: str, options: dict[str, Node]) -> None:
    """Take the options that recipegen gives each role; claim where they differ from its own."""
    table = make.table
    own = pairs_of(table["roles"][role])
    if make.kv and role in table["kvEventRoles"]:
        own |= pairs_of(table["kvEvents"])
    for option, words in own.items():
        node = options.pop(option, None)
        if node is None or option == table["disaggregation"]:
            continue
        given = node.value[-1]
        if len(given) == len(words) and all(map(same_text, given, words)):
            continue
        key = (role, "main", "option", option)
        if option in table["kvEvents"]:
            message = f"recipegen's own settings for {role} take its place, got {show(' '.join(given))}"
            make.claim("kv-events", node, message, key)
        elif option == "--kv-transfer-config":
            _transfer(make, node, given, words, key)
        elif option == "--disaggregation-transfer-backend":
            message = f"a recipe moves the KV cache by {words[0]}, got {show(' '.join(given))}"
            make.claim("transfer", node, message, key)
        else:
            message = f"recipegen says {show(' '.join(words))} on both sides, got {show(' '.join(given))}"
            make.claim("own-arguments", node, message, key)


def _transfer(make: Builder, node: Node, given: list[str], words: list[str], key: Key) -> None:
    """Claim how another KV connector, or other settings of it, differ from recipegen's own."""
    said, own = commands.json_of(" ".join(given)), json.loads(words[0])
    shown = show(" ".join(given))
    extra = sorted(set(said) - {"kv_connector", *OF_ONE_SIDE}) if isinstance(said, dict) else []
    if not isinstance(said, dict) or said.get("kv_connector") != own["kv_connector"]:
        make.claim(
            "transfer", node, f"a recipe moves the KV cache by {own['kv_connector']}, got {shown}", key
        )
    elif extra:
        message = f"a recipe has no place for {', '.join(extra)}, got {shown}"
        make.claim("transfer-settings", node, message, key)
    else:
        make.claim("kv-role", node, f"recipegen names the side of each role, got {shown}", key)


def as_args(make: Builder, role: str, option: str, node: Node) -> list[str]:
    """Return an option as words of `args`, in a form that survives helmfile and, over nodes, a shell."""
    words: list[str] = []
    several = make.view.values[role, "nodes"].value > 1
    for given in node.value:
        spelt = [survives(word, compactly=several) for word in given]
        nested = commands.json_of(given[0]) if len(given) == 1 else None
        conflict = several and any(" " in word for word in spelt)
        if conflict and make.view.backend == "vllm" and isinstance(nested, dict) and nested:
            message = f"{option} is written key by key: its braces side by side do not pass helmfile"
            make.claim("json", node, message, (role, "main", "option"))
            for key, value in _flat(nested):
                words += [f"{option}.{key}", value]
            continue
        words += [option, *spelt]
    return [word for word in words if word]


def _flat(data: Data, prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else compact(value)
