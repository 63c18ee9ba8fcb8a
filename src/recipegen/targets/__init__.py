"""What a plan can be written as. Each target is a function from plan and bundle to text."""

from recipegen.targets import appset, helmfile, values

TARGETS = {"helmfile": helmfile.emit, "values": values.emit, "appset": appset.emit}
