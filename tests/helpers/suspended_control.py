"""Run a task and suspend it before a change, as a laptop is that goes to sleep.

``python -m tests.helpers.suspended_control SILENCE WHAT TASK…`` runs ``inv TASK…`` and stops itself (SIGSTOP) before
the first change whose name begins with WHAT. The host gives it up after SILENCE seconds.
"""

import os
import signal
import sys

from invoke.main import program
from pytest import MonkeyPatch

from provision.host.host import Host

if __name__ == "__main__":
    silence, asleep_before, *task = sys.argv[1:]
    naps = [signal.SIGSTOP]
    awake = Host.run

    def run(self: Host, what: str, script: str, *, root: bool = True) -> str:
        if what.startswith(asleep_before) and naps:
            os.kill(os.getpid(), naps.pop())
        return awake(self, what, script, root=root)

    patch = MonkeyPatch()
    patch.setattr("provision.host.host.SILENCE_SECONDS", int(silence))
    patch.setattr(Host, "run", run)
    program.run(["inv", *task])
