"""What the tests of steps share: a step of each kind, as it is on a host, and how one is asked."""
# ruff: noqa: ARG002 -- a fake has the signature of what it stands for

import os
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from provision.converge import survey
from provision.host import Host
from provision.making import Compiling
from provision.packages import MANAGERS
from provision.steps.active import Active
from provision.steps.built import Built
from provision.steps.confirmed import Confirmed
from provision.steps.fetched import Fetched
from provision.steps.file import File
from provision.steps.packages import Packages
from provision.steps.rehearsed import Rehearsed
from provision.steps.restored import Restored
from provision.steps.staged import Staged
from provision.steps.user import ServiceUser
from provision.transport.local import LocalTransport
from tests.sample import GENERATION, RECIPE

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to root")
HOST = Host(LocalTransport())


def never(_: object) -> Any:
    raise AssertionError("nobody may ask for a tarball, or keep an artifact")


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


FILE = File("/opt/chrony/switch", "#!/bin/sh\n", mode="0755")
BUILT = Built(RECIPE, Compiling(never, never, jobs=2, uid=0))
PACKAGES = Packages(MANAGERS["apt-get"], ("gcc", "make"), RECIPE.prefix)
STAGED = Staged(GENERATION)
REHEARSED = Rehearsed(GENERATION, "127.0.0.1")
ACTIVE = Active(
    generation=GENERATION.id,
    unit_sha256=GENERATION.unit_sha256,
    build=RECIPE.prefix,
    who="alice@laptop",
    confirm_within=90,
    is_answered=lambda: False,
)
CONFIRMED = Confirmed(
    generation=GENERATION.id,
    prove=list,
    who="alice@laptop",
    keep=3,
    confirm_within=90,
    has_switched=lambda: True,
)
RESTORED = Restored("alice@laptop")
UNITS = (
    "chrony.service",
    "systemd-timesyncd.service",
    "ntp.service",
    "ntpd.service",
    "ntpsec.service",
    "openntpd.service",
)
USER = ServiceUser("_chrony")
AT_HAND = Fetched(RECIPE, lambda _: True, never)
NOT_AT_HAND = Fetched(RECIPE, lambda release: release.name == "chrony", never)


RUNS = f"""\
current=generations/{GENERATION.id}
unit file={digest(GENERATION.unit)}
MainPID=4413
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no
running generation={GENERATION.id}
executable={RECIPE.prefix}/sbin/chronyd"""
BARE = "current=\nunit file=missing\nMainPID=0\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no"
OTHER = replace(RECIPE, nts=False)
NOT_FOUND = "\n".join(f"{unit}|not-found|inactive||" for unit in UNITS)


def ask(script: str) -> str:
    """Ask a look as the survey does."""
    return survey(HOST, [Asked(script)])[0]


@dataclass(frozen=True)
class Asked:
    """A look alone."""

    script: str
    title: str = "asked"

    def look(self) -> str:
        return self.script

    def drift(self, seen: str) -> str | None:
        return None

    def diff(self, seen: str) -> str:
        return ""

    def apply(self, host: Host) -> None:
        raise AssertionError("only asked")


def tree(folder: Path) -> dict[str, str]:
    """Return what lies in a folder: the content of each file, the target of each link."""
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
