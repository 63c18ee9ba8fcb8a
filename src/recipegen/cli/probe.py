"""`recipegen probe`: one OpenAI request that shows whether a recipe's endpoint serves its model."""

import argparse
import json
import os
import re
import shlex

from recipegen.cli import inputs
from recipegen.cli.printing import out
from recipegen.cluster import probing
from recipegen.cluster.probing import Probe
from recipegen.errors import Problem, UsageError, show
from recipegen.resolve import Plan

# As HTTP has them; a line break would begin a header of its own.
HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
# What each request says of itself and its body.
OURS = ("host", "content-length", "content-type", "transfer-encoding", "accept")


def run(args: argparse.Namespace) -> int:
    """Print what the request showed; a wrong answer is a problem of the cluster, with exit code 5."""
    plan = inputs.plan(args)
    given = [*inputs.options(args), *(["--context", args.context] if args.context else [])]
    found = probing.probe(
        plan,
        url=args.url,
        context=args.context,
        streamed=args.stream,
        prompt=probing.PROMPT if args.prompt is None else args.prompt,
        max_tokens=args.max_tokens,
        headers=headers(args.header, args.token_env),
        seconds=args.timeout,
        again=shlex.join(["recipegen", "doctor", *given]),
    )
    out(json.dumps(found.as_dict(), indent=2) if args.format == "json" else _text(plan, found))
    return 0


def headers(given: list[str], variable: str | None) -> dict[str, str]:
    """Return the headers that options ask for; a value is never shown, for it may be a secret.

    Raises:
        UsageError: when one is no header, is there twice, or the variable of the token is empty.
    """
    found: dict[str, str] = {}
    for line in given:
        match = HEADER.fullmatch(line)
        if not match:
            hint = "such as 'x-team: ml', of plain letters on one line"
            raise UsageError(Problem("usage", (), "--header takes NAME: VALUE", hint))
        name, value = match.groups()
        if name.lower() in (*map(str.lower, found), *OURS):
            raise UsageError(f"--header {show(name)} is there twice, or is recipegen's own")
        found[name] = value
    if variable is not None:
        if "authorization" in map(str.lower, found):
            raise UsageError("--token-env and --header both give Authorization")
        token = os.environ.get(variable, "")
        if not HEADER.fullmatch(f"Authorization: {token}"):
            why = "holds more than plain letters on one line" if token.strip() else "is not set, or empty"
            hint = f"read -rs {variable} && export {variable}"
            raise UsageError(Problem("usage", (), f"the variable {show(variable)} {why}", hint))
        found["Authorization"] = f"Bearer {token}"
    return found


def _text(plan: Plan, found: Probe) -> str:
    lines = [f"{plan.name}, variant {plan.variant}: {found.model} at {found.where}", ""]
    lines += [f"  ok  {check.name:<7} {check.detail}" for check in found.checks]
    first = f"first token after {found.first_token:.2f} s, " if found.first_token is not None else ""
    lines += ["", f"this one request: {first}whole answer after {found.seconds:.2f} s"]
    lines += [f"not shown by it: {words}" for words in found.unproven]
    return "\n".join(lines)
