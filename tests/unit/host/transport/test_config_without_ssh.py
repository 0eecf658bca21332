"""The SSH configuration on a machine without ssh is read as by ssh, or refused; ssh is asked where it is installed."""

import os
import pwd
import shutil
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from provision.host.transport.config_without_ssh import INSTALL, split_words
from provision.host.transport.ssh_config import read_settings


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


def test_a_configuration_is_read(without_ssh: Path, home: Path) -> None:
    without_ssh.write_text(
        "Host ntp1\n  HostName 192.0.2.1\n  Port 2222\n  ProxyJump none\n"
        '  UserKnownHostsFile "/a b/known" /c\n  Ciphers +aes256-cbc\n  MACs hmac-sha2-256,hmac-sha2-512\n'
        "Host *\n  ProxyJump hop\n"
    )
    (home / "system").write_text("Host *\n  User everybody\n  HashKnownHosts yes\n")
    settings = read_settings("ntp1")
    assert (settings.address, settings.user, settings.port) == ("192.0.2.1", "everybody", 2222)
    assert settings.jumps == ()
    assert settings.user_files == (Path("/a b/known"), Path("/c"))
    assert settings.algorithms == {"macs": ("hmac-sha2-256", "hmac-sha2-512")}
    assert settings.hashed
    given = read_settings("ntp1", user="op", port=22)
    assert (given.user, given.port) == ("op", 22)


def test_the_user_and_the_port_of_the_command_line_are_in_tokens(without_ssh: Path) -> None:
    without_ssh.write_text(
        "Match user op\n  HostKeyAlias matched\nHost ntp1\n  User root\n  Port 2222\n  ProxyCommand relay %h %p %r\n"
    )
    given = read_settings("ntp1", user="op", port=22)
    assert (given.proxy_command, given.alias) == ("relay ntp1 22 op", "matched")
    assert read_settings("ntp1").proxy_command == "relay ntp1 2222 root"


@pytest.mark.parametrize(
    "user",
    [
        "$(touch${IFS}x)",
        "$(x)%%",
        "$(x)%h",
        "$(x)~",
        "a;b",
        "-oProxyCommand=x",
        "a`b`",
        "a|b",
        "DOMAIN\\op",
        "'op'",
        '"op"',
    ],
)
def test_a_user_that_a_shell_would_interpret_is_not_given_to_it(user: str, without_ssh: Path) -> None:
    without_ssh.write_text("Host ntp1\n  ProxyCommand relay %h %p %r\nHost ntp2\n  ProxyCommand relay %h %p\n")
    assert read_settings("ntp2", user="DOMAIN\\op").user == "DOMAIN\\op"
    assert read_settings("ntp3", user=user).user == user
    with pytest.raises(HostUnreachable, match=r"^ntp1: .* characters that the shell of ProxyCommand would interpret"):
        read_settings("ntp1", user=user)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param("Include more*\n", id="Include"),
        pytest.param('Include "{home}/.ssh/more.conf"\n', id="Include, quoted"),
        pytest.param("Host x\n  include=more.conf\n", id="Include in a Host"),
        pytest.param("Match exec true\n  User x\n", id="Match exec"),
        pytest.param("Match host x exec true\n  User x\n", id="Match host and exec"),
        pytest.param("Match localnetwork 192.0.2.0/24\n  User x\n", id="Match localnetwork"),
        pytest.param("Match tagged x\n  User x\n", id="Match tagged"),
        pytest.param('Include "{home}/with blanks/more*"\n', id="Include with blanks"),
        pytest.param("Include nothing {home}/with\\ blanks/more.conf # a comment\n", id="Include, the second file"),
        pytest.param("Include %d/nothing\n", id="Include with a token"),
        pytest.param("Include ${{HOME}}/nothing\n", id="Include with a variable"),
        pytest.param('Host "ntp1\n', id="an open quote"),
        pytest.param("Ciphers -*cbc\n", id="fewer ciphers"),
    ],
)
def test_what_only_ssh_can_read_is_refused_without_it(config: str, without_ssh: Path, home: Path) -> None:
    (without_ssh.parent / "more.conf").write_text("User x\n")
    (home / "with blanks").mkdir()
    (home / "with blanks/more.conf").write_text("User x\n")
    without_ssh.write_text(config.format(home=home))
    with pytest.raises(HostUnreachable, match=f"^ntp1: .*{INSTALL.split(':')[0]}"):
        read_settings("ntp1")


def test_an_include_below_a_home_folder_of_no_user_is_refused(without_ssh: Path) -> None:
    without_ssh.write_text("Include ~nobody-x/config\n")
    with pytest.raises(HostUnreachable, match=r"^ntp1: .*/config: Include ~nobody-x/config: no such user$"):
        read_settings("ntp1")


def test_an_include_of_nothing_is_no_hindrance(without_ssh: Path) -> None:
    without_ssh.write_text('Include nothing* "{no such}/file" # Include config\nUser op\n')
    assert read_settings("ntp1").user == "op"


EQUAL = [
    pytest.param("Host ntp1 # ntp2\n  User op # isn't it\nHost ntp2\n  Port 2\n", id="comments"),
    pytest.param("Host ntp2 # ntp1\n  Port 2\nHost *\n  Port 3\n", id="a comment is no pattern"),
    pytest.param('Host "ntp1"\n  HostName="192.0.2.1"\n  User "DOMAIN\\op"\n', id="quotes"),
    pytest.param("HostName %h.example\nMatch host ntp1.example\n  Port 2\n", id="HostName with a token"),
    pytest.param('UserKnownHostsFile "/a b" "/c d"\n', id="two files with blanks"),
    pytest.param('UserKnownHostsFile /a "/b c" /d\n', id="a file with blanks amid others"),
    pytest.param("UserKnownHostsFile '/a b' /c\\ d/e #/f\n", id="a file with other quotes, and a comment"),
    pytest.param("UserKnownHostsFile /a#b /c\n", id="a file with a hash"),
    pytest.param("UserKnownHostsFile one two\n", id="relative files"),
    pytest.param('UserKnownHostsFile "{home}/with blanks/known" {home}/known other\n', id="files that exist"),
    pytest.param("UserKnownHostsFile {home}/%n-%u ${{HOME}}/y\n", id="files with tokens"),
    pytest.param("UserKnownHostsFile none\n", id="no file"),
    pytest.param('GlobalKnownHostsFile ~/x %d/y "/e e"\n', id="global files, in which nothing is replaced"),
    pytest.param("ProxyCommand relay\nHost *\n  ProxyJump hop\n", id="ProxyCommand before ProxyJump"),
    pytest.param("ProxyJump hop\nHost *\n  ProxyCommand relay\n", id="ProxyJump before ProxyCommand"),
    pytest.param("ProxyCommand none\nHost *\n  ProxyJump hop\n", id="no ProxyCommand before ProxyJump"),
    pytest.param("ProxyJump none\nHost *\n  ProxyCommand relay\n", id="no ProxyJump before ProxyCommand"),
    pytest.param("ProxyCommand relay\nHost *\n  ProxyJump none\n", id="ProxyCommand before no ProxyJump"),
    pytest.param("ProxyJump hop # a comment\nHost *\n  ProxyCommand none\n", id="ProxyJump before no ProxyCommand"),
    pytest.param("Host other\n  ProxyCommand relay\nHost *\n  ProxyJump NONE\n", id="neither"),
    pytest.param("ProxyCommand relay '%h' \"%p\" # x\n", id="ProxyCommand with quotes and a hash"),
    pytest.param('IdentityFile "/a b"\nIdentityFile /a~b/%u-%r-%%h\n', id="keys with blanks and tokens"),
]
FIELDS = ("address", "user", "port", "proxy_command", "jumps", "alias", "user_files", "global_files")


@pytest.mark.skipif(shutil.which("ssh") is None, reason="compares with ssh")
@pytest.mark.parametrize("config", EQUAL)
def test_the_settings_are_those_of_ssh(config: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    (home / "with blanks").mkdir()
    for name in ("known", "other", "with blanks/known"):
        (home / name).touch()
    config = config.format(home=home)
    (home / ".ssh/config").write_text(config)
    of_ssh = read_settings("ntp1")
    monkeypatch.setenv("PATH", str(home))
    ours = read_settings("ntp1")
    for field in FIELDS:
        assert getattr(ours, field) == getattr(of_ssh, field)
    if "IdentityFile" in config:
        assert ours.identities == of_ssh.identities


WORDS = [
    pytest.param("a  b\tc", ["a", "b", "c"], id="blanks"),
    pytest.param("'a b' \"c d\"", ["a b", "c d"], id="quotes"),
    pytest.param("a' 'b", ["a b"], id="quotes in a word"),
    pytest.param("a\\ b 'a\\ b'", ["a b", "a\\ b"], id="an escaped blank"),
    pytest.param("a\\b \\\"c\\' d\\\\", ["a\\b", "\"c'", "d\\"], id="backslashes"),
    pytest.param("a #b", ["a"], id="a comment"),
    pytest.param("a#b '#c'", ["a#b", "#c"], id="no comment"),
    pytest.param("''", [""], id="an empty word"),
    pytest.param(" ", [], id="nothing"),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_a_value_is_divided_into_words(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("text", ["'", 'a"b', "'a\""])
def test_an_open_quote_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a quote is not closed"):
        split_words(text)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x"])
def test_a_port_that_does_not_exist_is_refused(port: str, without_ssh: Path) -> None:
    without_ssh.write_text(f"Port {port}\n")
    with pytest.raises(HostUnreachable, match=r"^ntp1: the SSH configuration has port .*, which is not "):
        read_settings("ntp1")


def test_the_name_of_the_account_is_that_of_passwd(without_ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_ssh.write_text("IdentityFile /%u\n")
    own = pwd.getpwuid(os.getuid()).pw_name
    for value in ("somebody", ""):
        monkeypatch.setenv("USER", value)
        settings = read_settings("ntp1")
        assert (settings.user, settings.identities) == (own, (Path("/") / own,))


def test_an_account_without_a_name(without_ssh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(_: int) -> None:
        raise KeyError

    without_ssh.write_text("Host other\n  Port 2\n")
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.setenv("LOGNAME", "op")
    assert read_settings("ntp1").user == "op"
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        # Set first, or a name that is set meanwhile would stay.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    with pytest.raises(
        HostUnreachable, match=r"^ntp1: this account has no name to log in with; say USER@ntp1, or set USER$"
    ):
        read_settings("ntp1")
