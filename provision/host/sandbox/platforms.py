"""Find the sandbox of this machine for the platform of a host: a release of Debian, of this machine's architecture."""

import os
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
RELEASES = tuple(suite for suite in SUITES if "-" not in suite)


def suite_of(facts: Facts) -> str:
    """Return the suite of a sandbox with the platform of a host; empty if this machine can boot none."""
    release = _release_of(facts)
    return _suite(release, _architecture_of(facts)) if release else ""


def obstacle(facts: Facts) -> str:
    """Return why this machine cannot boot a sandbox with the platform of a host, by any account; empty if it can."""
    if not _release_of(facts):
        return f"a sandbox is a Debian ({', '.join(RELEASES)}), and the host is {facts.os_name}"
    if not suite_of(facts):
        return f"no sandbox of Debian {_architecture_of(facts)} can be booted without emulation here, on {_own()}"
    return ""


def suite_of_platform(flag: str, text: str) -> str:
    """Return the suite of a platform such as ``bookworm/amd64``, which this machine can boot. Raises UsageError."""
    release, slash, architecture = text.partition("/")
    if not slash or "/" in architecture:
        raise UsageError(f"{flag} {quoted(text)}: expected SUITE/ARCHITECTURE, such as bookworm/amd64")
    if release not in RELEASES:
        raise UsageError(
            f"{flag} {quoted(text)}: no sandbox of {quoted(release)} can be booted; there are {', '.join(RELEASES)} of "
            "Debian; for another system, build on a host"
        )
    if architecture not in ARCHITECTURES.values():
        raise UsageError(
            f"{flag} {quoted(text)}: there is no architecture {quoted(architecture)}; Debian has "
            f"{', '.join(ARCHITECTURES.values())}"
        )
    if suite := _suite(release, architecture):
        return suite
    raise UsageError(
        f"{flag} {quoted(text)}: this machine is {_own()}, and can boot no sandbox of it without emulation; "
        f"build on a host, or on a machine, that is {architecture}"
    )


def _suite(release: str, architecture: str) -> str:
    """Return the name of a suite in the sandboxes of this machine; empty if there is none."""
    if architecture == _own():
        return release
    suite = f"{release}-{architecture}"
    # A processor of amd64 also runs programs of the other architectures in SUITES (i386).
    return suite if suite in SUITES and _own() == "amd64" else ""


def _release_of(facts: Facts) -> str:
    """Return the Debian release of a host; empty for another system, and for a release without sandboxes."""
    if facts.os != "debian":
        return ""
    if facts.os_codename in RELEASES:
        return facts.os_codename
    # Testing has no version, and a code name that RELEASES may not know yet. Sid has the same code name: nothing on a
    # host tells them apart. Where their C libraries differ, so do their platforms: a build from the other is refused.
    return "" if facts.os_version else "testing"


def _architecture_of(facts: Facts) -> str:
    return ARCHITECTURES.get(facts.processor, facts.processor)


def _own() -> str:
    machine = os.uname().machine
    return ARCHITECTURES.get(machine, machine)
