"""One sample of each kind of step, the answers of a host on which it is done, and how to ask a step's question."""
# ruff: noqa: ARG002 -- a fake has the signature of what it stands for

import os
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from provision.build.compile import Compiling
from provision.build.integrity import NAMES, PROGRAMS, RECEIPT
from provision.deploy.converge import survey
from provision.deploy.steps import StepDefaults
from provision.deploy.steps.account import ServiceUser
from provision.deploy.steps.active import Active
from provision.deploy.steps.build import Built
from provision.deploy.steps.confirmed import Confirmed
from provision.deploy.steps.daemon_unaltered import Unaltered
from provision.deploy.steps.existing_service import ExistingKept
from provision.deploy.steps.file import File
from provision.deploy.steps.packages import Packages
from provision.deploy.steps.process_as_unit import AsUnitSays
from provision.deploy.steps.rehearsed import Rehearsed
from provision.deploy.steps.restored import Restored
from provision.deploy.steps.source import Fetched
from provision.deploy.steps.staged import Staged
from provision.deploy.switch import Switch
from provision.host.host import Host
from provision.host.packages import MANAGERS
from provision.host.transport.local import LocalTransport
from provision.site.settings import NO_KEYS
from provision.takeover.wanted import Wanted
from tests.helpers.samples import GENERATION, RECIPE

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to root")
HOST = Host(LocalTransport())


def never(_: object) -> Any:
    raise AssertionError("nobody may ask for a tarball, or keep an artifact")


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


FILE = File("/opt/chrony/switch", "#!/bin/sh\n", mode="0755", id="switch-script")
BUILT = Built(RECIPE, Compiling(never, never, jobs=2, uid=0))
PACKAGES = Packages(MANAGERS["apt-get"], ("gcc", "make"), RECIPE.prefix)
STAGED = Staged(GENERATION)
REHEARSED = Rehearsed(GENERATION, ("127.0.0.1",))
SWITCH = Switch(
    generation=GENERATION.id,
    unit_sha256=GENERATION.unit_sha256,
    build=RECIPE.prefix,
    running=GENERATION.running,
    who="alice@laptop",
    task="deploy",
    wanted_by="the site wants",
    confirm_timeout=90,
    is_answered=lambda: False,
    prove=list,
)
EXISTING = ExistingKept(Wanted.of(GENERATION.conf, GENERATION.unit, NO_KEYS), replace=False)
ACTIVE = Active(SWITCH)
AS_UNIT_SAYS = AsUnitSays(SWITCH)
UNALTERED = Unaltered(SWITCH)
CONFIRMED = Confirmed(SWITCH, keep=3)
RESTORED = Restored("alice@laptop")
USER = ServiceUser("_chrony")
AT_HAND = Fetched(RECIPE, lambda _: True, never)
NOT_AT_HAND = Fetched(RECIPE, lambda release: release.name == "chrony", never)


RUNS = f"""\
current=generations/{GENERATION.id}
unit file={digest(GENERATION.unit)}
socket unit=none
socket=none
MainPID=4413
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no
running generation={GENERATION.id}
executable={RECIPE.prefix}/sbin/chronyd"""
BARE = """\
current=
unit file=missing
socket unit=none
socket=none
MainPID=0
ActiveState=inactive
UnitFileState=
NeedDaemonReload=no"""
OTHER = replace(RECIPE, nts=False)
NOT_FOUND = "chrony.service|not-found|inactive||\nntpsec.service|not-found|inactive||"
TIMESYNCD = "systemd-timesyncd.service|loaded|active|enabled|/lib/systemd/system/systemd-timesyncd.service"
SUMS = f"{digest('chronyd')}  sbin/chronyd\n{digest('chronyc')}  bin/chronyc"


def listed(kind: str, mode: str, owner: str, path: str, content: str | None = None) -> str:
    """Return what ``print_tree.sh`` prints of a file, whose content is given, or of a folder."""
    line = f"{kind}|{mode}|{owner}|{path}"
    return line if content is None else f"{line}\n{digest(content)}  {path}"


def build_tree(receipt: str = RECIPE.receipt) -> str:
    """Return what ``print_tree.sh`` prints of a build whose files hold their own names."""
    prefix = RECIPE.prefix
    around = ("", "/sbin", "/bin", "/share", "/share/man", *(f"/share/man/man{number}" for number in (1, 5, 8)))
    folders = [listed("directory", "0755", "root:root", f"{prefix}{name}") for name in around]
    contents = {RECEIPT: f"{receipt}\n", "sbin/chronyd": "chronyd", "bin/chronyc": "chronyc"}
    files = [
        listed(
            "regular file",
            "0755" if name in PROGRAMS else "0644",
            "root:root",
            f"{prefix}/{name}",
            contents.get(name, name),
        )
        for name in sorted(NAMES)
    ]
    return "\n".join([listed("directory", "0755", "root:root", prefix.rpartition("/")[0]), *folders, *files])


def generation_tree() -> str:
    """Return what ``print_tree.sh`` prints of the sample generation."""
    path = GENERATION.path
    build = f"../../builds/{RECIPE.name}"
    return "\n".join(
        (
            listed("directory", "0755", "root:root", path.rpartition("/")[0]),
            listed("directory", "0755", "root:root", path),
            f"symbolic link|0777|root:root|{path}/build\n-> {build}  {path}/build",
            listed("regular file", "0644", "root:root", f"{path}/chrony.conf", GENERATION.conf),
            listed("regular file", "0640", "root:_chrony", f"{path}/chrony.keys", GENERATION.keys.text),
            listed("regular file", "0644", "root:root", f"{path}/chronyd.service", GENERATION.unit),
            listed("regular empty file", "0644", "root:root", f"{path}/rehearsed", ""),
        )
    )


def ask(script: str) -> str:
    """Ask a look as the survey does."""
    return survey(HOST, [LocalAnswers(script)])[0]


@dataclass(frozen=True)
class LocalAnswers(StepDefaults):
    """A look alone."""

    script: str
    title: str = "asked"
    id: str = "asked"

    def look(self) -> str:
        return self.script

    def drift(self, seen: str) -> str | None:
        return None

    def apply(self, host: Host) -> None:
        raise AssertionError("only asked")


def tree(folder: Path) -> dict[str, str]:
    """Return what lies in a folder: the content of each file, the target of each link."""
    return {
        str(path.relative_to(folder)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
