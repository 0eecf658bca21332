"""Hosts of the RPM family: dnf and rpm for real, on a Debian that says it is another system.

The packages of its repository are empty, and are called as that system calls them; the compiler is Debian's.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.host.packages import MANAGERS
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.devices import ask_as_device
from tests.helpers.host_state import install
from tests.helpers.operators import Operator, Ran
from tests.helpers.package_repositories import RPM_FOLDER, offer_rpms

pytestmark = pytest.mark.integration

DEBIANS = ("gcc", "make", "m4", "libc6-dev", "pkg-config", "libcap-dev", "libseccomp-dev", "libedit-dev", "nftables")
DNF = ("dnf", "rpm", "createrepo-c")
ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.6"\nPRETTY_NAME="Rocky Linux 9.6 (Blue Onyx)"\n'
AMAZON = 'ID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2"\nPRETTY_NAME="Amazon Linux 2"\n'
RPM_ONLY = f"""
mkdir -p /etc/yum.repos.d {RPM_FOLDER}
printf '[local]\\nname=local\\nbaseurl=file://{RPM_FOLDER}\\ngpgcheck=0\\n' >/etc/yum.repos.d/local.repo
mv /usr/bin/apt-get /usr/bin/apt-get.away
"""
WITHOUT_NTS = "[build]\nnts = false\n[keys]\nusage = true\n"
STEP = "build-packages"


@dataclass(frozen=True, slots=True)
class Place:
    """A host that has dnf and no apt, and who works on it."""

    host: Sandbox
    operator: Operator

    def run(self, task: str, site: str, *words: str) -> Ran:
        """Run a task on the host."""
        return self.operator.run(task, f"--host=sandbox:{self.host.name}", self.operator.site(site), *words)

    def be(self, os_release: str) -> None:
        """Say from now on to be this system."""
        path = self.host.root / "etc/os-release"
        path.unlink()
        path.write_text(os_release)

    def offer(self, *names: str) -> None:
        """Put packages into the repository."""
        offer_rpms(self.host, names)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with booted("it-rpm") as host:
        install(host, "--no-install-recommends", *DEBIANS, *DNF)
        login(host, RPM_ONLY)
        place = Place(host, Operator(tmp_path_factory.mktemp("operator")))
        place.be(ROCKY)
        place.offer(*MANAGERS["dnf"].tools, *MANAGERS["dnf"].scripts, "nftables", "libcap-devel", "libedit-devel")
        yield place


def installed(host: Sandbox) -> set[str]:
    """Return the names of the packages that rpm knows of."""
    return set(login(host, "rpm -qa --qf '%{NAME}\\n'").split())


def test_a_package_that_no_repository_has_is_named_with_the_command_that_may_bring_it(place: Place) -> None:
    ran = place.run("build", WITHOUT_NTS)
    assert ran.status == 1
    assert ran.error.startswith(
        f"sandbox:{place.host.name}: installing packages failed (exit status 1): no repository that is enabled has "
        "libseccomp-devel: enable one that has it, with: "
        "dnf -y install dnf-plugins-core && dnf config-manager --set-enabled crb; or choose build.readline = false"
    )
    # Nettle is compiled while the headers of libraries are installed, of which dnf installs all or none.
    assert installed(place.host) == {*MANAGERS["dnf"].tools, *MANAGERS["dnf"].scripts}


def test_dnf_installs_missing_packages_and_the_daemon_works(place: Place) -> None:
    place.offer("libseccomp-devel")
    first = place.run("deploy", WITHOUT_NTS)
    first.assert_proven()
    assert first.changed[STEP] == "missing: libcap-devel libseccomp-devel libedit-devel"
    wanted = {*MANAGERS["dnf"].tools, *MANAGERS["dnf"].scripts, "libcap-devel", "libseccomp-devel", "libedit-devel"}
    assert installed(place.host) == {*wanted, "nftables"}
    assert login(place.host, "stat -c %U /proc/$(pidof chronyd)").strip() == "chrony"


def test_a_second_run_changes_nothing(place: Place) -> None:
    again = place.run("deploy", WITHOUT_NTS)
    again.assert_proven()
    assert (again.changed, again.report["round_trips"]) == ({}, 3)


def test_the_use_of_keys_is_counted(place: Place) -> None:
    (key,) = place.operator.keys
    assert ask_as_device(place.host.address, key, version=4)
    ran = place.run("keys", WITHOUT_NTS, "--usage")
    assert [(counted["id"], counted["answers"]) for counted in ran.report["key_usage"]["keys"]] == [(key.id, 1)]


def test_a_rebuild_of_rhel_is_judged_by_the_stig_of_rhel(place: Place) -> None:
    folder = place.operator.home / "evidence"
    options = (f"--host=sandbox:{place.host.name}", place.operator.site(WITHOUT_NTS), f"--evidence={folder}")
    verified = place.operator.run("verify", *options, "--rules=stig")
    assert "error: --rules: does not hold: RHEL-09-252030 on " in verified.errors
    assert (verified.status, verified.report["verdict"]) == (1, "ok")
    (judged,) = json.loads((folder / "rules.json").read_text())["sets"][0]["hosts"].values()
    assert {rule["id"]: rule["outcome"] for rule in judged} == {
        "RHEL-09-252010": "not checked",
        "RHEL-09-252015": "holds",
        "RHEL-09-252020": "not checked",
        "RHEL-09-252025": "cannot hold",
        "RHEL-09-252030": "does not hold",
    }
    assert "is derived from rhel-9 (ID\\_LIKE): this STIG is for RHEL" in (folder / "rules.md").read_text()


def test_nts_is_refused_where_gnutls_is_too_old(place: Place) -> None:
    place.be(AMAZON)
    ran = place.run("build", "")
    assert (ran.status, ran.error) == (
        2,
        f"sandbox:{place.host.name}: Amazon Linux 2 has GnuTLS 3.3, and NTS needs 3.6.3: choose build.nts = false",
    )


def test_yum_installs_missing_packages(place: Place) -> None:
    # In RHEL 8 and newer, yum is dnf under its old name.
    login(place.host, "mv /usr/bin/dnf /usr/bin/yum")
    place.offer("pkgconfig")
    ran = place.run("build", WITHOUT_NTS)
    assert (ran.status, ran.changed[STEP]) == (0, "missing: pkgconfig"), ran
    assert "pkgconfig" in installed(place.host)
