"""Facts: what real hosts said, what follows from it, and that nonsense is refused."""
# ruff: noqa: FBT001 -- a parameter of a case

import os
import platform
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import ParseError
from provision.host.facts import Facts, facts_script, parse_facts
from provision.host.packages import MANAGERS
from provision.host.transport.local import LocalTransport
from tests.helpers.samples import CASES, FACTS

TEXT = (CASES / "facts" / "sandbox-bookworm.txt").read_text()


def said(**changes: str | None) -> str:
    """Return what the sandbox said, with other values; None leaves the line out."""
    lines = dict(line.split("=", 1) for line in TEXT.splitlines()) | changes
    return "".join(f"{name}={value}\n" for name, value in lines.items() if value is not None)


def test_a_host_is_read_whole() -> None:
    assert parse_facts(TEXT) == Facts(
        os="debian",
        os_version="12",
        os_codename="",
        os_like=(),
        os_name="Debian GNU/Linux 12 (bookworm)",
        machine="x86_64",
        libc="glibc-2.36",
        word_bits=None,
        cpus=2,
        uid=0,
        login="root",
        sudo="root",
        packager="apt-get",
        absent_tools=(),
        lacking_tools=(),
        systemd=252,
        systemd_runs=True,
        can_set_clock=False,
        can_serve=True,
        ec2=False,
        chrony_user="_chrony",
        client="198.19.0.1",
        address="198.19.0.5",
    )


VALUES = [
    pytest.param({"systemd": "252.39-1~deb12u1"}, "systemd", 252, id="Debian's version of systemd"),
    pytest.param({"systemd": "257~rc1"}, "systemd", 257, id="upstream's version of systemd"),
    pytest.param({"systemd": None}, "systemd", None, id="no systemd"),
    pytest.param({"cpus": "0"}, "cpus", 1, id="a host has a processor"),
    pytest.param({"os_like": "rhel centos fedora"}, "os_like", ("rhel", "centos", "fedora"), id="like others"),
    pytest.param({"os_name": "a=b"}, "os_name", "a=b", id="an equals sign in a value"),
    pytest.param({"absent_tools": "m4 pkg-config"}, "absent_tools", ("m4", "pkg-config"), id="tools"),
    pytest.param({"lacking_tools": "sed awk"}, "lacking_tools", ("sed", "awk"), id="tools of our scripts"),
    pytest.param({"ipv6": "no"}, "has_ipv6", False, id="no IPv6 in the kernel"),
    pytest.param({}, "has_ipv6", True, id="IPv6"),
    pytest.param({"foreign_socket": "/x.conf"}, "foreign_socket", "/x.conf", id="a drop-in of all sockets"),
    pytest.param({"capabilities": "0"}, "can_serve", False, id="no low ports"),
    pytest.param({"capabilities": "400"}, "can_serve", True, id="low ports"),
    pytest.param({"capabilities": "0", "unprivileged_ports": "1024"}, "can_serve", False, id="ports below 1024"),
    pytest.param({"capabilities": "0", "unprivileged_ports": "0"}, "can_serve", True, id="low ports for everybody"),
    pytest.param({"packager": None}, "packager", None, id="no package manager"),
    pytest.param({"cloud": "ec2"}, "ec2", True, id="EC2"),
    pytest.param({"chrony_user": "chrony"}, "chrony_user", "chrony", id="the account of a package"),
    pytest.param({"ssh_connection": ""}, "client", None, id="no SSH, no client"),
    pytest.param({"ssh_connection": ""}, "address", None, id="no SSH, no address"),
    pytest.param({"ssh_connection": "2001:db8::7 1 2001:DB8:0::1 22"}, "address", "2001:db8::1", id="IPv6"),
    pytest.param({"ssh_connection": "UNKNOWN 65535 UNKNOWN 65535"}, "client", None, id="sshd does not know it"),
    pytest.param({"capabilities": "000001ffffffffff"}, "can_set_clock", True, id="all capabilities"),
    pytest.param({"capabilities": "000001fffdffffff"}, "can_set_clock", False, id="all but CAP_SYS_TIME"),
    pytest.param({"capabilities": "0000000002000000"}, "can_set_clock", True, id="CAP_SYS_TIME alone"),
    pytest.param({"capabilities": "", "uid_map": ""}, "can_set_clock", True, id="a kernel that does not say"),
    pytest.param(
        {"capabilities": "000001ffffffffff", "uid_map": "0 100000 65536"}, "can_set_clock", False, id="user namespace"
    ),
]


@pytest.mark.parametrize(("changes", "name", "value"), VALUES)
def test_a_value_is_understood(changes: dict[str, str | None], name: str, value: object) -> None:
    assert getattr(parse_facts(said(**changes)), name) == value


YEARS = [
    pytest.param({"word_bits": "64"}, False, id="64 bits"),
    pytest.param({"word_bits": "32"}, True, id="32 bits, on whatever processor"),
    pytest.param({"word_bits": "32", "libc": "musl-1.2.5"}, False, id="musl counts with 64 bits"),
    pytest.param({"word_bits": ""}, False, id="not said"),
    pytest.param({"word_bits": "32", "machine": "armv7l"}, True, id="Debian 12 armhf"),
    pytest.param({"word_bits": "32", "machine": "armv7l", "os_version": "13"}, False, id="Debian 13 armhf"),
    pytest.param(
        {"word_bits": "32", "machine": "aarch64", "os_version": "13"}, False, id="the same, kernel of 64 bits"
    ),
    pytest.param({"word_bits": "32", "machine": "armv7l", "os_version": ""}, False, id="Debian testing armhf"),
    pytest.param({"word_bits": "32", "os_version": "13"}, True, id="Debian 13 i386"),
    pytest.param({"word_bits": "32", "machine": "armv7l", "os": "void"}, True, id="another system"),
    pytest.param({"machine": "aarch64"}, False, id="Debian 12 arm64"),
]


@pytest.mark.parametrize(("changes", "may_end"), YEARS)
def test_where_a_clock_may_end_in_2038(changes: dict[str, str], may_end: bool) -> None:
    assert parse_facts(said(**changes)).clock_may_end_in_2038 is may_end


PLATFORMS = [
    pytest.param({}, "debian-12-x86_64-glibc-2.36", id="Debian"),
    pytest.param({"os": "arch", "os_version": ""}, "arch-x86_64-glibc-2.36", id="a distribution without versions"),
    pytest.param({"os": "amzn", "os_version": "2023", "machine": "aarch64"}, "amzn-2023-aarch64-glibc-2.36", id="ARM"),
    pytest.param({"word_bits": "32"}, "debian-12-i686-glibc-2.36", id="i386 under a kernel of 64 bits"),
    pytest.param(
        {"machine": "aarch64", "word_bits": "32"}, "debian-12-armv8l-glibc-2.36", id="Raspberry Pi OS of 32 bits"
    ),
    pytest.param({"machine": "armv7l", "word_bits": "32"}, "debian-12-armv7l-glibc-2.36", id="armhf"),
    pytest.param(
        {"os_version": "", "os_codename": "forky"}, "debian-forky-x86_64-glibc-2.36", id="a release that is to come"
    ),
    pytest.param(
        {"os": "rocky", "os_version": "9.6", "os_like": "rhel centos fedora"}, "rocky-9-x86_64-glibc-2.36", id="EL"
    ),
    pytest.param({"os": "ol", "os_version": "9.6", "os_like": "fedora"}, "ol-9-x86_64-glibc-2.36", id="Oracle Linux"),
    pytest.param({"os": "rhel", "os_version": "10.1"}, "rhel-10-x86_64-glibc-2.36", id="RHEL"),
    pytest.param(
        {"os": "alpine", "os_version": "3.23.6", "libc": "musl-1.2.5"}, "alpine-3.23-x86_64-musl-1.2.5", id="Alpine"
    ),
    pytest.param(
        {"os": "ubuntu", "os_version": "24.04", "os_codename": "noble", "os_like": "debian"},
        "ubuntu-24.04-x86_64-glibc-2.36",
        id="each release of Ubuntu is another one",
    ),
    pytest.param(
        {"os": "opensuse-leap", "os_version": "15.6", "os_like": "suse opensuse"},
        "opensuse-leap-15.6-x86_64-glibc-2.36",
        id="and of openSUSE",
    ),
    pytest.param({"libc": ""}, "debian-12-x86_64", id="a C library that does not tell"),
]


@pytest.mark.parametrize(("changes", "name"), PLATFORMS)
def test_a_platform_names_the_hosts_that_a_build_fits(changes: dict[str, str], name: str) -> None:
    assert parse_facts(said(**changes)).platform == name


@pytest.mark.parametrize(
    ("os_", "like", "holds"),
    [
        ("debian", (), True),
        ("ubuntu", ("debian",), True),
        ("linuxmint", ("ubuntu", "debian"), True),
        ("rhel", (), False),
    ],
)
def test_debian_and_its_derivatives_are_debian_like(os_: str, like: tuple[str, ...], holds: bool) -> None:
    assert replace(FACTS, os=os_, os_like=like).is_debian_like is holds


REFUSED = [
    pytest.param("", "the host did not print its os; is its login shell a POSIX shell?", id="nothing"),
    pytest.param("This account is currently not available.\n", "the host did not print its os", id="nologin"),
    pytest.param(said(ssh_connection=None), "the host did not print its ssh_connection", id="cut off"),
    pytest.param(said(cpus="two"), "a fact of the host is not a number", id="no number"),
    pytest.param(said(capabilities="all"), "a fact of the host is not a number", id="no hexadecimal"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_an_output_that_is_no_answer_is_refused(text: str, words: str) -> None:
    with pytest.raises(ParseError, match=f"^{words}"):
        parse_facts(text)


LINES = st.tuples(st.sampled_from([line.split("=")[0] for line in TEXT.splitlines()]), st.text(max_size=12))


@given(st.text() | st.lists(LINES).map(lambda lines: said(**dict(lines))))
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    try:
        assert parse_facts(text).cpus >= 1
    except ParseError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", MANAGERS)
def test_each_known_package_manager_is_found(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch(mode=0o755)
    line = [str(shutil.which("sh")), "-c", facts_script()]
    # No other tool is on this PATH: the script says what it can.
    done = subprocess.run(line, check=False, env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60)
    assert f"packager={name}" in done.stdout.splitlines()


def test_this_machine_tells_its_facts() -> None:
    facts = parse_facts(LocalTransport().execute(facts_script()).stdout)
    assert (facts.machine, facts.uid, facts.cpus) == (platform.machine(), os.getuid(), len(os.sched_getaffinity(0)))
    assert (facts.client is None) == ("SSH_CONNECTION" not in os.environ)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone makes a container")
@pytest.mark.parametrize("port", ["123", "1024"])
@pytest.mark.parametrize("bounding_set", ["+all", "-net_bind_service"])
def test_a_container_without_the_right_to_low_ports_says_so(port: str, bounding_set: str) -> None:
    container = ("unshare", "--pid", "--fork", "--mount-proc", "--net")
    script = f"echo {port} >/proc/sys/net/ipv4/ip_unprivileged_port_start\n{facts_script()}"
    line = [*container, "setpriv", f"--bounding-set={bounding_set}", "sh", "-c", script]
    done = subprocess.run(line, check=True, capture_output=True, text=True, timeout=60)
    facts = parse_facts(done.stdout)
    assert facts.can_serve is (bounding_set == "+all" or port == "123")
