"""The complete values of the parent chart, for `helm install NAME charts/stack -f FILE`."""

from recipegen import yamlio
from recipegen.compile import Bundle, stack_values
from recipegen.resolve import Plan


def emit(plan: Plan, bundle: Bundle) -> str:
    """Return the complete recipe with the shared identity below `global`."""
    del bundle
    return yamlio.write(stack_values(plan))
