"""Read the keys that a host serves with."""

from collections.abc import Callable

from provision.host.host import Host
from provision.host.paths import KEY_FILE
from provision.keys import Keys, parse_keys

KeysOnHost = Callable[[Host], Keys | None]
"""Reads the keys that a host serves with."""


def keys_on_host(host: Host) -> Keys | None:
    """Return the keys of the current generation; None if there is none. ask() does not log them."""
    there = host.ask(f"if [ -e {KEY_FILE} ]; then cat {KEY_FILE}; fi", secret=True)
    if not there:
        return None
    return parse_keys(there, f"{host.name}: {KEY_FILE}")


def asked_once() -> KeysOnHost:
    """Return a function that asks one host for its keys once, for a run or a step that changes nothing meanwhile."""
    answers: list[Keys | None] = []

    def keys_there(host: Host) -> Keys | None:
        if not answers:
            answers.append(keys_on_host(host))
        return answers[0]

    return keys_there
