"""The route to a host, as the SSH configuration has it, and what the program ssh answers."""

import shutil
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from provision.host.transport.ssh_config import read_route, read_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("provision.host.transport.config_files.SYSTEM", tmp_path / "system")
    (tmp_path / ".ssh").mkdir()
    return tmp_path


@pytest.fixture
def without_ssh(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(home))
    return home / ".ssh/config"


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs ssh")
def test_a_user_that_a_shell_would_interpret_is_not_given_to_it_with_ssh(home: Path) -> None:
    (home / ".ssh/config").write_text("Host ntp1\n  ProxyCommand relay %h %p %r\n  User $(reboot)\n")
    with pytest.raises(HostUnreachable, match=r"^ntp1: "):
        read_settings("ntp1")


def test_a_value_may_have_a_form_feed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(home, monkeypatch, r"printf 'hostkeyalias a\fport 1\nproxycommand x \342\200\250 port 2\nport 22\n'")
    settings = read_settings("ntp1")
    assert (settings.alias, settings.port, settings.proxy_command) == ("a\fport 1", 22, "x \u2028 port 2")


def test_an_account_that_ssh_does_not_know_has_the_other_reader(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(home, monkeypatch, "echo 'No user exists for uid 1000' >&2; exit 255")
    (home / ".ssh/config").write_text("User op\n")
    assert read_settings("ntp1").user == "op"


def test_dropbear_is_not_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(home, monkeypatch, f"touch {home}/connected; sleep 60")
    (home / "ssh").rename(home / "dropbearmulti")
    (home / "ssh").symlink_to("dropbearmulti")
    (home / ".ssh/config").write_text("User op\n")
    assert read_settings("ntp1").user == "op"
    assert not (home / "connected").exists()


def test_what_ssh_refuses_is_refused_in_its_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(home, monkeypatch, "echo 'config: line 1: Bad fruit' >&2; echo 'config: terminating, 1 bad' >&2; exit 255")
    with pytest.raises(HostUnreachable, match=r"^ntp1: the SSH configuration: config: line 1: Bad fruit; ssh refuses"):
        read_settings("ntp1")


@pytest.mark.skipif(shutil.which("ssh") is None, reason="needs ssh")
def test_a_home_of_ones_own_has_its_own_configuration(home: Path) -> None:
    (home / ".ssh/config").write_text("Host ntp1\n  User op\n  ProxyJump a,b\nHost a\n  ProxyJump c\n  Port 33\n")
    route = read_route("ntp1", port=2222)
    assert [hop.name for hop in route] == ["c", "a", "b", "ntp1"]
    assert (route[-1].user, route[-1].port, route[1].port) == ("op", 2222, 33)
    assert route[-1].user_files == (home / ".ssh/known_hosts", home / ".ssh/known_hosts2")
    assert route[-1].identities[0].parent == home / ".ssh"


def test_a_circle_of_jump_hosts_is_named(without_ssh: Path) -> None:
    without_ssh.write_text("Host ntp1\n  ProxyJump hop\nHost hop\n  ProxyJump ntp1\n")
    with pytest.raises(HostUnreachable, match=r"^ntp1: .* more than 16 jump hosts, again and again through ntp1; say"):
        read_route("ntp1")


def fake(home: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (home / "ssh").write_text(f"#!/bin/sh\n{script}\n")
    (home / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:/bin")
