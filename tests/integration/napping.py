"""The program on a control machine that falls asleep, and on a host that soon gives such a machine up.

``python -m tests.integration.napping SILENCE WHAT TASK…`` runs ``inv TASK…``, stops itself (SIGSTOP) before the first
change whose name begins with WHAT, and is given up after SILENCE seconds.
"""

import os
import signal
import sys

from invoke.main import program
from pytest import MonkeyPatch

from provision.host import Host

if __name__ == "__main__":
    silence, asleep_before, *task = sys.argv[1:]
    naps = [signal.SIGSTOP]
    awake = Host.run

    def run(self: Host, what: str, script: str, *, root: bool = True) -> str:
        if what.startswith(asleep_before) and naps:
            os.kill(os.getpid(), naps.pop())
        return awake(self, what, script, root=root)

    patch = MonkeyPatch()
    patch.setattr("provision.host.SILENCE_SECONDS", int(silence))
    patch.setattr(Host, "run", run)
    program.run(["inv", *task])
