"""Ways to a host: host keys, an SSH configuration, a jump host, and what is said when there is no way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.operators import SITE, Operator
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

NOBODY = "198.19.255.254"


@pytest.fixture
def operator(deployed: Deployed, tmp_path: Path) -> Operator:
    """Somebody else, who has the same keys and may log in at the deployed host."""
    newcomer = Operator(tmp_path)
    newcomer.key_file.parent.mkdir(parents=True)
    newcomer.key_file.touch(mode=0o600)
    newcomer.key_file.write_text(deployed.operator.key_file.read_text())
    newcomer.meet(deployed.host)
    return newcomer


@pytest.fixture(scope="module")
def jump() -> Iterator[Sandbox]:
    with booted("it-jump") as host:
        login(host, "useradd -m -s /bin/sh hopper")
        yield host


def fingerprint(host: Sandbox) -> str:
    return login(host, "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]


def test_a_host_that_is_known_is_reached_by_its_address(deployed: Deployed, operator: Operator) -> None:
    operator.run("verify", f"--host=root@{deployed.host.address}", operator.site(SITE)).assert_proven()


def test_an_unknown_host_key_is_refused_with_its_fingerprint(deployed: Deployed, operator: Operator) -> None:
    operator.known_hosts.write_text("# nobody yet\n")
    ran = operator.run("verify", f"--host=root@{deployed.host.address}", operator.site(SITE))
    assert ran.status == 2
    assert "unknown host key" in ran.error
    assert fingerprint(deployed.host) in ran.error
    assert "--accept-new" in ran.error
    assert operator.known_hosts.read_text() == "# nobody yet\n"


def test_an_unknown_host_key_is_learnt_when_asked_to(deployed: Deployed, operator: Operator) -> None:
    line = operator.known_hosts.read_text().strip()
    operator.known_hosts.write_text("# nobody yet, and no newline")
    # Debian's own configuration has it on.
    operator.known_hosts.with_name("config").write_text("HashKnownHosts no\n")
    ran = operator.run("verify", f"--host=root@{deployed.host.address}", operator.site(SITE), "--accept-new")
    ran.assert_proven()
    assert operator.known_hosts.read_text().splitlines() == ["# nobody yet, and no newline", line]
    operator.run("verify", f"--host=root@{deployed.host.address}", operator.site(SITE)).assert_proven()


def test_a_changed_host_key_is_always_refused(deployed: Deployed, operator: Operator, jump: Sandbox) -> None:
    other = f"{deployed.host.address} {jump.host_key}\n"
    operator.known_hosts.write_text(other)
    for words in ((), ("--accept-new",)):
        ran = operator.run("verify", f"--host=root@{deployed.host.address}", operator.site(SITE), *words)
        assert ran.status == 2
        assert "THE HOST KEY HAS CHANGED" in ran.error
        assert fingerprint(deployed.host) in ran.error
        assert fingerprint(jump) in ran.error
        assert f"ssh-keygen -R {deployed.host.address}" in ran.error
    assert operator.known_hosts.read_text() == other


def test_a_host_of_the_ssh_configuration_is_reached_through_its_jump_host(
    deployed: Deployed, operator: Operator, jump: Sandbox
) -> None:
    ssh = operator.known_hosts.parent
    login(deployed.host, "systemd-run --quiet --unit=sshd-2222 /usr/sbin/sshd -D -p 2222")
    login(jump, "install -d -o hopper -m 700 ~hopper/.ssh")
    (jump.root / "home/hopper/.ssh/authorized_keys").write_text(deployed.host.key.with_name("key.pub").read_text())
    login(jump, "chown hopper ~hopper/.ssh/authorized_keys")
    (ssh / "id_ed25519").rename(ssh / "elsewhere")
    operator.known_hosts.write_text(
        f"[{deployed.host.address}]:2222 {deployed.host.host_key}\n{jump.address} {jump.host_key}\n"
    )
    (ssh / "config").write_text(
        f"Host ntp1\n  HostName {deployed.host.address}\n  User root\n  Port 2222\n  ProxyJump hop\n"
        f"Host hop\n  HostName {jump.address}\n  User hopper\n"
        f"Host *\n  IdentityFile {ssh}/elsewhere\n"
    )
    ran = operator.run("verify", "--host=ntp1", operator.site(SITE))
    journal = login(deployed.host, "systemctl stop sshd-2222; journalctl -u sshd-2222 --no-pager")
    ran.assert_proven()
    assert ran.report["host"] == "ntp1"
    assert f"Accepted publickey for root from {jump.address} " in journal


@pytest.mark.parametrize(
    ("target", "words"),
    [
        pytest.param(f"root@{NOBODY}", f"no connection to {NOBODY} port 22", id="no such address"),
        pytest.param(
            "root@{address}:2222", "no connection to {address} port 2222: connection refused", id="connection refused"
        ),
        pytest.param("nobody@{address}", "'nobody' was refused with every SSH key", id="wrong user"),
        pytest.param("nosuchhost.invalid", "cannot resolve nosuchhost.invalid", id="unknown name"),
        pytest.param("two words", "not a host", id="not a host"),
    ],
)
def test_a_host_that_cannot_be_reached(deployed: Deployed, operator: Operator, target: str, words: str) -> None:
    address = deployed.host.address
    ran = operator.run("deploy", f"--host={target.format(address=address)}", operator.site(SITE))
    assert ran.status == 2
    assert words.format(address=address) in ran.error
    assert "Errno" not in ran.error


def test_a_wrong_key_is_an_error_of_one_line(deployed: Deployed, operator: Operator, jump: Sandbox) -> None:
    key = operator.known_hosts.parent / "id_ed25519"
    key.write_bytes(jump.key.read_bytes())
    ran = operator.run("deploy", f"--host=root@{deployed.host.address}", operator.site(SITE))
    assert ran.status == 2
    assert "'root' was refused with every SSH key; check user and key" in ran.error


def test_several_hosts_are_done_one_after_the_other_and_one_that_fails_stops_no_other(
    deployed: Deployed, operator: Operator
) -> None:
    good = f"--host=root@{deployed.host.address}"
    ran = operator.run("verify", f"--host=root@{NOBODY}", good, operator.site(SITE))
    assert ran.status == 2
    assert [report["ok"] for report in ran.reports] == [False, True]
