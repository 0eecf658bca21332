"""The way in past an sshd at whose door too many others are."""

import random
import threading
import time

import paramiko
from fabric import Connection

AT_THE_DOOR = 8
"""sshd_config(5), MaxStartups, 10:30:100: beyond 10 that are not authenticated yet, some are turned away."""
TRIES = 7
LONGEST_PAUSE = 8.0
"""Seconds. The pauses between tries grow twofold up to this, each by chance shorter: who was turned away together does
not come back together."""
TURNED_AWAY_SECONDS = 5
"""Who is turned away is so at once; a server that keeps silent for longer has another problem."""

_doors: dict[str, threading.BoundedSemaphore] = {}
"""First host on the way → how many may be on their way in there at once."""


def knock(connection: Connection) -> None:
    """Open a connection; come back later where too many others are at the door."""
    first = connection
    while isinstance(first.gateway, Connection):
        first = first.gateway
    name = str(first.gateway or f"{first.host}:{first.port}")
    door = _doors.setdefault(name, threading.BoundedSemaphore(AT_THE_DOOR))
    for attempt in range(1, TRIES + 1):
        begun = time.monotonic()
        try:
            with door:
                connection.open()
        except (paramiko.SSHException, EOFError, ConnectionResetError) as error:
            at_once = time.monotonic() - begun < TURNED_AWAY_SECONDS
            if attempt == TRIES or not (at_once and is_turned_away(error)):
                raise
        else:
            return
        time.sleep(random.uniform(0.5, 1) * min(LONGEST_PAUSE, 0.25 * 2**attempt))  # noqa: S311 -- no secret


def is_turned_away(error: Exception) -> bool:
    """Say whether sshd closed the connection before it said who it is."""
    return isinstance(error, EOFError | ConnectionResetError) or "protocol banner" in str(error)
