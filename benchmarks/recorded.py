"""``inv``, with each line that SSH sends to a host, and its answer, in the file that RECORD names.

``python -m benchmarks.recorded`` takes the arguments of ``inv``. A line that fails, and a file that is sent or fetched,
end the run, because a run with nothing to do has none of them.
"""

import json
import os
from pathlib import Path
from unittest.mock import patch

from invoke.main import program

from provision.host.transport import LOOK, Limit, Output, RunningLine, Watch, ssh
from provision.host.transport.output_mark import with_mark

RECORD = "CHRONY_BENCH_RECORD"
"""The environment variable."""


class RecordedTransport(ssh.SshTransport):
    """Writes down what is sent and what comes back."""

    def execute(
        self, line: str, *, password: str | None = None, watch: Watch | None = None, limit: Limit = LOOK
    ) -> Output:
        """Run a line in the login shell, and write it down."""
        output = super().execute(line, password=password, watch=watch, limit=limit)
        if output.status != 0 or output.stderr:
            raise NotImplementedError(f"status {output.status}, {output.stderr!r}: only what succeeds is recorded")
        with Path(os.environ[RECORD]).open("a") as file:
            file.write(f"{json.dumps([with_mark(line), output.stdout])}\n")
        return output

    def hold(self, line: str) -> RunningLine:
        """Refuse: a host with nothing to do is not locked."""
        raise NotImplementedError(line)

    def upload(self, data: bytes, path: str) -> None:
        """Refuse: such a host receives no file."""
        raise NotImplementedError(f"{path}: {len(data)} bytes")


if __name__ == "__main__":
    with patch.object(ssh, "SshTransport", RecordedTransport):
        program.run()
