"""A second opinion: the names of options as they stand in the source, without running it.

It knows nothing of types and choices, and of no option whose name is computed. But a name that stands there
and that the parsers do not have, or the other way round, means that one of both was misread.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

# Where a program's options are declared, as patterns inside the packages.
PLACES = {
    "frontend": ("dynamo/frontend/frontend_args.py",),
    "sglang": (
        "dynamo/sglang/backend_args.py",
        "sglang/srt/server_args.py",
        "sglang/srt/arg_groups/fields/*.py",
    ),
    "trtllm": ("dynamo/trtllm/backend_args.py",),
    "vllm": ("dynamo/vllm/backend_args.py", "vllm/engine/arg_utils.py"),
}
# Options that end the program, which no table has.
LEAVES = {"--help", "-h", "--version"}


def literals(program: str, folders: list[Path]) -> set[str]:
    """Return every name of an option that stands in the source of a program."""
    paths = [path for folder in folders for place in PLACES[program] for path in folder.glob(place)]
    return {name for path in paths for name in names(path.read_text())} - LEAVES


def names(source: str) -> Iterator[str]:
    """Yield the names of options in a module: arguments of calls that add one, SGLang's annotated fields."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from called(node)
        elif isinstance(node, ast.AnnAssign):
            yield from annotated(node)


def called(call: ast.Call) -> Iterator[str]:
    """Yield the names in `….add_argument("--name", "-n")` and in `add_argument(…, flag_name="--name")`."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
        given: list[ast.expr] = call.args
    else:
        given = [each.value for each in call.keywords if each.arg in ("flag_name", "obsolete_flag")]
    for each in given:
        if isinstance(each, ast.Constant) and str(each.value).startswith("-"):
            yield str(each.value)


def annotated(field: ast.AnnAssign) -> Iterator[str]:
    """Yield the names of `name: A[type, "help"]` and `name: A[type, Arg(…)]`, unless marked as no option."""
    declared = field.annotation
    if not (isinstance(declared, ast.Subscript) and isinstance(declared.value, ast.Name)):
        return
    if declared.value.id != "A" or not isinstance(declared.slice, ast.Tuple):
        return
    marks = declared.slice.elts[1:]
    calls = [each for each in marks if isinstance(each, ast.Call) and ast.unparse(each.func) == "Arg"]
    given = {each.arg: each.value for call in calls for each in call.keywords}
    if "no_cli" in given or not (calls or any(is_text(each) for each in marks)):
        return
    name = given.get("cli_name")
    yield ast.literal_eval(name) if name else "--" + ast.unparse(field.target).replace("_", "-")
    if "aliases" in given:
        yield from ast.literal_eval(given["aliases"])


def is_text(node: ast.expr) -> bool:
    """Return whether an expression is a text, of one piece or put together."""
    return isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp)
