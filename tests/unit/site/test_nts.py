"""What a site says of certificates, and what is refused before a host is asked."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provision.cli.options import Options
from provision.common.errors import SiteError
from provision.host.target import Target
from provision.keys.nts_keys import make_server_keys
from provision.keys.reader import KeyReader
from provision.site.settings import Settings, settings_of_hosts
from tests.helpers.certificates import Authority
from tests.helpers.samples import KEYS, write_keys

pytestmark = pytest.mark.usefixtures("folder")

ROOT = Authority.make()
OTHER = Authority.make()
PAIR = ROOT.issue("ntp1.example", "10.0.0.1")
SERVER = 'serve.nts = { certificate = "nts.crt", key = "nts.key" }\n'
FOLLOWS = """
keys.file = "chrony.keys"
[groups.servers]
[groups.servers.serve.nts]
certificate = "nts.crt"
key = "nts.key"
authority = "ca.pem"
[groups.machines]
serve.role = "client"
time.follows = "servers"
time.follows_with = "nts"
[hosts]
ntp1 = { group = "servers", host = "10.0.0.1" }
web1 = { group = "machines" }
"""


def no_sandbox(_: Target) -> str:
    raise AssertionError("no sandbox is asked for")


def settings(text: str) -> dict[str, Settings]:
    PAIR.write(Path())
    Path("ca.pem").write_text(ROOT.certificate)
    Path("other.pem").write_text(OTHER.certificate)
    if not Path("chrony.keys").exists():
        write_keys(Path("chrony.keys"), KEYS)
    Path("site.toml").write_text(text)
    hosts = [] if "[hosts]" in text else ["ntp1"]
    options = Options(site=Path("site.toml")).run_options
    return {str(one): its for one, its in settings_of_hosts(hosts, options, KeyReader(), address_of=no_sandbox)}


def test_a_server_gets_its_certificate_and_its_key() -> None:
    found = settings(SERVER)["ntp1"]
    assert (found.certificates.chain, found.certificates.key) == (PAIR.certificate, PAIR.key)
    assert (found.certificates.trusted, found.nts_authority) == ("", "")
    for line in PAIR.lines:
        assert line not in repr(found)


def test_the_key_may_come_from_a_command() -> None:
    found = settings('serve.nts = { certificate = "nts.crt", key_command = "cat nts.key" }')["ntp1"]
    assert found.certificates.key == PAIR.key


SHARED = make_server_keys(date(2026, 11, 28))
WITH_SHARED = 'serve.nts = { certificate = "nts.crt", key = "nts.key", shared_keys = "nts.keys" }\n'


def write_shared(mode: int = 0o600) -> None:
    Path("nts.keys").touch()
    Path("nts.keys").chmod(mode)
    Path("nts.keys").write_text(SHARED.own_text())


def test_the_keys_of_cookies_come_from_a_file_or_a_command_as_chronyd_reads_them() -> None:
    write_shared()
    command = WITH_SHARED.replace('shared_keys = "', 'shared_keys_command = "cat ')
    for text in (WITH_SHARED, command):
        found = settings(text)["ntp1"].certificates
        # Without the line of the rotation, which is for the operator.
        assert found.shared_keys == SHARED.text
        assert found.private == {"nts.key": PAIR.key, "ntskeys": SHARED.text}
        secrets = [key.secret.hex().upper() for key in SHARED.keys]
        assert set(secrets) <= set(found.secrets)
        assert not any(secret in repr(found) for secret in secrets)


def test_a_task_that_needs_no_keys_reads_no_certificate() -> None:
    Path("site.toml").write_text(SERVER)
    options = Options(site=Path("site.toml")).run_options
    ((_, found),) = settings_of_hosts(["ntp1"], options, KeyReader(), address_of=None)
    assert not found.certificates.files


def test_a_client_trusts_the_certificates_of_the_site() -> None:
    found = settings('time.trusted_certificates = ["ca.pem"]\ntime.servers = [{ address = "a.example", nts = true }]')
    assert found["ntp1"].certificates.trusted == ROOT.certificate


def test_a_host_follows_with_nts_by_one_word() -> None:
    found = settings(FOLLOWS)
    (source,) = found["web1"].site.time.sources or ()
    assert source.line == "server 10.0.0.1 iburst nts"
    assert found["web1"].certificates.trusted == ROOT.certificate
    assert not found["web1"].certificates.key
    assert found["ntp1"].nts_authority == ROOT.certificate
    (source,) = settings(FOLLOWS.replace('authority = "ca.pem"', "port = 4461"))["web1"].site.time.sources or ()
    assert source.line == "server 10.0.0.1 iburst nts ntsport 4461"


def test_shared_keys_that_others_can_read_are_refused() -> None:
    write_shared(0o644)
    with pytest.raises(SiteError, match=r"nts.keys: others than its owner may use it \(mode 0644\)"):
        settings(WITH_SHARED)


def test_files_of_the_host_are_not_read_here() -> None:
    found = settings('serve.nts = { certificate = "host:/etc/a.pem", key = "host:/etc/b.pem", authority = "ca.pem" }')
    certificates, authority = found["ntp1"].certificates, found["ntp1"].nts_authority
    assert (certificates.chain, certificates.key, authority) == ("", "", ROOT.certificate)


REFUSED: list[Any] = [
    pytest.param(WITH_SHARED, "nts.keys: no such file: inv keys.rotate-nts makes it", id="no shared keys yet"),
    pytest.param(
        WITH_SHARED.replace(" }", ', shared_keys_command = "cat nts.keys" }'),
        "site.toml: serve.nts.shared_keys_command: serve.nts.shared_keys is set, too; the keys come from one of them",
        id="two files of shared keys",
    ),
    pytest.param(
        f'{WITH_SHARED}time.extra = ["ntsrotate 3600"]',
        "site.toml: time.extra[0]: remove it: inv keys.rotate-nts rotates shared keys (serve.nts.shared_keys)",
        id="shared keys that chronyd would rotate",
    ),
    pytest.param(
        WITH_SHARED.replace('shared_keys = "nts.keys"', 'shared_keys_command = "true"'),
        'serve.nts.shared_keys_command "true": printed nothing; it has to print keys in the format of ntskeys',
        id="a command that prints no shared keys",
    ),
    pytest.param(
        'serve.nts = { certificate = "nts.crt" }',
        "site.toml: serve.nts.key: is missing: a certificate needs its private key, a file (key) or a command "
        "(key_command)",
        id="no key",
    ),
    pytest.param(
        'serve.nts = { certificate = "nts.crt", key = "nts.key", key_command = "cat nts.key" }',
        "site.toml: serve.nts.key_command: serve.nts.key is set, too; the key comes from one of them",
        id="two keys",
    ),
    pytest.param(
        'serve.nts = { certificate = "host:/etc/nts.crt", key = "nts.key" }',
        "site.toml: serve.nts.certificate: is on another machine than its key; name two files of this machine, or two "
        "of the host",
        id="on two machines",
    ),
    pytest.param(
        'serve.nts = { certificate = "host:nts.crt", key = "host:/etc/nts.key" }',
        "site.toml: serve.nts.certificate: 'nts.crt' is no absolute path without blanks and without '..'",
        id="a relative path on the host",
    ),
    pytest.param(
        'serve.nts = { certificate = "nts.crt", key = "other.key" }',
        "other.key: no such file",
        id="a key that is not there",
    ),
    pytest.param(
        'serve.nts = { certificate = "other.crt", key = "nts.key" }',
        "other.crt: cannot be read: No such file or directory",
        id="a certificate that is not there",
    ),
    pytest.param(
        'serve.nts = { certificate = "nts.crt", key_command = "true" }',
        'serve.nts.key_command "true": printed nothing; it has to print a private key in PEM',
        id="a command that prints nothing",
    ),
    pytest.param(
        'serve.nts = { certificate = "nts.crt", key = "nts.key", names = ["ntp2.example"] }',
        "nts.crt: the certificate is for ntp1.example, 10.0.0.1, and not for ntp2.example",
        id="another name",
    ),
    pytest.param(
        'serve.nts = { certificate = "nts.crt", key = "nts.key", authority = "other.pem" }',
        "other.pem: none of its certificates is an authority of the chain in nts.crt",
        id="another authority",
    ),
    pytest.param(
        f'{SERVER}serve.role = "client"',
        'site.toml: serve.nts: a client serves nobody; remove this, or set serve.role = "server"',
        id="a client",
    ),
    pytest.param(f"{SERVER}build.nts = false", "site.toml: serve.nts: needs build.nts = true", id="without NTS"),
    pytest.param(
        f'{SERVER}time.extra = ["ntsservercert /etc/x.pem", "ntsserverkey /etc/x.key"]',
        "site.toml: time.extra[0]: ntsservercert is set by serve.nts; remove one of them",
        id="twice",
    ),
    pytest.param(
        'build.nts = false\ntime.trusted_certificates = ["ca.pem"]',
        "site.toml: time.trusted_certificates: needs build.nts = true",
        id="trust without NTS",
    ),
    pytest.param(
        FOLLOWS.replace("web1 = {", "web1 = { build.nts = false,"),
        "site.toml: groups.machines.time.follows_with (as hosts.web1 has it): needs build.nts = true",
        id="followed with NTS that is not built",
    ),
    pytest.param(
        'time.trusted_certificates = ["nts.key"]',
        "nts.key: holds a private key; name a file with certificates alone here",
        id="a key in place of an authority",
    ),
    pytest.param(
        FOLLOWS.replace("10.0.0.1", "10.0.0.2"),
        "nts.crt: the certificate is for ntp1.example, 10.0.0.1, and not for 10.0.0.2",
        id="followed by an address that the certificate does not have",
    ),
    pytest.param(
        FOLLOWS.replace(FOLLOWS[FOLLOWS.index("[groups.servers.s") : FOLLOWS.index("[groups.m")], ""),
        "site.toml: groups.machines.time.follows_with: ntp1 serves no NTS: it needs serve.nts",
        id="followed without NTS",
    ),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_faults_are_refused(text: str, words: str) -> None:
    with pytest.raises(SiteError) as caught:
        settings(text)
    here = f"{Path.cwd()}{os.sep}"
    assert str(caught.value).replace(here, "").replace("'true'", '"true"') == words


def test_a_key_that_others_can_read_is_refused() -> None:
    PAIR.write(Path())
    Path("nts.key").chmod(0o644)
    with pytest.raises(SiteError, match=r"others than its owner may use it \(mode 0644\): chmod 600"):
        settings(SERVER)
