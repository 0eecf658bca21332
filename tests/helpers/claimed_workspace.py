"""Claim a workspace on this machine, in a folder of the test."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from provision.host import scripts
from provision.host.host import Host
from provision.host.transport import RunningLine
from provision.host.transport.local import LocalTransport
from provision.host.workspace import take


def guard(root: Path, *, who: str = "alice@laptop", lock_timeout: int = 0, silence: int = 60) -> RunningLine:
    """Start the script that keeps a workspace."""
    arguments = (str(root), who, str(os.getuid()), str(lock_timeout), str(silence), str(root / "run"))
    return LocalTransport().hold(f"sh -c {quote(scripts.load('workspace', *arguments))}")


@contextmanager
def claimed(root: Path, say: Callable[[str], None] = print) -> Iterator[Host]:
    """Give this machine as a host that was claimed."""
    host = Host(LocalTransport())
    host.workspace = take(host.name, guard(root), say)
    try:
        yield host
    finally:
        host.leave()
