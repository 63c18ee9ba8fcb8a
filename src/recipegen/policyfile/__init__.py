"""Policy files: what a team or a platform asks of every recipe, beyond what would work.

`recipegen.policy` is another thing: it looks at rendered objects, and asks the same of everybody.
"""

from recipegen.policyfile.checks import hold
from recipegen.policyfile.reading import Policy, parsed, read, schema

__all__ = ["Policy", "hold", "parsed", "read", "schema"]
