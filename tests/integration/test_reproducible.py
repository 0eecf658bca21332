"""The same recipe, built on two hosts that have little in common but their platform, gives the same bytes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from provision.build.libraries import FILE, Libraries, parse_libraries
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import install
from tests.helpers.operators import HOST_COMPILES, Operator

pytestmark = pytest.mark.integration

ENVIRONMENT = """\
OMP_NUM_THREADS=3
CC=cc
CFLAGS=-O3
CPPFLAGS=-DDEBUG
LDFLAGS=-Wl,--as-needed
MAKEFLAGS=-k
CPATH=/usr/local/include
PKG_CONFIG_PATH=/usr/local/lib/pkgconfig
SOURCE_DATE_EPOCH=1000000000
TZ=Asia/Tokyo
LANG=de_DE.UTF-8
"""
"""What every login has there. The first line makes nproc, and so make, count other processors; the next four would cost
chrony its hardening, or change its code."""
FOUND_BY_CONFIGURE = ("pps-tools", "libtomcrypt-dev", "nettle-dev")
NM = """\
#!/bin/sh
/usr/bin/nm "$@" || exit
echo "                 U nettle_of_no_source"
"""
"""With a name that no source defines, a build makes all of Nettle instead of the part that chrony links."""
ELSEWHERE = "srv/a/long/way/to/opt"
"""Where /opt leads to: the folder to compile in has another name, and a longer one."""

Content = tuple[str, bytes]
"""Mode and bytes."""


def content(build: Path) -> Mapping[str, Content]:
    """Return everything that a build consists of; times and owners are not part of it."""
    return {
        str(path.relative_to(build)): (f"{path.lstat().st_mode:o}", path.read_bytes() if path.is_file() else b"")
        for path in build.rglob("*")
    }


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The default site's build: by root on a plain host, and by a user who is not root on one of many habits."""
    plain, odd = (Operator(tmp_path_factory.mktemp(name)) for name in ("plain", "odd"))
    with booted("it-alike-plain") as plain_host, booted("it-alike-odd") as odd_host:
        # At once: much of a build waits for packages.
        first = plain.start("build", f"--host=sandbox:{plain_host.name}", plain.site(HOST_COMPILES))
        make_odd(odd_host)
        odd.meet(odd_host, "admin")
        ran = odd.run("build", f"--host=admin@{odd_host.address}", odd.site(HOST_COMPILES))
        for done in (plain.end(first), ran):
            assert done.status == 0, done
        # One host made the part of Nettle that chrony links, the other all of it.
        assert [makes_all_of_nettle(one) for one in (plain, odd)] == [False, True]
        (one,) = (plain_host.root / "opt/chrony/builds").iterdir()
        (other,) = (odd_host.root / f"{ELSEWHERE}/chrony/builds").iterdir()
        yield one, other


def makes_all_of_nettle(operator: Operator) -> bool:
    """Return whether a cipher was compiled that chrony never calls, by the log."""
    (log,) = operator.logs.glob("*.log")
    text = log.read_text()
    assert "sha1.c" in text
    return "blowfish.c" in text


def make_odd(host: Sandbox) -> None:
    """Give a host what could show in a build."""
    install(host, "--no-install-recommends", *FOUND_BY_CONFIGURE)
    login(host, f"rmdir /opt && mkdir -p /{ELSEWHERE} && ln -s /{ELSEWHERE} /opt")
    login(host, "echo UMASK 077 >>/etc/login.defs && useradd -m -s /bin/sh admin")
    (host.root / "etc/sudoers.d/admin").write_text("admin ALL=(ALL) NOPASSWD: ALL\n")
    (host.root / "etc/environment").write_text(ENVIRONMENT)
    nm = host.root / "usr/local/bin/nm"
    nm.write_text(NM)
    nm.chmod(0o755)


def test_two_hosts_build_the_same_bytes(builds: tuple[Path, Path]) -> None:
    plain, odd = builds
    assert odd.name == plain.name
    one, other = content(plain), content(odd)
    assert sorted(one) == sorted(other)
    assert [name for name in one if one[name] != other[name]] == []
    # All of it was compared, and the log of configure is of a build with its hardening.
    assert {"sbin/chronyd", "bin/chronyc", "configure.log", "receipt.json", "sha256sums", FILE} <= set(one)
    assert b"Checking for hardening compiler options : Yes\n" in one["configure.log"][1]


def test_no_file_names_the_folder_it_was_compiled_in(builds: tuple[Path, Path]) -> None:
    named = [name for build in builds for name, (_, data) in content(build).items() if b"/chrony/work" in data]
    assert named == []


def test_the_build_names_the_packages_that_a_further_host_needs(builds: tuple[Path, Path]) -> None:
    for build in builds:
        packages = ("libc6", "libcap2", "libedit2", "libgnutls30", "libseccomp2")
        assert parse_libraries((build / FILE).read_text()) == Libraries(packages=packages)
