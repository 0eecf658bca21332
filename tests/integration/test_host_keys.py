"""Which host keys are accepted: a matrix of known_hosts files, put to ssh and to the tool, against a real sshd."""
# ruff: noqa: FBT001 -- a parameter of a case

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from provision.host.sandbox.sandbox import Sandbox
from provision.host.target import parse_target
from provision.host.transport.ssh import SshTransport
from tests.helpers.booted_hosts import booted, login
from tests.integration.conftest import CHECKOUT

pytestmark = pytest.mark.integration

PORTS = {"plain": 2222, "certified": 2223, "expired": 2224, "other name": 2225, "two keys": 2226, "rsa": 2227}
"""What the sshd at a port shows."""
FOLDER = "/root/host-keys"
VALID = {"certified": "-1d:+1d", "expired": "-3d:-1d", "other name": "-1d:+1d"}


@dataclass(frozen=True, slots=True)
class SshHost:
    """A host with several sshd, and the public keys that the cases speak of."""

    host: Sandbox
    keys: dict[str, str]


@pytest.fixture(scope="module")
def ssh_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    folder = tmp_path_factory.mktemp("keys")
    with booted(f"it-keys-{CHECKOUT}") as host:
        for name in ("host", "stolen", "ca", "ca2"):
            generate("-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        generate("-q", "-t", "ecdsa", "-N", "", "-f", str(folder / "ecdsa"))
        generate("-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(folder / "rsa"))
        place = host.root / FOLDER.lstrip("/")
        place.mkdir()
        for file, key in {"key": "host", "ecdsa": "ecdsa", "rsa": "rsa"}.items():
            (place / file).touch(mode=0o600)
            (place / file).write_bytes((folder / key).read_bytes())
        for name, port in PORTS.items():
            options = ""
            if name in VALID:
                public = folder / f"{port}.pub"
                public.write_bytes((folder / "host.pub").read_bytes())
                principal = host.address if name != "other name" else "ntp9.example"
                generate(
                    "-q", "-s", f"{folder}/ca", "-I", "test", "-h", "-n", principal, "-V", VALID[name], str(public)
                )
                (place / f"{port}").write_bytes((folder / f"{port}-cert.pub").read_bytes())
                options = f"-o HostCertificate={FOLDER}/{port}"
            if name == "two keys":
                options = f"-h {FOLDER}/ecdsa"
            key = "rsa" if name == "rsa" else "key"
            sshd = f"/usr/sbin/sshd -D -p {port} -h {FOLDER}/{key} {options}"
            login(host, f"systemd-run --quiet --unit=sshd-{port} {sshd}")
        (folder / "2223-cert.pub").rename(folder / "certificate.pub")
        (folder / "ca_certificate.pub").write_bytes((folder / "ca.pub").read_bytes())
        generate("-q", "-s", f"{folder}/ca2", "-I", "test", "-h", "-n", host.address, f"{folder}/ca_certificate.pub")
        (folder / "ca_certificate-cert.pub").rename(folder / "ca_certificate.pub")
        keys = {file.stem: " ".join(file.read_text().split()[:2]) for file in folder.glob("*.pub")}
        login(host, "for i in $(seq 100); do [ $(ss -tln | grep -c :222) -ge 12 ] && exit; sleep 0.05; done; exit 1")
        yield SshHost(host, keys)


def generate(*words: str) -> None:
    subprocess.run(["ssh-keygen", *words], check=True, capture_output=True)


# known_hosts, in which {a} is the address and {name} a key; which sshd; further lines of the SSH configuration.
MATRIX = [
    pytest.param("", "plain", "", False, id="nobody is known"),
    pytest.param("[{a}]:2222 {host}", "plain", "", True, id="known"),
    pytest.param("[{a}]:2222 {host}\n[{a}]:2222 {stolen}", "plain", "", True, id="one of two keys of a type"),
    pytest.param("[{a}]:2222 {stolen}\n[{a}]:2222 {host}", "plain", "", True, id="the second of two keys of a type"),
    pytest.param("[{a}]:2222 {stolen}", "plain", "", False, id="changed"),
    pytest.param("[{a}]:2222 {ecdsa}", "plain", "", False, id="known by a key of another type"),
    pytest.param("{a} {host}", "plain", "", True, id="known without the port"),
    pytest.param("{a} {stolen}", "plain", "", False, id="another key without the port"),
    pytest.param("{a} {host}\n[{a}]:2222 {stolen}", "plain", "", False, id="the line with the port decides"),
    pytest.param("[198.*]:2222 {host}", "plain", "", True, id="a pattern"),
    pytest.param("* {host}", "plain", "", True, id="every host"),
    pytest.param("*,!{a},![{a}]:2222 {host}", "plain", "", False, id="every host but this one"),
    pytest.param("|1|AAAA|AAAA {host}", "plain", "", False, id="a hashed name of another host"),
    pytest.param("[{a}]:2222 ssh-rsa {host}", "plain", "", False, id="a damaged line"),
    pytest.param("@revoked * {host}", "plain", "", False, id="revoked"),
    pytest.param("[{a}]:2222 {host}\n@revoked * {host}", "plain", "", False, id="known and revoked"),
    pytest.param("@revoked [{a}]:2222 {host}\n* {host}", "plain", "", False, id="revoked and known"),
    pytest.param("[{a}]:2222 {host}\n@revoked other {host}", "plain", "", True, id="revoked for another host"),
    pytest.param("[{a}]:2222 {host}\n@revoked * {stolen}", "plain", "", True, id="another key is revoked"),
    pytest.param("[{a}]:2222 {host}\n@strange * {host}", "plain", "", True, id="a marker that does not exist"),
    pytest.param("ntp1.example {host}", "plain", "HostKeyAlias NTP1.example", True, id="an alias"),
    pytest.param(
        "[{a}]:2222 {host}", "plain", "HostKeyAlias ntp1.example", False, id="an alias stands for the address"
    ),
    pytest.param(
        "@revoked ntp1.example {host}\n[{a}]:2222 {host}",
        "plain",
        "HostKeyAlias ntp1.example",
        False,
        id="an alias is revoked",
    ),
    pytest.param("[{a}]:2222 {host}", "plain", "RevokedHostKeys {folder}/host", False, id="RevokedHostKeys"),
    pytest.param(
        "[{a}]:2222 {host}", "plain", "RevokedHostKeys {folder}/stolen", True, id="RevokedHostKeys, another key"
    ),
    pytest.param(
        "[{a}]:2222 {host}", "plain", "RevokedHostKeys {folder}/no", False, id="RevokedHostKeys, no such file"
    ),
    pytest.param(
        "[{a}]:2223 {host}", "certified", "RevokedHostKeys {folder}/ca", False, id="RevokedHostKeys, authority"
    ),
    pytest.param(
        "[{a}]:2222 {host}", "plain", "GlobalKnownHostsFile {folder}/revokes", False, id="revoked for everybody"
    ),
    pytest.param("", "plain", "GlobalKnownHostsFile {folder}/knows", True, id="known to everybody"),
    pytest.param("[{a}]:2222 {host}", "plain", "RevokedHostKeys {folder}/host.krl", False, id="a revocation list"),
    pytest.param(
        "[{a}]:2222 {host}", "plain", "RevokedHostKeys {folder}/stolen.krl", True, id="a revocation list, another key"
    ),
    pytest.param(
        "[{a}]:2223 {host}", "certified", "RevokedHostKeys {folder}/ca.krl", False, id="a revocation list, authority"
    ),
    pytest.param("@cert-authority * {ca}", "certified", "", True, id="an authority"),
    pytest.param("@cert-authority [198.*]:2223 {ca}", "certified", "", True, id="an authority for a port"),
    pytest.param("@cert-authority {a} {ca}", "certified", "", True, id="an authority without the port"),
    pytest.param("@cert-authority * {ca}", "certified", "CASignatureAlgorithms ssh-ed25519", True, id="its algorithm"),
    pytest.param("@cert-authority * {ca}", "certified", "CASignatureAlgorithms rsa-sha2-512", False, id="another one"),
    pytest.param("@cert-authority * {ca}", "certified", "CASignatureAlgorithms -ssh-ed*", False, id="all but its own"),
    pytest.param(
        "@cert-authority * {ca}\n* {host}", "certified", "CASignatureAlgorithms rsa-sha2-512", True, id="known"
    ),
    pytest.param("* {rsa}", "rsa", "RequiredRSASize 2048", True, id="an RSA key that is long enough"),
    pytest.param("* {rsa}", "rsa", "RequiredRSASize 2049", False, id="an RSA key that is too short"),
    pytest.param("* {host}", "plain", "RequiredRSASize 16384", True, id="a key of another type"),
    pytest.param("@cert-authority * {ca2}", "certified", "", False, id="another authority"),
    pytest.param("@cert-authority * {ca}", "plain", "", False, id="an authority, and no certificate"),
    pytest.param("@cert-authority * {ca}", "expired", "", False, id="an expired certificate"),
    pytest.param("@cert-authority * {ca}\n* {host}", "expired", "", True, id="an expired certificate and a known key"),
    pytest.param("@cert-authority * {ca}", "other name", "", False, id="a certificate for another name"),
    pytest.param(
        "@cert-authority * {ca}", "other name", "HostKeyAlias ntp9.example", True, id="a certificate for an alias"
    ),
    pytest.param("* {ca}", "certified", "", False, id="an authority's key is no host key"),
    pytest.param("@cert-authority * {host}", "plain", "", False, id="a host key is no authority"),
    pytest.param("@cert-authority * {ca}\n@revoked * {ca}", "certified", "", False, id="a revoked authority"),
    pytest.param("* {host}\n@revoked * {ca}", "certified", "", False, id="a known key signed by a revoked authority"),
    pytest.param("@cert-authority * {ca}\n@revoked * {host}", "certified", "", False, id="a certified key is revoked"),
    pytest.param("@cert-authority * {ca}\n@revoked * {ca2}", "certified", "", True, id="another revoked authority"),
    pytest.param("* {host}\n@revoked * {certificate}", "plain", "", False, id="a certificate of the key is revoked"),
    pytest.param("@cert-authority * {ca}\n@revoked * {certificate}", "certified", "", False, id="revoked certificate"),
    pytest.param(
        "@cert-authority * {ca}\n@revoked * {ca_certificate}",
        "certified",
        "",
        False,
        id="a certificate of the authority is revoked",
    ),
    pytest.param("@cert-authority * {ca_certificate}", "certified", "", True, id="an authority with a certificate"),
    pytest.param("* {certificate}", "plain", "", False, id="a certificate is no host key"),
    pytest.param(
        "@revoked [{a}]:2223 {ca}\n{a} {host}", "certified", "", False, id="a revoked authority, known without the port"
    ),
    pytest.param("* {ecdsa}\n* {host}\n@revoked * {host}", "two keys", "", True, id="one of two keys is revoked"),
    pytest.param("* {ecdsa}\n@revoked * {host}", "two keys", "", True, id="the other key is revoked"),
]


@pytest.mark.parametrize(("known", "sshd", "config", "accepted"), MATRIX)
def test_a_host_key_is_judged_as_ssh_does(
    known: str,
    sshd: str,
    config: str,
    accepted: bool,
    ssh_host: SshHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = prepared(ssh_host, tmp_path, monkeypatch, known, sshd, config)
    assert ssh_accepts(ssh_host.host, port, tmp_path) is accepted
    said = refusal(ssh_host.host, port)
    assert (said is None) is accepted, said
    if "@revoked" in known and not accepted:
        assert said is not None
        assert "REVOKED" in said
        assert f"{tmp_path}/.ssh/known_hosts:" in said


@pytest.mark.parametrize(
    ("known", "sshd", "config"),
    [
        pytest.param("@revoked * {host}", "plain", "", id="revoked"),
        pytest.param("@revoked {a} {host}", "plain", "", id="revoked without the port"),
        pytest.param("@revoked * {ca}", "certified", "", id="signed by a revoked authority"),
        pytest.param("", "plain", "RevokedHostKeys {folder}/host", id="RevokedHostKeys"),
        pytest.param("", "plain", "RevokedHostKeys {folder}/host.krl", id="a revocation list"),
        pytest.param("", "plain", "GlobalKnownHostsFile {folder}/revokes", id="revoked for everybody"),
    ],
)
def test_a_revoked_key_is_not_learnt(
    known: str, sshd: str, config: str, ssh_host: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = prepared(ssh_host, tmp_path, monkeypatch, known, sshd, config)
    before = (tmp_path / ".ssh/known_hosts").read_text()
    said = refusal(ssh_host.host, port, accept_new=True)
    assert said is not None
    assert "THE HOST KEY IS REVOKED" in said
    assert (tmp_path / ".ssh/known_hosts").read_text() == before


@pytest.mark.parametrize(
    ("config", "words"),
    [
        pytest.param("KnownHostsCommand /bin/true", "KnownHostsCommand, which is not run here", id="a command"),
        pytest.param("ProxyUseFdpass yes", "ProxyUseFdpass, which is not supported here", id="a passed socket"),
        pytest.param("RevokedHostKeys {folder}/list.krl", "list.krl: cannot be read: ", id="a damaged revocation list"),
        pytest.param("RevokedHostKeys {folder}/garbage", "garbage:1: not a public key", id="garbage that revokes"),
        pytest.param("GlobalKnownHostsFile {folder}/pipe", "not a regular file", id="a pipe"),
    ],
)
def test_what_cannot_be_read_is_no_permission(
    config: str, words: str, ssh_host: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = prepared(ssh_host, tmp_path, monkeypatch, "* {host}", "plain", config)
    said = refusal(ssh_host.host, port)
    assert said is not None
    assert words in said


def prepared(
    ssh_host: SshHost, folder: Path, monkeypatch: pytest.MonkeyPatch, known: str, sshd: str, config: str
) -> int:
    """Make a home folder with these files, for both programs, and return the port of the sshd."""
    monkeypatch.setenv("HOME", str(folder))
    home = folder / ".ssh"
    home.mkdir(mode=0o700)
    values = {"a": ssh_host.host.address, "folder": str(folder), **ssh_host.keys}
    (home / "known_hosts").write_text(f"{known.format(**values)}\n")
    for name, key in ssh_host.keys.items():
        (folder / name).write_text(f"{key}\n")
        if f"{name}.krl" in config:
            generate("-k", "-f", f"{folder}/{name}.krl", str(folder / name))
    (folder / "revokes").write_text(f"@revoked * {ssh_host.keys['host']}\n")
    (folder / "knows").write_text(f"# for all users\n* {ssh_host.keys['host']}\n")
    (folder / "garbage").write_text("no key\n")
    (folder / "list.krl").write_bytes(b"SSHKRL\n\0\0\0\0\1")
    os.mkfifo(folder / "pipe")
    lines = (config.format(**values), f"UserKnownHostsFile {home}/known_hosts", "GlobalKnownHostsFile /dev/null")
    (home / "config").write_text("\n".join(lines))
    return PORTS[sshd]


def ssh_accepts(host: Sandbox, port: int, folder: Path) -> bool:
    words = ("ssh", "-F", f"{folder}/.ssh/config", "-o", "BatchMode=yes", "-i", str(host.key), "-p", str(port))
    done = subprocess.run([*words, f"root@{host.address}", "true"], check=False, capture_output=True, timeout=60)
    return done.returncode == 0


def refusal(host: Sandbox, port: int, *, accept_new: bool = False) -> str | None:
    """Connect as the tool does; return why that was refused."""
    target = parse_target(f"root@{host.address}:{port}")
    try:
        transport = SshTransport(target, accept_new=accept_new, key=host.key)
    except HostUnreachable as error:
        return str(error)
    transport.close()
    return None
