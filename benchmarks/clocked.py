"""``inv``, with the time of every command on a host taken by the host itself.

The rest of the wall time is this tool's own: Python, SSH, uploads, waiting for answers. ``python -m
benchmarks.clocked`` takes the arguments of ``inv``; the nanoseconds of each command stand in CLOCK on the host.
"""

from unittest.mock import patch

from invoke.main import program

from provision.host.transport import LOOK, Limit, Output, Watch, ssh

CLOCK = "/run/chrony-bench.ns"


class ClockedTransport(ssh.SshTransport):
    """Has each line followed by a note of the time that it took."""

    def execute(
        self, line: str, *, password: str | None = None, watch: Watch | None = None, limit: Limit = LOOK
    ) -> Output:
        """Run a line in the login shell, between two looks at the clock."""
        note = f"status=$?; echo $(($(date +%s%N) - begun)) >>{CLOCK}; exit $status"
        return super().execute(f"begun=$(date +%s%N); {line}; {note}", password=password, watch=watch, limit=limit)


if __name__ == "__main__":
    with patch.object(ssh, "SshTransport", ClockedTransport):
        program.run()
