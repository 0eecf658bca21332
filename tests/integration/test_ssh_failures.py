"""Logins that fail, each at a real sshd: one line names the place, the cause and the way out. And odd ones."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

import pytest

from provision.common.errors import CommandFailed, HostUnreachable
from provision.host.target import parse_target
from provision.host.transport.ssh import SshTransport
from tests.helpers.booted_hosts import login
from tests.helpers.ssh_daemons import SshDaemons, agent, booted_daemons, generate
from tests.integration.conftest import CHECKOUT

pytestmark = pytest.mark.integration

SSHD = {
    "plain": (),
    "one session": ("MaxSessions 1",),
    "no session": ("MaxSessions 0",),
    "chacha": ("Ciphers chacha20-poly1305@openssh.com",),
    "sntrup": ("KexAlgorithms sntrup761x25519-sha512@openssh.com",),
    "umac": ("MACs umac-64@openssh.com", "Ciphers aes128-ctr"),
    "second factor": ("AuthenticationMethods publickey,keyboard-interactive", "KbdInteractiveAuthentication yes"),
    "passwords": ("PubkeyAuthentication no", "KbdInteractiveAuthentication no"),
    "no forwarding": ("AllowTcpForwarding no",),
    "files only": ("Subsystem sftp internal-sftp", "ForceCommand internal-sftp", "ChrootDirectory /"),
    "few tries": ("MaxAuthTries 2",),
    "banner": ("Banner /etc/os-release", "PrintMotd yes"),
}
CHATTY = r"""
echo Welcome to ntp1
printf 'chrony-provision \033[1m'
echo careful >&2
"""


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshDaemons]:
    keys = tmp_path_factory.mktemp("keys")
    with booted_daemons(f"it-failures-{CHECKOUT}", SSHD, 2501) as daemons:
        login(
            daemons.host,
            "useradd -m -s /bin/bash chatty; useradd -m -s /usr/sbin/nologin asleep; echo root:x | chpasswd",
        )
        (daemons.host.root / "home/chatty/.bashrc").write_text(CHATTY)
        for user in ("chatty", "asleep"):
            login(daemons.host, f"install -d -o {user} -m 700 ~{user}/.ssh")
            login(daemons.host, f"install -o {user} ~/.ssh/authorized_keys ~{user}/.ssh/")
        (keys / "key").touch(mode=0o600)
        (keys / "key").write_bytes(daemons.host.key.read_bytes())
        for name in ("stranger", "other"):
            generate("-t", "ed25519", "-N", "", "-f", f"{keys}/{name}")
        generate("-t", "ed25519", "-N", "secret", "-f", f"{keys}/encrypted")
        (daemons.host.root / "root/keys").write_text(str(keys))
        yield daemons


@pytest.fixture
def values(daemons: SshDaemons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make the operator's home, and return the values of the configurations."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr("provision.host.transport.hops.TRIES", 1)
    (tmp_path / ".ssh").mkdir(mode=0o700)
    (tmp_path / ".ssh/known_hosts").write_text(daemons.known())
    ports = {name.replace(" ", "_"): str(port) for name, port in daemons.ports.items()}
    keys = (daemons.host.root / "root/keys").read_text()
    return {"a": daemons.host.address, "home": str(tmp_path), "keys": keys, **ports}


def connect(values: dict[str, str], config: str, target: str = "ntp1", *, accept_new: bool = False) -> SshTransport:
    known = "\nMatch all\n  GlobalKnownHostsFile /dev/null\n"
    (Path(values["home"]) / ".ssh/config").write_text(config.format(**values) + known)
    return SshTransport(parse_target(target), accept_new=accept_new)


NAME = "Host ntp1\n  HostName {a}\n  User root\n"
HOST = NAME + "  IdentityFile {keys}/key\n"
HOP = "Host hop\n  HostName {a}\n  User root\n  IdentityFile {keys}/key\n"
REFUSED = {
    "no common cipher": (
        HOST + "  Port {chacha}",
        ("ntp1: no common cipher: its sshd offers chacha20-poly1305@openssh.com; add one of these to Ciphers in its "
        "sshd_config: aes128-ctr, aes192-ctr, aes256-ctr, aes128-gcm@openssh.com, aes256-gcm@openssh.com; "
        "or run this tool there, with --host local"),
    ),
    "no common key exchange": (
        HOST + "  Port {sntrup}",
        ("ntp1: no common key exchange: its sshd offers sntrup761x25519-sha512@openssh.com; add one of these to "
        "KexAlgorithms in its sshd_config: curve25519-sha256"),
    ),
    "no common MAC": (
        HOST + "  Port {umac}",
        "ntp1: no common MAC: its sshd offers umac-64@openssh.com; add one of these to MACs in its sshd_config: hmac-",
    ),
    "ciphers that only ssh has": (
        HOST + "  Ciphers chacha20-poly1305@openssh.com",
        ("ntp1: no common cipher: Ciphers in the SSH configuration of this machine leaves out what its sshd offers; "
        "add one of these to Ciphers: aes128-ctr, "),
    ),
    "a second factor": (
        HOST + "  Port {second_factor}",
        ("ntp1: the key is accepted, and sshd also wants keyboard-interactive, which asks questions: not supported; "
        "allow the key alone for 'root' in its sshd_config (Match User root, AuthenticationMethods publickey)"),
    ),
    "passwords alone": (
        HOST + "  Port {passwords}",
        ("ntp1: 'root' cannot log in with a key: its sshd takes password only, which is not supported; "
        "allow PubkeyAuthentication in its sshd_config"),
    ),
    "keys are forbidden here": (
        HOST + "  PubkeyAuthentication no",
        ("ntp1: the SSH configuration forbids keys for it (PubkeyAuthentication or PreferredAuthentications), and "
        "nothing else is supported"),
    ),
    "no key at all": (
        NAME + "  IdentityFile none",
        "ntp1: there is no SSH key to log in with; start ssh-agent, or name a key as IdentityFile",
    ),
    "a wrong key": (
        NAME + "  IdentityFile {keys}/stranger",
        "ntp1: 'root' was refused with every SSH key; check user and key with ssh -v",
    ),
    "an encrypted key": (
        NAME + "  IdentityFile {keys}/encrypted",
        ("ntp1: there is no SSH key to log in with; {keys}/encrypted is encrypted: load it into ssh-agent first "
        "(ssh-add {keys}/encrypted); start ssh-agent, or name a key as IdentityFile"),
    ),
    "keys that are one too many": (
        NAME + "  Port {few_tries}\n  IdentityFile {keys}/stranger\n  IdentityFile {keys}/other\n"
        "  IdentityFile {keys}/key",
        ("ntp1: sshd ended the login after 2 keys (MaxAuthTries): name the right one as IdentityFile, with "
        "IdentitiesOnly yes"),
    ),
    "a jump host without a name": (
        HOST + "  ProxyJump nowhere.invalid",
        "ntp1: jump host nowhere.invalid: cannot resolve nowhere.invalid: ",
    ),
    "a jump host without an sshd": (
        HOST + "  ProxyJump root@{a}:9",
        "ntp1: jump host {a}: no connection to {a} port 9: connection refused",
    ),
    "a jump host that refuses the user": (
        HOST + "  ProxyJump nobody@hop\n" + HOP,
        "ntp1: jump host hop: 'nobody' was refused with every SSH key",
    ),
    "a jump host that does not forward": (
        HOST + "  ProxyJump hop\n" + HOP + "  Port {no_forwarding}",
        "ntp1: jump host hop opens no connection to {a} port 22: its sshd forbids it (AllowTcpForwarding, PermitOpen)",
    ),
    "a host that the jump host does not reach": (
        HOST + "  Port 9\n  ProxyJump hop\n" + HOP,
        "ntp1: jump host hop opens no connection to {a} port 9: it cannot resolve the name, or gets no connection",
    ),
    "a host that does not answer the jump host": (
        "Host ntp1\n  HostName 198.19.255.254\n  ProxyJump hop\n" + HOP,
        "ntp1: jump host hop opens no connection to 198.19.255.254 port 22: ",
    ),
    "a host that refuses behind a jump host": (
        NAME + "  IdentityFile {keys}/stranger\n  ProxyJump hop\n" + HOP,
        "ntp1: 'root' was refused with every SSH key",
    ),
    "a jump host that is not known": (
        HOST + "  ProxyJump hop\n" + HOP + "  HostKeyAlias hop.example",
        "hop.example: unknown host key ssh-ed25519 SHA256:",
    ),
    # ssh itself would start one process after the other, without end.
    "a jump host that is its own": (
        HOST + "  ProxyJump hop\n" + HOP + "  ProxyJump ntp1",
        ("ntp1: the SSH configuration leads through more than 16 jump hosts, again and again through ntp1; "
            "say ProxyJump none for the jump host"),
    ),
    "a proxy command that fails": (
        HOST + "  ProxyCommand sh -c 'echo no way >&2; exit 3'",
        "ntp1: ProxyCommand 'sh' ended with exit status 3: no way",
    ),
    "a proxy command that is not there": (
        HOST + "  ProxyCommand /nonexistent",
        "ntp1: ProxyCommand '/nonexistent' ended with exit status 127: /bin/sh: 1: exec: /nonexistent: not found",
    ),
    "an option that ssh refuses": (
        HOST + "  Fruit apple",
        ("ntp1: the SSH configuration: {home}/.ssh/config: line 5: Bad configuration option: fruit; "
        "ssh refuses it, too"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_login_that_fails_costs_one_line(
    name: str, values: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    config, words = REFUSED[name]
    with pytest.raises(HostUnreachable) as caught:
        connect(values, config)
    assert words.format(**values) in str(caught.value)
    assert str(caught.value).splitlines()[1:] == []
    # Nothing asks a question, as for a password that would be echoed.
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "user", "words"),
    [
        pytest.param("no session", "root", "ntp1: its sshd opens no further session", id="no session"),
        pytest.param("files only", "root", "ntp1: the login does not run commands: ", id="files only"),
        pytest.param("plain", "asleep", "ntp1: the login does not run commands: This account is", id="no shell"),
    ],
)
def test_a_login_that_runs_no_commands_is_named(name: str, user: str, words: str, values: dict[str, str]) -> None:
    port = values[name.replace(" ", "_")]
    transport = connect(values, HOST.replace("root", user) + f"  Port {port}")
    with pytest.raises(HostUnreachable, match=f"^{words}"):
        transport.execute("true")
    transport.close()


def test_a_host_with_one_session_is_named_when_a_second_is_needed(values: dict[str, str]) -> None:
    transport = connect(values, HOST + "  Port {one_session}")
    for number in range(10):
        path = f"one-session-{number}"
        assert transport.execute(f"echo {number}").stdout == f"{number}\n"
        transport.upload(b"data", path)
        assert transport.download(path) == b"data"
        with pytest.raises(CommandFailed, match=r"^ntp1: cannot write "):
            transport.upload(b"data", path)
        with pytest.raises(CommandFailed, match=r"^ntp1: cannot read "):
            transport.download("/nonexistent")
        assert transport.hold("cat").close().status == 0
    running = transport.hold("echo here; cat")
    assert running.read_line() == "here"
    with pytest.raises(HostUnreachable, match="two at a time: MaxSessions in its sshd_config has to be 2 or more"):
        transport.execute("echo 3")
    assert running.close().status == 0
    transport.close()


def test_a_command_that_is_killed_names_the_signal(values: dict[str, str]) -> None:
    transport = connect(values, HOST)
    with pytest.raises(
        HostUnreachable, match=r"^ntp1: the command was killed by signal KILL \(is memory short\?\); run"
    ):
        transport.execute("kill -KILL $$")
    running = transport.hold("echo here; kill -TERM $$")
    assert (running.read_line(), running.read_line()) == ("here", "")
    assert running.close().last_words == "the command was killed by signal TERM"
    assert transport.execute("echo out").stdout == "out\n"
    transport.close()


@pytest.mark.parametrize("user", ["chatty", "root"])
def test_what_a_login_prints_is_no_answer(user: str, daemons: SshDaemons, values: dict[str, str]) -> None:
    assert "Welcome" in login_of(daemons, "chatty", "true")
    transport = connect(values, HOST.replace("root", user) + "  Port {banner}")
    seen: list[str] = []
    assert transport.execute("echo out; exit 3", watch=seen.append).stdout == "out\n"
    assert transport.execute("true").stdout == ""
    assert seen == ["out"]
    running = transport.hold("echo here; read line; echo $line")
    assert running.read_line() == "here"
    running.send(b"there\n")
    assert running.read_line() == "there"
    assert running.close().status == 0
    folder = transport.execute("mktemp -d").stdout.strip()
    for number, data in enumerate((b"", b"x", b"\x00\xff\r\n", os.urandom(3_000_000))):
        path = f"{folder}/it's {number} \\ new"
        transport.upload(data, path)
        assert transport.download(path) == data
        assert transport.execute(f"stat -c %a:%U {quote(path)}").stdout == f"600:{user}\n"
        with pytest.raises(CommandFailed, match=r"cannot write .*: File exists$|cannot overwrite existing file$"):
            transport.upload(b"y", path)
        assert transport.download(path) == data
    transport.close()


def login_of(daemons: SshDaemons, user: str, line: str) -> str:
    words = ["ssh", "-F", "none", "-i", str(daemons.host.key), "-o", "StrictHostKeyChecking=no"]
    words += ["-o", "UserKnownHostsFile=/dev/null", f"{user}@{daemons.host.address}", line]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def test_a_file_that_cannot_be_written_or_read_is_named(values: dict[str, str]) -> None:
    transport = connect(values, HOST.replace("root", "chatty"))
    for path, words in (
        ("/etc/x", "Permission denied$"),
        ("/nonexistent/x", "nonexistent$"),
        ("/dev/full", "No space left on device$"),
    ):
        with pytest.raises(CommandFailed, match=f"^ntp1: cannot write {path}: .*{words}"):
            transport.upload(b"x" * 1_000_000, path)
    for path, words in (("/etc/shadow", "Permission denied$"), ("/etc/x", "No such file$")):
        with pytest.raises(CommandFailed, match=f"^ntp1: cannot read {path}: .*{words}"):
            transport.download(path)
    transport.close()


def test_a_key_that_refuses_to_sign_is_named_if_no_other_is_right(values: dict[str, str], tmp_path: Path) -> None:
    with agent(tmp_path / "agent", ["-c", f"{values['keys']}/key"]), pytest.raises(HostUnreachable) as caught:
        connect(values, NAME + "  IdentityFile none\n  IdentityAgent {home}/agent")
    assert "refused with every SSH key" in str(caught.value)
    assert "; the agent refused to sign with its key " in str(caught.value)


@pytest.mark.parametrize("hashed", ["yes", "no"])
def test_a_name_that_is_learnt_is_hashed_as_configured(hashed: str, values: dict[str, str]) -> None:
    known = Path(values["home"]) / ".ssh/known_hosts"
    known.write_text("")
    config = HOST + f"  HashKnownHosts {hashed}\n  Port {{plain}}"
    connect(values, config, accept_new=True).close()
    assert known.read_text().startswith("|1|" if hashed == "yes" else f"[{values['a']}]:{values['plain']} ssh-ed25519 ")
    connect(values, config).close()
    found = subprocess.run(["ssh-keygen", "-F", f"[{values['a']}]:{values['plain']}", "-f", known], check=False)
    assert found.returncode == 0


def test_a_user_with_a_domain_is_sent_whole(daemons: SshDaemons, values: dict[str, str]) -> None:
    login(daemons.host, "useradd -m -o -u 0 -g 0 --badname -d /root 'op@corp.example'")
    (Path(values["home"]) / ".ssh/id_ed25519").touch(mode=0o600)
    key = Path(values["keys"], "key").read_bytes()
    (Path(values["home"]) / ".ssh/id_ed25519").write_bytes(key)
    transport = connect(values, "", f"op@corp.example@{values['a']}")
    assert transport.execute("echo $USER").stdout == "op@corp.example\n"
    transport.close()
    connect(values, "", f"ssh://root@{values['a']}:{values['plain']}").close()
