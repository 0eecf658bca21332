"""A repository of one package on a host, which apt judges by its dates as it does Debian's."""

import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from provision.host.sandbox.machine import folder
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import copy_to, login

PLACE = "/srv/packages"
DAYS = 7
"""How long the list of its packages is valid, as that of Debian's security updates."""


def only_repository(host: Sandbox, package: str, home: Path) -> None:
    """Make a repository with this package, made of the files in the base image, the only one of a host; from now on."""
    repository = home / "packages"
    repository.mkdir()
    deb = _package(package, folder("bases") / host.suite, home / "unpacked", repository)
    listed = _control(deb) + f"Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {_digest(deb)}\n"
    packages = repository / "Packages"
    packages.write_text(listed)
    now = datetime.now(UTC)
    (repository / "Release").write_text(
        f"Suite: test\nDate: {_date(now)}\nValid-Until: {_date(now + timedelta(days=DAYS))}\n"
        f"SHA256:\n {_digest(packages)} {packages.stat().st_size} Packages\n"
    )
    archive = home / "packages.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(repository, PLACE.lstrip("/"))
    copy_to(host, archive, "/tmp/packages.tar")  # noqa: S108 -- a path on a host of the test
    # Without a signature it is trusted, and its dates are judged all the same.
    login(host, f"tar -C / -xf /tmp/packages.tar && echo 'deb [trusted=yes] file:{PLACE} ./' >/etc/apt/sources.list")


def _package(name: str, base: Path, unpacked: Path, into: Path) -> Path:
    """Make a package of the files that a package has in a base image."""
    info = base / "var/lib/dpkg/info"
    (listed,) = (path for path in (info / f"{name}.list", info / f"{name}:amd64.list") if path.exists())
    for line in listed.read_text().splitlines():
        source, target = base / line.lstrip("/"), unpacked / line.lstrip("/")
        if source.is_dir() and not source.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
        elif source.is_symlink():
            target.symlink_to(source.readlink())
        else:
            target.write_bytes(source.read_bytes())
    status = (base / "var/lib/dpkg/status").read_text().split("\n\n")
    (stanza,) = (text for text in status if text.startswith(f"Package: {name}\n"))
    kept = ("Package", "Version", "Architecture", "Maintainer", "Description", "Multi-Arch")
    lines = [line for line in stanza.splitlines() if line.partition(":")[0] in kept]
    (unpacked / "DEBIAN").mkdir()
    (unpacked / "DEBIAN/control").write_text("\n".join(lines) + "\n")
    deb = into / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", unpacked, deb], check=True, stdout=subprocess.DEVNULL)
    return deb


def _control(deb: Path) -> str:
    return subprocess.run(["dpkg-deb", "-f", deb], check=True, capture_output=True, text=True).stdout


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _date(time: datetime) -> str:
    return f"{time:%a, %d %b %Y %H:%M:%S} UTC"
