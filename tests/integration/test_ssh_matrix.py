"""How a host is reached: a matrix of SSH configurations, put to ssh and to the tool, against real sshd.

The tool is asked twice: with ssh installed, and without. Without, it may refuse what it cannot read, but it must not
give another answer than ssh.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from provision.host.target import parse_target
from provision.host.transport.ssh import SshTransport
from tests.helpers.booted_hosts import login
from tests.helpers.ssh_daemons import FOLDER, SshDaemons, agent, booted_daemons, generate
from tests.integration.conftest import CHECKOUT

pytestmark = pytest.mark.integration

SSHD = {
    "plain": (),
    "certified": (f"TrustedUserCAKeys {FOLDER}/ca.pub", "AuthorizedKeysFile none"),
    "few tries": ("MaxAuthTries 2",),
    "two keys": ("AuthenticationMethods publickey,publickey",),
    "no forwarding": ("AllowTcpForwarding no",),
    "no rsa": ("PubkeyAcceptedAlgorithms ssh-ed25519",),
    "none": ("PermitEmptyPasswords yes", "AuthenticationMethods none"),
}
QUESTION = "set -- $SSH_CONNECTION; echo $(id -un) $1 $4"
"""Who was logged in, from where, and at which port."""


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshDaemons]:
    keys = tmp_path_factory.mktemp("keys")
    with booted_daemons(f"it-matrix-{CHECKOUT}", SSHD, 2401) as daemons:
        login(daemons.host, "useradd -m -s /bin/sh hopper; useradd -m -s /bin/sh -p '' open")
        generate("-t", "ed25519", "-N", "", "-f", f"{keys}/ca")
        (daemons.host.root / FOLDER.lstrip("/") / "ca.pub").write_text((keys / "ca.pub").read_text())
        for name, words in {
            "second": ("-t", "ecdsa", "-N", ""),
            "stranger": ("-t", "ed25519", "-N", ""),
            "encrypted": ("-t", "ed25519", "-N", "secret"),
            "rsa": ("-t", "rsa", "-b", "2048", "-N", ""),
            "certified": ("-t", "ed25519", "-N", ""),
        }.items():
            generate(*words, "-f", f"{keys}/{name}")
        subprocess.run(
            ["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", "/dev/stdin", "-out", keys / "pkcs8"],
            input=subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout,
            check=True,
        )
        (keys / "pkcs8").chmod(0o600)
        pkcs8 = subprocess.run(["ssh-keygen", "-y", "-f", keys / "pkcs8"], check=True, capture_output=True, text=True)
        for name in ("rsa", "certified"):
            generate("-s", f"{keys}/ca", "-I", "test", "-n", "root", f"{keys}/{name}.pub")
        (keys / "certified-cert.pub").rename(keys / "elsewhere.pub")
        more = "".join((keys / f"{name}.pub").read_text() for name in ("second", "encrypted")) + pkcs8.stdout
        with (daemons.host.root / "root/.ssh/authorized_keys").open("a") as file:
            file.write(more)
        login(
            daemons.host,
            "install -d -o hopper -m 700 ~hopper/.ssh; install -o hopper ~/.ssh/authorized_keys ~hopper/.ssh/",
        )
        (keys / "key").touch(mode=0o600)
        (keys / "key").write_bytes(daemons.host.key.read_bytes())
        (keys / "key.pub").write_text(daemons.host.key.with_name("key.pub").read_text())
        (keys / "open").write_bytes((keys / "key").read_bytes())
        (keys / "open").chmod(0o644)
        generate("-k", "-f", f"{keys}/empty.krl")
        (keys / "hostkey.pub").write_text(daemons.host.host_key + "\n")
        generate("-k", "-f", f"{keys}/host.krl", f"{keys}/hostkey.pub")
        generate("-s", f"{keys}/ca", "-I", "test", "-h", f"{keys}/hostkey.pub")
        with ExitStack() as stack:
            stack.enter_context(agent(keys / "agent", [keys / "key"]))
            stack.enter_context(agent(keys / "other agent", [keys / "stranger"]))
            stack.enter_context(agent(keys / "refusing", ["-c", keys / "key"], [keys / "second"]))
            many = ([keys / "stranger"], [keys / "rsa"], [keys / "certified"], [keys / "key"])
            stack.enter_context(agent(keys / "many", *many))
            daemons.host.root.joinpath("root/keys").write_text(str(keys))
            yield daemons


K = "IdentityFile {keys}/key"
NAME = "Host ntp1\n  HostName {a}\n  User root\n"
HOST = NAME + "  " + K + "\n"
# The configuration, and the answer: the user, whether the login came through the host itself, and the name of its sshd.
# None: ssh refuses.
MATRIX = {
    "a host": (HOST, "root direct 22"),
    "nothing": (K, None),
    "keyword=value": ("Host=ntp1\n  HostName = {a}\n  User=root\n" + K, "root direct 22"),
    "Port": (HOST + "Port {plain}", "root direct {plain}"),
    "Port 0": (HOST + "Port 0", None),
    "a port that is too large": (HOST + "Port 65536", None),
    "the first value wins": ("Host ntp1\n  User root\nHost *\n  User nobody\n  HostName {a}\n" + K, "root direct 22"),
    "a negated pattern": ("Host * !ntp1\n  User nobody\n" + HOST, "root direct 22"),
    "Include": ("Include {home}/more*\n" + K, "root direct {plain}"),
    "Include with blanks": ('Include "{home}/with blanks.conf" # a comment\n' + K, "root direct {plain}"),
    "Include of nothing": ("Include {home}/nothing*\n" + HOST, "root direct 22"),
    "Include in a Host": ("Host other\n  Include {home}/more\n" + HOST, "root direct 22"),
    "Match all": ("Match all\n  HostName {a}\n  User root\n" + K, "root direct 22"),
    "Match final all": (HOST + "Match final all\n  Port {plain}", "root direct {plain}"),
    "Match host": ("Match host ntp1\n  HostName {a}\n  User root\n" + K, "root direct 22"),
    "Match exec": ('Match exec "test %n = ntp1"\n  HostName {a}\n  User root\n' + K, "root direct 22"),
    "Match exec, no": (HOST + 'Match exec "test %n = x"\n  Port 1', "root direct 22"),
    "a Match that does not exist": ("Match phase moon\n  User nobody\n" + HOST, None),
    "an option that does not exist": ("Fruit apple\n" + HOST, None),
    "IgnoreUnknown": ("IgnoreUnknown Fruit\nFruit apple\n" + HOST, "root direct 22"),
    "a comment with a quote": ("Host ntp1 # that's it\n  HostName {a} # isn't it\n  User root\n" + K, "root direct 22"),
    "an open quote": ('Host "ntp1\n' + HOST, None),
    "HostName with a token": ("Host ntp1\n  HostName %h.invalid\n  User root\n" + K, None),
    "HostKeyAlias": (HOST + "HostKeyAlias Ntp9.example\nUserKnownHostsFile {home}/alias", "root direct 22"),
    "HostKeyAlias, unknown": (HOST + "HostKeyAlias ntp8.example\nUserKnownHostsFile {home}/alias", None),
    "UserKnownHostsFile none": (HOST + "UserKnownHostsFile none", None),
    "UserKnownHostsFile, two": (HOST + "UserKnownHostsFile {home}/no {home}/known", "root direct 22"),
    "UserKnownHostsFile with blanks": (HOST + 'UserKnownHostsFile "{home}/with blanks"', "root direct 22"),
    "UserKnownHostsFile, two with blanks": (
        HOST + "UserKnownHostsFile '{home}/no such file' {home}/with\\ blanks # a comment",
        "root direct 22",
    ),
    "UserKnownHostsFile, relative": (HOST + "UserKnownHostsFile no known", "root direct 22"),
    "UserKnownHostsFile with a token": (HOST + "UserKnownHostsFile {home}/known-%n", "root direct 22"),
    "UserKnownHostsFile with a variable": (HOST + "UserKnownHostsFile ${{KNOWN}}", "root direct 22"),
    "GlobalKnownHostsFile": (
        HOST + "UserKnownHostsFile none\nGlobalKnownHostsFile {home}/known",
        "root direct 22",
    ),
    "StrictHostKeyChecking accept-new": (
        HOST + "StrictHostKeyChecking accept-new\nUserKnownHostsFile /dev/null",
        "root direct 22",
    ),
    "StrictHostKeyChecking no": (
        HOST + "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null",
        "root direct 22",
    ),
    "StrictHostKeyChecking yes": (HOST + "StrictHostKeyChecking yes\nUserKnownHostsFile /dev/null", None),
    "RevokedHostKeys, a list": (HOST + "RevokedHostKeys {keys}/host.krl", None),
    "RevokedHostKeys, an empty list": (HOST + "RevokedHostKeys {keys}/empty.krl", "root direct 22"),
    "a revoked certificate of the host key": (HOST + "UserKnownHostsFile {home}/revoked", None),
    "an identity that does not exist": (
        "IdentityFile {home}/nothing\n" + HOST,
        "root direct 22",
    ),
    "an identity of somebody else first": ("IdentityFile {keys}/stranger\n" + HOST, "root direct 22"),
    "an encrypted identity": (NAME + "  IdentityFile {keys}/encrypted", None),
    "an encrypted identity and another": ("IdentityFile {keys}/encrypted\n" + HOST, "root direct 22"),
    "an identity that others may read": (NAME + "  IdentityFile {keys}/open", None),
    "an identity in PKCS #8": (NAME + "  IdentityFile {keys}/pkcs8", "root direct 22"),
    "IdentityFile none": ("IdentityFile none\nHost ntp1\n  HostName {a}\n  User root", None),
    "an identity with a token": (NAME + "  IdentityFile {keys}/%%k%%.x\n" + K, "root direct 22"),
    "IdentityAgent": (NAME + "  IdentityAgent {keys}/agent", "root direct 22"),
    "IdentityAgent none": (NAME + "  IdentityAgent none", None),
    "IdentityAgent with blanks": (HOST + '  IdentityAgent "{keys}/other agent"', "root direct 22"),
    "IdentityAgent in a variable": (NAME + "  IdentityAgent $AGENT", "root direct 22"),
    "an agent that is not there": (HOST + "  IdentityAgent {home}/nothing", "root direct 22"),
    "the public half of a key in the agent": (
        NAME + "  IdentityAgent {keys}/many\n  IdentitiesOnly yes\n"
        + "  IdentityFile {keys}/key.pub\n  Port {few_tries}",
        "root direct {few_tries}",
    ),
    "IdentitiesOnly": (
        NAME + "  IdentityAgent {keys}/agent\n  IdentitiesOnly yes\n"
        + "  IdentityFile {keys}/stranger",
        None,
    ),
    "too many keys": (
        NAME + "  IdentityAgent {keys}/many\n  Port {few_tries}",
        None,
    ),
    "a key that refuses to sign": (
        NAME + "  IdentityAgent {keys}/refusing",
        "root direct 22",
    ),
    "two keys": (HOST + "  Port {two_keys}\n  IdentityFile {keys}/second", "root direct {two_keys}"),
    "one of two keys": (HOST + "  Port {two_keys}", None),
    "a certificate beside the key": (
        NAME + "  Port {certified}\n  IdentityFile {keys}/rsa",
        "root direct {certified}",
    ),
    "CertificateFile": (
        NAME + "  Port {certified}\n  IdentityFile {keys}/certified\n"
        + "  CertificateFile {keys}/elsewhere.pub",
        "root direct {certified}",
    ),
    "CertificateFile of a key in the agent": (
        NAME + "  Port {certified}\n  IdentityAgent {keys}/many\n"
        + "  CertificateFile {keys}/elsewhere.pub",
        "root direct {certified}",
    ),
    "no certificate": (
        NAME + "  Port {certified}\n  IdentityFile {keys}/certified",
        None,
    ),
    "PubkeyAuthentication no": (HOST + "  PubkeyAuthentication no", None),
    "PreferredAuthentications": (HOST + "  PreferredAuthentications password", None),
    "PubkeyAcceptedAlgorithms": (HOST + "  PubkeyAcceptedAlgorithms rsa-sha2-512", None),
    "PubkeyAcceptedAlgorithms of sshd": (
        NAME + "  Port {no_rsa}\n  IdentityFile {keys}/rsa\n  " + K,
        "root direct {no_rsa}",
    ),
    "a login without a key": ("Host ntp1\n  HostName {a}\n  User open\n  Port {none}", "open direct {none}"),
    "Ciphers": (HOST + "  Ciphers aes256-ctr", "root direct 22"),
    "Ciphers with a plus": (HOST + "  Ciphers +aes256-cbc", "root direct 22"),
    "KexAlgorithms": (HOST + "  KexAlgorithms ecdh-sha2-nistp256", "root direct 22"),
    "MACs": (HOST + "  MACs hmac-sha2-512\n  Ciphers aes128-ctr", "root direct 22"),
    "HostKeyAlgorithms": (HOST + "  HostKeyAlgorithms rsa-sha2-512", None),
    "AddressFamily": (HOST + "  AddressFamily inet", "root direct 22"),
    "AddressFamily, the other": (HOST + "  AddressFamily inet6", None),
    "BindAddress": (HOST + "  BindAddress 127.0.0.1\n  ConnectTimeout 2", None),
    "BindInterface": (HOST + "  BindInterface lo\n  ConnectTimeout 2", None),
    "ConnectTimeout": (HOST + "  ConnectTimeout 5\n  ConnectionAttempts 2", "root direct 22"),
    "canonical names": (
        HOST.replace("ntp1", "ntp1 ntp1.invalid") + "  CanonicalizeHostname no",
        "root direct 22",
    ),
    "a name that has no canonical one": (
        "CanonicalizeHostname yes\nCanonicalDomains invalid\nCanonicalizeFallbackLocal no\n" + K,
        None,
    ),
    "ProxyJump": (HOST + "  ProxyJump root@{a}:{plain}\nMatch host {a}\n  " + K, "root jumped 22"),
    "ProxyJump none": ("Host ntp1\n  ProxyJump none\n" + HOST + "Host *\n  ProxyJump hop", "root direct 22"),
    "ProxyJump, a host of its own": (
        HOST + "  ProxyJump hop\nHost hop\n  HostName {a}\n  User hopper\n  Port {plain}\n  " + K,
        "root jumped 22",
    ),
    "ProxyJump, two": (
        HOST + "  ProxyJump hop,root@{a}:{plain}\nHost hop\n  HostName {a}\n  User hopper\n  Port {two_keys}\n"
        + "  IdentityFile {keys}/second\n  " + K + "\nMatch host {a}\n  " + K,
        "root jumped 22",
    ),
    "ProxyJump, of a jump host": (
        HOST + "  ProxyJump hop\nHost hop\n  HostName {a}\n  User hopper\n  ProxyJump root@{a}:{plain}\n  " + K
        + "\nMatch host {a}\n  " + K,
        "root jumped 22",
    ),
    "ProxyJump, a user that is refused": (HOST + "  ProxyJump nobody@{a}:{plain}\nMatch host {a}\n  " + K, None),
    "ProxyJump, no forwarding": (HOST + "  ProxyJump root@{a}:{no_forwarding}\nMatch host {a}\n  " + K, None),
    "ProxyCommand": (
        HOST + "  ProxyCommand /usr/bin/ssh -F {home}/.ssh/config -W [%h]:%p hop\nHost hop\n"
        + "  HostName {a}\n  User hopper\n  " + K,
        "root jumped 22",
    ),
    "ProxyCommand, a line of shell": (
        HOST + "  ProxyCommand /bin/cat | /usr/bin/ssh -F {home}/.ssh/config -W [%h]:%p hop 2>/dev/null | /bin/cat\n"
        + "Host hop\n  HostName {a}\n  User hopper\n  " + K,
        "root jumped 22",
    ),
    "ProxyCommand that fails": (HOST + "  ProxyCommand echo no way >&2; exit 3", None),
    "ProxyCommand none": ("Host ntp1\n  ProxyCommand none\n" + HOST + "Host *\n  ProxyCommand false", "root direct 22"),
    "ProxyCommand none before ProxyJump": (HOST + "  ProxyCommand none\n  ProxyJump hop", "root direct 22"),
    "ProxyJump none before ProxyCommand": (HOST + "  ProxyJump none\n  ProxyCommand false", "root direct 22"),
    "ProxyCommand before ProxyJump none": (HOST + "  ProxyCommand exit 3\n  ProxyJump none", None),
    "ProxyJump before ProxyCommand none": (
        HOST + "  ProxyJump root@{a}:{plain} # hop\n  ProxyCommand none\nMatch host {a}\n  " + K,
        "root jumped 22",
    ),
    "a command here": (HOST + "  PermitLocalCommand yes\n  LocalCommand true", "root direct 22"),
    "a connection that is shared": (HOST + "  ControlMaster auto\n  ControlPath none", "root direct 22"),
    "variables for the host": (HOST + "  SendEnv LANG\n  SetEnv A=b\n  ForwardAgent $AGENT", "root direct 22"),
}  # fmt: skip
SSH_NEEDED = {
    "Include",
    "Include with blanks",
    "Include in a Host",
    "Match final all",
    "Match exec",
    "Match exec, no",
    "RevokedHostKeys, an empty list",
}
"""What the tool refuses without ssh."""
IGNORED_WITHOUT_SSH = {"an option that does not exist"}
"""A fault that only ssh, which knows all options, can find."""


@pytest.mark.parametrize("name", MATRIX)
def test_a_configuration_is_read_as_ssh_does(
    name: str, daemons: SshDaemons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, wanted = MATRIX[name]
    monkeypatch.chdir(tmp_path)
    values = prepare(daemons, tmp_path, monkeypatch)
    (tmp_path / ".ssh/config").write_text(config.format(**values) + COMMON.format(**values))
    answer = None
    if wanted is not None:
        user, how, port = wanted.format(**values).split()
        answer = f"{user} {values[how]} {port}"
    assert asked_by_ssh(tmp_path) == answer
    said, why = asked_by_us()
    assert said == answer, why
    monkeypatch.setenv("PATH", str(tmp_path))
    said, why = asked_by_us()
    if said != answer and name not in IGNORED_WITHOUT_SSH:
        assert name in SSH_NEEDED, why
        assert said is None
        assert "install it (openssh-client)" in why


COMMON = "\nMatch all\n  UserKnownHostsFile {home}/known\n  GlobalKnownHostsFile /dev/null\n"


def prepare(daemons: SshDaemons, home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make the operator's home, and return the values of the configurations."""
    keys = (daemons.host.root / "root/keys").read_text()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KNOWN", f"{home}/known")
    monkeypatch.setenv("AGENT", f"{keys}/agent")
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (home / ".ssh").mkdir(mode=0o700)
    for name in ("known", "with blanks", "known-ntp1"):
        (home / name).write_text(daemons.known())
    certificate = Path(keys, "hostkey-cert.pub").read_text()
    (home / "revoked").write_text(f"{daemons.known()}@revoked * {certificate}")
    (home / "alias").write_text(f"ntp9.example {daemons.host.host_key}\n")
    ports = {name.replace(" ", "_"): str(port) for name, port in daemons.ports.items()}
    a = daemons.host.address
    for name in ("more", "with blanks.conf"):
        (home / name).write_text(NAME.format(a=a) + f"  Port {ports['plain']}\n")
    here = login(daemons.host, "echo $SSH_CONNECTION").split()[0]
    return {"a": a, "home": str(home), "keys": keys, "direct": here, "jumped": a, **ports}


def asked_by_ssh(home: Path) -> str | None:
    words = ["ssh", "-F", f"{home}/.ssh/config", "-o", "BatchMode=yes", "ntp1", QUESTION]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, cwd=home
    )
    if done.returncode != 0:
        assert done.returncode == 255, done
        return None
    return done.stdout.strip()


def asked_by_us() -> tuple[str | None, str]:
    """Return the answer, or why there is none."""
    try:
        transport = SshTransport(parse_target("ntp1"))
    except HostUnreachable as error:
        assert str(error).splitlines()[1:] == []
        return None, str(error)
    try:
        return transport.execute(f"sh -c '{QUESTION}'").stdout.strip(), ""
    finally:
        transport.close()
