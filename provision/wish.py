"""What a command line and a site ask for, checked as far as can be without touching a host."""

import re
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from provision.errors import SiteError
from provision.keys import Keys, read_keys
from provision.releases import SYSTEM, Release, check_fit, find
from provision.site import Site, read_site, with_releases
from provision.target import Target, parse_target

SITE_FILE = Path("site.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done, on which hosts."""

    targets: tuple[Target, ...]
    site: Site
    chrony: Release
    nettle: Release | None
    """None is the distribution's."""
    key_file: Path
    has_keys: bool
    """The key file was there when the command began; otherwise the run itself made it, for the first of its hosts."""
    sources: Path | None = None
    """The operator's folder of tarballs."""
    check: bool = False
    """Also run chrony's own unit tests after a build."""
    accept_new: bool = False
    """Learn the keys of hosts that known_hosts does not have."""
    patience: int = 60
    """Seconds to wait for the clock to be synchronised."""
    confirm_within: int = 90
    """Seconds after which a host goes back by itself from a switch that nobody confirmed."""
    wait: bool = False
    """Wait for somebody else who is at work on a host."""

    @property
    def releases(self) -> tuple[Release, ...]:
        """Return the tarballs that are asked for."""
        return (self.chrony,) if self.nettle is None else (self.nettle, self.chrony)

    def read_keys(self) -> Keys | None:
        """Read the operator's keys; None: there are none yet. Raises SiteError."""
        return read_keys(self.key_file)


def make_wish(  # noqa: PLR0913 -- each is an option of the command line
    *,
    hosts: list[str],
    site: str = "",
    chrony: str = "",
    nettle: str = "",
    sources: str = "",
    check: bool = False,
    accept_new: bool = False,
    patience: str = "60",
    confirm_within: str = "90",
    wait: bool = False,
) -> Wish:
    """Read the site and check everything that can be checked here. Raises SiteError.

    Empty texts are options that were not given. Without ``site``, site.toml counts if it is there.
    """
    path = Path(site) if site else SITE_FILE if SITE_FILE.exists() else None
    wanted = with_releases(read_site(path), chrony=chrony or None, nettle=nettle or None)
    versions, digests = wanted.release, wanted.release.sha256
    check_fit(versions.chrony, versions.nettle)
    key_file = wanted.keys.file or user_config_path("chrony-provision") / "chrony.keys"
    keys = read_keys(key_file)
    if keys is not None:
        check_keys(wanted, keys, key_file)
    return Wish(
        targets=tuple(parse_target(host) for host in dict.fromkeys(hosts)),
        site=wanted,
        chrony=find("chrony", versions.chrony, digests.chrony),
        nettle=None if versions.nettle == SYSTEM else find("nettle", versions.nettle, digests.nettle),
        key_file=key_file,
        has_keys=keys is not None,
        sources=_folder(sources),
        check=check,
        accept_new=accept_new,
        patience=_seconds("--patience", patience, 0, 9999),
        confirm_within=_seconds("--confirm-within", confirm_within, 15, 3600),
        wait=wait,
    )


def _seconds(option: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or not least <= int(text) <= most:
        raise SiteError(f"{option} {text}: say how many seconds, from {least} to {most}")
    return int(text)


def _folder(sources: str) -> Path | None:
    if not sources:
        return None
    if not Path(sources).is_dir():
        raise SiteError(f"--sources {sources}: no such folder")
    return Path(sources)


def check_keys(site: Site, keys: Keys, path: Path) -> None:
    """Raise SiteError when a source names a key that is not among the operator's: chronyd would only log it."""
    for source in site.time.sources or ():
        if source.key is not None and source.key not in keys.ids:
            raise SiteError(f"time source {source.address}: key {source.key} is not in {path}")
