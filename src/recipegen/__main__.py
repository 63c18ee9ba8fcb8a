"""`python -m recipegen`."""

import sys

from recipegen.cli import main

sys.exit(main())
