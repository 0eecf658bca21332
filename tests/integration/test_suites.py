"""The other releases of Debian, reached through SSH as users who are not root, with other time daemons on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.devices import ask_as_device
from tests.helpers.host_state import arguments_seen, files_of, install, journal, pid
from tests.helpers.operators import SITE, Operator, Ran

pytestmark = pytest.mark.integration

PASSWORD = 'a pass\'word "of $ome" length'  # noqa: S105 -- of a throwaway user
VARIABLE = "CHRONY_PROVISION_SUDO_PASSWORD"
COUNTING = f"keys.usage = true\n{SITE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """A host after its first deployment by a user who is not root."""

    host: Sandbox
    operator: Operator
    deployment: Ran
    arguments: set[str]

    def run(self, task: str, *words: str, **environment: str) -> Ran:
        options = (f"--host=admin@{self.host.address}", self.operator.site(COUNTING))
        return self.operator.run(task, *options, *words, **environment)


@contextmanager
def administered(suite: str, home: Path, sudoers: str, daemon: str, **environment: str) -> Iterator[First]:
    """Boot a host with a user who may use sudo, and with another time daemon; deploy to it."""
    operator = Operator(home)
    with booted(f"it-{suite}", suite) as host:
        (host.root / "etc/sudoers.d/admin").write_text(f"{sudoers}\n")
        login(host, f"useradd -m -s /bin/sh admin && chpasswd <<'END'\nadmin:{PASSWORD}\nEND")
        install(host, daemon)
        operator.meet(host, "admin")
        with arguments_seen() as arguments:
            target = f"--host=admin@{host.address}"
            deployment = operator.run("deploy", target, operator.site(COUNTING), **environment)
        yield First(host=host, operator=operator, deployment=deployment, arguments=arguments)


@pytest.fixture(scope="module")
def bullseye(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    home = tmp_path_factory.mktemp("bullseye")
    with administered("bullseye", home, "admin ALL=(ALL) ALL", "openntpd", **{VARIABLE: PASSWORD}) as first:
        yield first


@pytest.fixture(scope="module")
def trixie(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    home = tmp_path_factory.mktemp("trixie")
    with administered("trixie", home, "admin ALL=(ALL) NOPASSWD: ALL", "ntpsec") as first:
        yield first


def test_bullseye_is_deployed_and_proven_with_a_sudo_password(bullseye: First) -> None:
    bullseye.deployment.assert_proven()
    assert bullseye.deployment.report["platform"] == "debian-11-x86_64-glibc-2.31"


def test_the_sudo_password_is_in_no_argument_list_log_or_report(bullseye: First) -> None:
    assert any("sudo -S" in line for line in bullseye.arguments), "sudo was not seen"
    assert_nowhere(PASSWORD, *bullseye.arguments)
    assert_nowhere(PASSWORD, bullseye.deployment.output, bullseye.deployment.errors, bullseye.operator.home)
    assert_nowhere(PASSWORD, journal(bullseye.host))


def test_trixie_is_deployed_and_proven_with_sudo(trixie: First) -> None:
    trixie.deployment.assert_proven()
    assert trixie.deployment.report["platform"] == "debian-13-x86_64-glibc-2.41"


@pytest.mark.parametrize(("suite", "unit"), [("bullseye", "openntpd.service"), ("trixie", "ntpsec.service")])
def test_the_other_time_daemon_is_stopped_and_masked(suite: str, unit: str, request: pytest.FixtureRequest) -> None:
    first: First = request.getfixturevalue(suite)
    switched = first.deployment.changed["active"]
    assert f"; stops and masks {unit}, which is " in switched
    state = login(first.host, f"systemctl is-enabled {unit} || true; systemctl is-active {unit} || true")
    assert state.split() == ["masked", "inactive"]
    assert unit in login(first.host, "cat /opt/chrony/before/services")
    assert login(first.host, "dpkg -V") == ""


def test_a_second_run_as_such_a_user_changes_nothing(trixie: First) -> None:
    there = (pid(trixie.host), files_of(trixie.host))
    again = trixie.run("deploy")
    again.assert_proven()
    assert (again.changed, again.report["round_trips"]) == ({}, 3)
    assert (pid(trixie.host), files_of(trixie.host)) == there


@pytest.mark.parametrize(("suite", "version"), [("bullseye", "v0.9.8 "), ("trixie", "v1.1.")])
def test_each_nftables_counts_the_use_of_keys(suite: str, version: str, request: pytest.FixtureRequest) -> None:
    first: First = request.getfixturevalue(suite)
    assert version in login(first.host, "nft --version")
    (key,) = first.operator.keys
    for _ in range(2):
        assert ask_as_device(first.host.address, key, version=4)
    ran = first.run("keys", "--usage", "--addresses", **{VARIABLE: PASSWORD})
    (counted,) = ran.report["key_usage"]["keys"]
    assert (ran.status, counted["id"], counted["answers"]) == (0, key.id, 2)
    # nft before 1.0 cannot read the addresses.
    assert (counted["addresses"] is None) == (suite == "bullseye")


def test_what_a_user_built_belongs_to_root(trixie: First) -> None:
    assert login(trixie.host, "find /opt/chrony ! -type l \\( ! -user root -o -perm /022 \\)") == ""
    assert login(trixie.host, "ls -A /opt/chrony/work ~admin | grep -v '^\\.\\|:$\\|^$' || true") == ""


def test_a_wrong_sudo_password_is_an_error_of_one_line(bullseye: First) -> None:
    ran = bullseye.run("plan", **{VARIABLE: "wrong horse"})
    assert ran.status == 2
    assert "no right to become root" in ran.error
    assert_nowhere("wrong horse", ran.output, ran.errors, bullseye.operator.home)


def test_a_missing_sudo_password_is_an_error_of_one_line(bullseye: First) -> None:
    ran = bullseye.run("plan")
    assert ran.status == 2
    assert f"set {VARIABLE}" in ran.error


def test_a_user_without_the_right_to_sudo_is_an_error_of_one_line(bullseye: First) -> None:
    login(bullseye.host, "mv /etc/sudoers.d/admin /root/")
    try:
        ran = bullseye.run("plan", **{VARIABLE: PASSWORD})
    finally:
        login(bullseye.host, "mv /root/admin /etc/sudoers.d/")
    assert ran.status == 2
    assert "no right to become root" in ran.error
    assert "log in as root, or allow sudo" in ran.error


def test_a_host_without_sudo_is_an_error_of_one_line(bullseye: First) -> None:
    login(bullseye.host, "mv /usr/bin/sudo /root/")
    try:
        ran = bullseye.run("plan", **{VARIABLE: PASSWORD})
    finally:
        login(bullseye.host, "mv /root/sudo /usr/bin/")
    assert ran.status == 2
    assert "admin is not root and there is no sudo; log in as root" in ran.error
