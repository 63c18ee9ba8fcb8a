"""Runs a module of the runtime, and sees to it that it does not outlive who started it.

launch.py PARENT MODULE [ARGUMENTS]
"""

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1

parent, module = int(sys.argv[1]), sys.argv[2]
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit("whoever started this is gone")
sys.argv = sys.argv[2:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
