"""Write the tables of options anew from the published packages: `python -m tools.flags`, or `make flags`.

With `--check` nothing is written; exit status 1 and their names say which tables are not what packages give.
"""

import argparse
import sys

from tools.flags.tables import FLAGS, tables


def main() -> int:
    """Write or check every table."""
    parser = argparse.ArgumentParser(prog="python -m tools.flags", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; say which tables differ")
    check = parser.parse_args().check
    found = dict(tables())
    there = {path.name: path.read_text() for path in FLAGS.glob("*.json")}
    differ = sorted(name for name in {*found, *there} if found.get(name) != there.get(name))
    if not check:
        FLAGS.mkdir(exist_ok=True)
        for name in differ:
            path = FLAGS / name
            path.write_text(found[name]) if name in found else path.unlink()
    for name in differ:
        print(f"{name} {'differs' if check else 'written'}", file=sys.stderr)
    return 1 if check and differ else 0


if __name__ == "__main__":
    sys.exit(main())
