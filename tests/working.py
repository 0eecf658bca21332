"""A workplace on this machine, in a folder of the test."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from provision import remote
from provision.host import Host
from provision.transport import Held
from provision.transport.local import LocalTransport
from provision.workplace import take


def guard(root: Path, *, who: str = "alice@laptop", patience: int = 0, silence: int = 60) -> Held:
    """Start the script that keeps a workplace."""
    arguments = (str(root), who, str(os.getuid()), str(patience), str(silence))
    return LocalTransport().hold(f"sh -c {quote(remote.load('workplace', *arguments))}")


@contextmanager
def claimed(root: Path, say: Callable[[str], None] = print) -> Iterator[Host]:
    """Give this machine as a host that was claimed."""
    host = Host(LocalTransport())
    host.workplace = take(host.name, guard(root), say)
    try:
        yield host
    finally:
        host.leave()
