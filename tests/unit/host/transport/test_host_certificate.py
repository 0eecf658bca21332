"""A host's certificate is good only whole, signed, for its name, in its time, and as far as it is understood."""

import base64
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from provision.common.errors import HostUnreachable
from provision.host.transport.host_certificate import Certificate, parse_certificate
from provision.host.transport.known_hosts import read_known_hosts
from provision.host.transport.revoked_keys import revoked_keys

pytestmark = pytest.mark.skipif(which("ssh-keygen") is None, reason="ssh-keygen makes the certificates")
Make = Callable[..., bytes]
SIZE = {"rsa": ("-b", "2048")}
"""The primes of the 3072 bits that are usual take seconds to find."""


def keygen(*words: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *words], check=True, capture_output=True)


@pytest.fixture(scope="session")
def key_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Return what makes a key of a kind, for a host or an authority, once: to find the primes of RSA takes a while."""
    folder = tmp_path_factory.mktemp("keys")

    def made(role: str, kind: str) -> Path:
        path = folder / f"{role}-{kind}"
        if not path.exists():
            keygen("-t", kind, *SIZE.get(kind, ()), "-N", "", "-f", str(path))
        return path

    return made


@pytest.fixture
def make(tmp_path: Path, key_of: Callable[[str, str], Path]) -> Make:
    """Return what makes a certificate with these options of ssh-keygen, as it travels on the wire."""

    def certificate(
        *options: str, kind: str = "ed25519", authority: str = "ed25519", names: str = "ntp1,*.lab"
    ) -> bytes:
        public = tmp_path / "key.pub"
        public.write_bytes(key_of("host", kind).with_suffix(".pub").read_bytes())
        principals = ("-n", names) if names else ()
        keygen("-s", str(key_of("authority", authority)), "-I", "test", *principals, *options, str(public))
        return base64.b64decode((tmp_path / "key-cert.pub").read_text().split()[1])

    return certificate


def read(blob: bytes) -> Certificate:
    certificate = parse_certificate(blob)
    assert certificate is not None
    return certificate


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("authority", ["ed25519", "ecdsa", "rsa"])
def test_a_good_certificate(kind: str, authority: str, make: Make) -> None:
    certificate = read(make("-h", "-V", "-1d:+1d", kind=kind, authority=authority))
    assert certificate.problem("ntp1") is None
    assert certificate.problem("NTP7.lab") is None
    assert certificate.problem("ntp2") == "it is for ntp1, *.lab"
    assert certificate.problem("ntp1", now=certificate.not_before - 1) == "it is not valid yet"
    assert certificate.problem("ntp1", now=certificate.not_after) == "it has expired"


def test_a_certificate_among_revoked_keys_revokes_its_key(make: Make, tmp_path: Path) -> None:
    certificate = read(make("-h"))
    revoked = revoked_keys("ntp1", tmp_path / "key-cert.pub")
    assert [line.key for line in revoked.lines] == [certificate.key]
    (tmp_path / "malformed").write_text("ssh-ed25519-cert-v01@openssh.com AAAA\n")
    with pytest.raises(HostUnreachable, match="malformed:1: not a public key"):
        revoked_keys("ntp1", tmp_path / "malformed")


@pytest.mark.parametrize(("marker", "of_certificate"), [("@revoked ", False), ("@cert-authority ", False), ("", True)])
def test_a_certificate_in_a_marked_line_of_known_hosts_stands_for_its_key(
    marker: str,
    of_certificate: bool,  # noqa: FBT001 -- a case
    make: Make,
    tmp_path: Path,
) -> None:
    blob = make("-h")
    kind, encoded = (tmp_path / "key-cert.pub").read_text().split()[:2]
    (tmp_path / "known_hosts").write_text(f"{marker}ntp1 {kind} {encoded}\n{marker}ntp1 {kind} {encoded[:100]}\n")
    first, *others = read_known_hosts(tmp_path / "known_hosts").lines_about("ntp1")
    assert first.key == (blob if of_certificate else read(blob).key)
    assert bool(others) == of_certificate


def test_a_user_is_no_host(make: Make) -> None:
    assert read(make("-V", "-1d:+1d")).problem("ntp1") == "it is no certificate of a host"


def test_an_option_that_is_not_known_is_no_permission(make: Make) -> None:
    certificate = read(make("-h", "-V", "-1d:+1d", "-O", "critical:only-on=mondays"))
    assert certificate.problem("ntp1") == "it has options that are not known"


def test_a_certificate_without_a_name_fits_no_host(make: Make) -> None:
    assert read(make("-h", "-V", "-1d:+1d", names="")).problem("ntp1") == "it is for no name"


def test_the_names_of_a_certificate_are_escaped_and_have_a_limit(make: Make) -> None:
    certificate = replace(read(make("-h")), principals=("\x1b[2J",) * 10_000)
    problem = certificate.problem("ntp1") or ""
    assert problem.startswith("it is for \\x1b[2J, ")
    assert len(problem) < 400


def test_a_signature_that_sha1_made_is_none(make: Make) -> None:
    certificate = read(make("-h", "-V", "-1d:+1d", "-t", "ssh-rsa", authority="rsa"))
    assert certificate.problem("ntp1") == "it is signed with ssh-rsa, which CASignatureAlgorithms leaves out"


def test_an_authority_signs_only_with_an_allowed_algorithm(make: Make) -> None:
    certificate = read(make("-h", "-V", "-1d:+1d"))
    assert certificate.problem("ntp1", allowed=("ssh-ed25519",)) is None
    problem = certificate.problem("ntp1", allowed=("rsa-sha2-512",))
    assert problem == "it is signed with ssh-ed25519, which CASignatureAlgorithms leaves out"


def test_a_certificate_is_good_only_whole(make: Make) -> None:
    blob = make("-h", "-V", "-1d:+1d")
    changed = blob.replace(b"*.lab", b"*.com")
    assert changed != blob
    assert read(changed).problem("ntp1") == "its signature is not valid"
    assert read(blob).problem("ntp1") is None
    cut = {size: parse_certificate(blob[:size]) for size in range(0, len(blob), 7)}
    good = [size for size, certificate in cut.items() if certificate and certificate.problem("ntp1") is None]
    assert good == []
