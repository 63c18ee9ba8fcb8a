"""Write anew what Transformers counts in models: `python -m tools.oracle PYTHON`.

PYTHON is the interpreter of an environment with transformers and torch (a CPU is enough, and no weights are
read). Configurations are those of tests/model_oracle/configs.yaml, and those of the facts of models.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests/model_oracle"
FACTS = ROOT / "src/recipegen/facts/models"
HEAD = """\
# Written by `python -m tools.oracle`: what Transformers counts in the models of configs.yaml and the facts.
# parameters: all of them, tied ones once; parts: the same by part; cache: how many layers keep keys and
# values of everything (full), and of a window (sliding); heads: kind, KV heads, sizes of key and value of
# what its cache has after a run on no numbers, where that can be. Models that it does not know are left out.
"""


def main() -> int:
    """Write the counts of all configurations."""
    parser = argparse.ArgumentParser(prog="python -m tools.oracle", description=__doc__)
    parser.add_argument("python", metavar="PYTHON", help="an interpreter that has transformers and torch")
    python = parser.parse_args().python
    script = Path(__file__).with_name("count.py")
    ran = subprocess.run(
        [python, str(script)], input=json.dumps(configs()), capture_output=True, text=True, check=False
    )
    if ran.returncode:
        sys.stderr.write(ran.stderr)
        return 1
    found = json.loads(ran.stdout)
    for name in [name for name, each in found["counts"].items() if "error" in each]:
        sys.stderr.write(f"{name}: {found['counts'].pop(name)['error']}\n")
    # Each model in a line.
    lines = [f"{json.dumps(name)}: {flow(each)}" for name, each in found["counts"].items()]
    text = f"{HEAD}versions: {flow(found['versions'])}\ncounts:\n" + "".join(f"  {line}\n" for line in lines)
    (FOLDER / "counts.yaml").write_text(text)
    return 0


def configs() -> dict[str, Any]:
    """Return the configurations by the name of their model."""
    written = yaml.safe_load((FOLDER / "configs.yaml").read_text())
    found = {name: row["config"] for name, row in written.items()}
    for path in sorted(FACTS.glob("*.yaml")):
        data = yaml.safe_load(path.read_text())
        found.setdefault(data["id"], data["config"])
    return found


def flow(value: Any) -> str:
    """Return a value in a line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).strip()


if __name__ == "__main__":
    sys.exit(main())
