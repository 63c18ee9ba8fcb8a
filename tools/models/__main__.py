"""Write the facts of models anew: `python -m tools.models`, or `make models`.

With ids of models only theirs are written.
"""

import argparse
import sys

import yaml

from tools.models.take import FACTS, HERE, facts, path, text
from tools.models.wheels import Wheel


def main() -> int:
    """Write the facts of the models named, or of all in the list, and remove those of no listed model."""
    parser = argparse.ArgumentParser(prog="python -m tools.models", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="a model of the list; default: all")
    ids = parser.parse_args().ids
    listed = yaml.safe_load((HERE / "list.yaml").read_text())
    known = {model["id"]: model for model in listed["models"]}
    strangers = sorted({*ids} - known.keys())
    if strangers:
        parser.error(f"tools/models/list.yaml has no {', '.join(strangers)}")
    wheels = {name: Wheel(name, package) for name, package in listed["packages"].items()}
    FACTS.mkdir(exist_ok=True)
    for name in ids or known:
        path(name).write_text(text(facts(known[name], wheels, listed["terms"])))
    for stray in {*FACTS.glob("*.yaml")} - {*map(path, known)}:
        stray.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
