"""Say for which platforms this machine can boot a sandbox: releases of Debian, of its own architecture."""

import os
import sys
from collections.abc import Mapping

from provision.common.errors import UsageError
from provision.common.text import quoted
from provision.host.facts import Facts
from provision.host.sandbox.sandbox import SUITES

ARCHITECTURES: Mapping[str, str] = {
    "x86_64": "amd64",
    "i686": "i386",
    "aarch64": "arm64",
    "armv7l": "armhf",
    "ppc64le": "ppc64el",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
"""Processor as in ``uname -m`` → Debian's name of the architecture."""
WORD_BITS = sys.maxsize.bit_length() + 1
"""The size of a ``long`` of this machine's programs, and of a sandbox's."""


def suite_of(facts: Facts) -> str:
    """Return the Debian suite of a host; empty if no sandbox of it can be booted."""
    if facts.os != "debian":
        return ""
    if facts.os_codename in SUITES:
        return facts.os_codename
    # Debian testing and sid have no version, and the code name of the next release; the C library tells them apart.
    return "" if facts.os_version else "sid"


def obstacle(facts: Facts) -> str:
    """Return why no machine such as this one can boot a sandbox of a host's platform; empty if it can."""
    if not suite_of(facts):
        return f"a sandbox is a Debian ({', '.join(SUITES)}), and the host is {facts.os_name}"
    here = os.uname().machine
    if facts.machine != here:
        return f"a sandbox has the processor of this machine ({here}), and the host has {facts.machine}"
    if facts.word_bits not in (None, WORD_BITS):
        return f"a sandbox is a system of {WORD_BITS} bits here, and the host is one of {facts.word_bits}"
    return ""


def suite_of_platform(flag: str, text: str) -> str:
    """Return the suite of a platform such as ``bookworm/amd64``, which this machine can boot. Raises UsageError."""
    suite, slash, architecture = text.partition("/")
    if not slash or "/" in architecture:
        raise UsageError(f"{flag} {quoted(text)}: expected SUITE/ARCHITECTURE, such as bookworm/amd64")
    if suite not in SUITES:
        raise UsageError(
            f"{flag} {quoted(text)}: no sandbox of {quoted(suite)} can be booted; there are {', '.join(SUITES)} of "
            "Debian; for another system, build on a host"
        )
    if architecture not in ARCHITECTURES.values():
        raise UsageError(
            f"{flag} {quoted(text)}: there is no architecture {quoted(architecture)}; Debian has "
            f"{', '.join(ARCHITECTURES.values())}"
        )
    here = _own_architecture()
    if architecture != here:
        raise UsageError(
            f"{flag} {quoted(text)}: a sandbox has the architecture of this machine, {here}; "
            f"build for {architecture} on a host, or on a machine, of that architecture"
        )
    return suite


def _own_architecture() -> str:
    machine = os.uname().machine
    return ARCHITECTURES.get(machine, machine)
