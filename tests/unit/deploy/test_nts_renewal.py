"""The units and the script that let chronyd serve with a renewed certificate of the host."""

import dataclasses
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from provision.deploy.nts_renewal import nts_renewal
from provision.host import scripts
from provision.site.nts import Nts
from provision.site.schema import Serve, Site
from provision.site.text_types import Address, CertificateFile
from provision.verify.nts_server import NtsServer
from tests.helpers.samples import FACTS

LIVE = "/etc/letsencrypt/live/ntp1"
ON_HOST = Nts(
    certificate=CertificateFile(f"host:{LIVE}/fullchain.pem"), key=CertificateFile(f"host:{LIVE}/privkey.pem")
)
HERE = dataclasses.replace(FACTS, addresses=("2001:db8::1",))
SERVER = NtsServer(
    name="ntp1.example",
    port=4460,
    authority="PEM",
    end=datetime(2027, 1, 1, tzinfo=UTC),
    lifetime=timedelta(days=90),
)


def texts(nts: Nts) -> dict[str, str]:
    step = nts_renewal(Site(serve=Serve(nts=nts)), HERE, SERVER)
    assert step.wanted
    return {file.path.rpartition("/")[2]: file.content for file in step.files}


def test_the_files_and_their_folder_are_watched() -> None:
    watched = [line for line in texts(ON_HOST)["chrony-provision-nts.path"].splitlines() if "=/" in line]
    assert watched == [f"PathChanged={LIVE}{file}" for file in ("/fullchain.pem", "/privkey.pem", "")]


def test_every_file_says_that_it_is_ours() -> None:
    for name, text in texts(ON_HOST).items():
        assert "\n# Managed by chrony-provision" in f"\n{text}", name


def test_the_script_knows_the_authority_only_if_the_site_names_one() -> None:
    # The last certificate of a chain may be another one after the renewal.
    assert "\nauthority=''\n" in texts(ON_HOST)["nts-renewal"]
    assert "\nauthority=PEM\n" in texts(replace(ON_HOST, authority=Path("ca.pem")))["nts-renewal"]


@pytest.mark.parametrize(
    ("names", "name", "address"),
    [
        ((), "ntp1.example", "127.0.0.1"),
        (("192.0.2.1", "ntp2.example"), "ntp2.example", "127.0.0.1"),
        # A client that is given an address asks there, whatever /etc/hosts says.
        (("2001:db8::1",), "2001:db8::1", "2001:db8::1"),
        # Another machine has the address, such as a router with NAT: nobody asks.
        (("198.51.100.8",), "198.51.100.8", "''"),
        (("198.51.100.8", "2001:db8::1"), "2001:db8::1", "2001:db8::1"),
        (("198.51.100.8", "ntp2.example"), "ntp2.example", "127.0.0.1"),
    ],
)
def test_the_trial_asks_where_its_client_looks_for_the_name(names: tuple[str, ...], name: str, address: str) -> None:
    script = texts(replace(ON_HOST, names=tuple(map(Address, names))))["nts-renewal"]
    assert (f"\nname={name}\n" in script, f"\naddress={address}\n" in script) == (True, True)


def test_the_trial_lets_the_client_in_that_asks_at_an_address_of_the_host() -> None:
    # It leaves out the access rules of chrony.conf, and allows addresses of its own.
    assert "${5:+allow $5}" in scripts.text("rehearse")


def test_while_the_certificate_cannot_be_read_nobody_knows_the_script_and_a_host_does_not_differ_by_it() -> None:
    site = Site(serve=Serve(nts=ON_HOST))
    step = nts_renewal(site, FACTS, None)
    assert step.wanted
    assert len(nts_renewal(site, FACTS, SERVER).files) == len(step.files) + 1
    seen = "\n".join(f"file {file.path} {file.digest}" for file in step.files)
    assert step.drift(seen) is None


def test_a_certificate_of_the_control_machine_needs_no_units() -> None:
    local = Nts(certificate=CertificateFile("nts.crt"), key=CertificateFile("nts.key"))
    assert not nts_renewal(Site(serve=Serve(nts=local)), FACTS, SERVER).wanted
    assert not nts_renewal(Site(), FACTS, None).wanted


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    for name, text in texts(ON_HOST).items():
        (tmp_path / name).write_text(text)
    units = [str(path) for path in tmp_path.iterdir() if path.name != "nts-renewal"]
    words = ["systemd-analyze", "verify", "--man=no", *units]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if "chrony-provision-nts" in line] == []
