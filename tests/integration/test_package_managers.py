"""zypper and pacman for real, on a Debian that has both and says it is openSUSE or Arch: named, installed once, proven.

The packages of their repositories are empty, and are called as SUSE and Arch call them; the compiler is Debian's.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from shlex import join

import pytest

from provision.build.requirements import needed
from provision.host.packages import MANAGERS
from provision.host.packages.manager import Manager
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import install
from tests.helpers.operators import Operator, Ran
from tests.helpers.package_repositories import (
    PACMAN_FOLDER,
    PACMAN_OWNED,
    RPM_FOLDER,
    RPM_OWNED,
    offer_pacman,
    offer_rpms,
)
from tests.helpers.samples import RECIPE

pytestmark = pytest.mark.integration

DEBIANS = ("gcc", "make", "libc6-dev", "pkg-config", "libcap-dev", "libseccomp-dev", "libedit-dev", "libgnutls28-dev")
PACKAGES = ("nettle-dev", "zypper", "rpm", "createrepo-c", "pacman-package-manager", "makepkg", "libarchive-tools")
SITE = '[release]\nnettle = "system"\n'
"""Nettle is compiled elsewhere; without it, a build takes half of the time."""
REPOSITORIES = f"""
mkdir -p {RPM_FOLDER} /root/away
zypper -n addrepo --no-gpgcheck --refresh file://{RPM_FOLDER} local-packages
printf '[options]\\nArchitecture = auto\\nSigLevel = Never\\n[local-packages]\\nServer = file://{PACMAN_FOLDER}\\n' \\
    >/etc/pacman.conf
# zypper has the database of a whole system; that of Debian's rpm is in a home.
mkdir -p /etc/rpm
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros.local
mv /usr/bin/apt-get /usr/bin/zypper /usr/bin/pacman /root/away/
"""
SUSE = 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\nPRETTY_NAME="openSUSE Leap 15.6"\n'
ARCH = 'ID=arch\nPRETTY_NAME="Arch Linux"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """A host with one package manager, and who works on it."""

    sandbox: Sandbox
    operator: Operator
    manager: Manager
    names: tuple[str, ...]
    """What a build needs there."""
    offer: Callable[[Sandbox, Iterable[str]], None]
    listing: str
    """The command that lists what is installed."""
    owned: str
    """The folder with a file of each package."""

    @property
    def installed(self) -> set[str]:
        return set(login(self.sandbox, self.listing).split())

    def deploy(self) -> Ran:
        return self.operator.run("deploy", f"--host=sandbox:{self.sandbox.name}", self.operator.site(SITE))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with booted("it-managers") as one:
        install(one, "--no-install-recommends", *DEBIANS, *PACKAGES)
        login(one, REPOSITORIES)
        yield one


@pytest.fixture(scope="module", params=["zypper", "pacman"])
def managed(
    request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Managed]:
    os_release, offer, listing, owned = {
        "zypper": (SUSE, offer_rpms, "rpm -qa --qf '%{NAME}\\n'", RPM_OWNED),
        "pacman": (ARCH, offer_pacman, "/usr/bin/pacman -Qq || true", PACMAN_OWNED),
    }[request.param]
    program = f"/usr/bin/{request.param}"
    login(sandbox, f"mv /root/away/{request.param} {program}")
    path = sandbox.root / "etc/os-release"
    path.unlink()
    path.write_text(os_release)
    manager = MANAGERS[request.param]
    try:
        yield Managed(
            sandbox=sandbox,
            operator=Operator(tmp_path_factory.mktemp(request.param)),
            manager=manager,
            names=needed(manager, replace(RECIPE, nettle=None)),
            offer=offer,
            listing=listing,
            owned=owned,
        )
    finally:
        login(sandbox, f"mv {program} /root/away/")


def test_a_package_that_no_repository_has_is_named(managed: Managed) -> None:
    # The manager's own lists are as old as the host: it has to fetch them to find the others.
    managed.offer(managed.sandbox, set(managed.names) - {managed.manager.readline})
    ran = managed.deploy()
    assert ran.status == 1
    assert f"no repository that is enabled has {managed.manager.readline}: " in ran.error
    assert managed.installed == set(), "all or nothing"


def test_what_is_missing_is_installed_and_the_daemon_works(managed: Managed) -> None:
    managed.offer(managed.sandbox, [managed.manager.readline])
    first = managed.deploy()
    first.assert_proven()
    assert first.changed["build-packages"] == f"missing: {' '.join(managed.names)}"
    assert managed.installed == set(managed.names)


def test_a_second_run_changes_nothing(managed: Managed) -> None:
    again = managed.deploy()
    again.assert_proven()
    assert (again.changed, again.report["round_trips"]) == ({}, 3)


def test_a_file_is_of_its_package(managed: Managed) -> None:
    package = managed.manager.libcap
    ask = join(("sh", "-c", managed.manager.owner, "owner", f"{managed.owned}/{package}"))
    assert login(managed.sandbox, ask).split()[0] == package
