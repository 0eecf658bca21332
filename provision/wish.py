"""What a command line and a site ask for, checked as far as can be without touching a host."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from provision.errors import SiteError
from provision.following import check_keys as check_followed
from provision.following import followed, in_order, resolved
from provision.key_source import KeySource, forget, read_keys, source_of
from provision.keys import Keys
from provision.releases import SYSTEM, Release, check_fit, find
from provision.roster import Member, Roster, read_roster
from provision.site import Site, with_releases
from provision.site.advice import warnings
from provision.site.values import Address
from provision.target import Kind, Target, parse_target

SITE_FILE = Path("site.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a command line says beside the hosts; an empty text is an option that was not given."""

    site: str = ""
    chrony: str = ""
    nettle: str = ""
    sources: str = ""
    bundle: str = ""
    check: bool = False
    accept_new: bool = False
    patience: str = "60"
    confirm_within: str = "90"
    wait: bool = False

    @property
    def file(self) -> Path | None:
        """Return the site file; without a word, site.toml counts if it is there."""
        return Path(self.site) if self.site else SITE_FILE if SITE_FILE.exists() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done on a host."""

    site: Site
    chrony: Release
    nettle: Release | None
    """None is the distribution's."""
    key_source: KeySource
    has_keys: bool
    """The keys were there when the command began; otherwise the run itself made it, for the first of its hosts."""
    sources: Path | None
    """The operator's folder of tarballs."""
    offline: bool
    """What a bundle has not got is nowhere to be had."""
    check: bool
    """Also run chrony's own unit tests after a build."""
    accept_new: bool
    """Learn the keys of hosts that known_hosts does not have."""
    patience: int
    """Seconds to wait for the clock to be synchronised."""
    confirm_within: int
    """Seconds after which a host goes back by itself from a switch that nobody confirmed."""
    wait: bool
    """Wait for somebody else who is at work on a host."""
    group: str | None = None
    """The host's, in the site."""
    follows: tuple[str, ...] = ()
    """The hosts of the site that it asks for the time."""
    others_later: bool = False
    """Some of them come after it."""

    @property
    def releases(self) -> tuple[Release, ...]:
        """Return the tarballs that are asked for."""
        return (self.chrony,) if self.nettle is None else (self.nettle, self.chrony)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what of the site is allowed, and rarely meant."""
        return tuple(warnings(self.site))

    def read_keys(self) -> Keys | None:
        """Read the operator's keys for this host; None: there are none yet. Raises SiteError."""
        keys = read_keys(self.key_source)
        if keys is None:
            return None
        # It may be there only since this run began.
        check_keys(self.site, keys, self.key_source.name)
        return needed_keys(self.site, keys)


def make_wish(options: Options) -> Wish:
    """Return what is asked for where no host is named. Raises SiteError."""
    return _wish(read_roster(options.file).defaults, options)


def make_wishes(
    hosts: Sequence[str],
    options: Options,
    *,
    address_of: Callable[[Target], Address] | None,
    limit: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> tuple[tuple[Target, Wish], ...]:
    """Read the site and check everything that can be checked here: what is to be done on each host, in order.

    ``address_of`` tells the address of a sandbox; without it, what hosts follow is left out, for tasks that change no
    chrony.conf. A site that has hosts of its own is asked for those, by name or group; all, if none is named. Raises
    SiteError.
    """
    roster = read_roster(options.file)
    if not roster.members:
        if limit or exclude:
            raise SiteError(f"--limit and --exclude are for the hosts of a site, and {roster.file} has none")
        wish = _wish(roster.defaults, options)
        return tuple((parse_target(host), wish) for host in dict.fromkeys(hosts))
    chosen = roster.choose(hosts, limit=limit, exclude=exclude)
    ordered = in_order(roster, chosen)
    # Before the first sandbox is booted for its address.
    wishes = {member.name: _wish(member.site, options) for member in ordered}
    if address_of is not None:
        wishes = {member.name: _wish(site, options) for member, site in resolve(roster, ordered, address_of)}
    number = {member.name: number for number, member in enumerate(in_order(roster, roster.members))}
    return tuple((member.target, _placed(roster, member, wishes[member.name], number)) for member in ordered)


def resolve(
    roster: Roster, members: Iterable[Member], address_of: Callable[[Target], Address]
) -> Iterator[tuple[Member, Site]]:
    """Yield these hosts of a site with what each is to be; all of the site is checked, for hosts have to fit together.

    Raises SiteError.
    """
    read = cache(read_keys)

    def keys_of(member: Member) -> tuple[str, Keys | None]:
        source = source_of(member.site)
        return source.name, read(source)

    def address(member: Member) -> Address:
        if member.address is None and member.target.kind is not Kind.SANDBOX:
            raise SiteError(f"{roster.file}: {member.place}.address: is missing; say at which address it serves time")
        return member.address or address_of(member.target)

    check_followed(roster, keys_of)
    for member in members:
        yield member, resolved(roster, member, address_of=address, keys_of=keys_of)


def all_releases(options: Options) -> tuple[Release, ...]:
    """Return the tarballs that the hosts of a site need, each once; those of the defaults, if it has none."""
    roster = read_roster(options.file)
    sites = [member.site for member in roster.members] or [roster.defaults]
    return tuple(dict.fromkeys(release for site in sites for release in _wish(site, options).releases))


def needed_keys(site: Site, keys: Keys) -> Keys:
    """Return the keys that a host has to have: a client that asks with keys, those alone."""
    used = site.named_keys
    return keys if site.serve.role == "server" or not used else _only(keys, used)


@lru_cache(maxsize=64)
def _only(keys: Keys, ids: frozenset[int]) -> Keys:
    """Return some of the keys: for all hosts that have the same, the same, for their digest is slow."""
    return Keys(tuple(key for key in keys if key.id in ids))


def forget_keys() -> None:
    """Forget the keys of all hosts: they were not this machine's."""
    _only.cache_clear()
    forget()


def _wish(site: Site, options: Options) -> Wish:
    wanted = with_releases(site, chrony=options.chrony or None, nettle=options.nettle or None)
    versions, digests = wanted.release, wanted.release.sha256
    check_fit(versions.chrony, versions.nettle)
    source = source_of(wanted)
    keys = read_keys(source)
    if keys is not None:
        check_keys(wanted, keys, source.name)
    return Wish(
        site=wanted,
        chrony=find("chrony", versions.chrony, digests.chrony),
        nettle=None if versions.nettle == SYSTEM else find("nettle", versions.nettle, digests.nettle),
        key_source=source,
        has_keys=keys is not None,
        sources=_folder(options.sources),
        offline=bool(options.bundle),
        check=options.check,
        accept_new=options.accept_new,
        patience=_seconds("--patience", options.patience, 0, 9999),
        confirm_within=_seconds("--confirm-within", options.confirm_within, 15, 3600),
        wait=options.wait,
    )


def _placed(roster: Roster, member: Member, wish: Wish, number: Mapping[str, int]) -> Wish:
    names = tuple(other.name for other in followed(roster, member))
    # In a circle, one has to be the first.
    later = any(number[name] > number[member.name] for name in names)
    return replace(wish, group=member.group, follows=names, others_later=later)


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


def check_keys(site: Site, keys: Keys, origin: str) -> None:
    """Raise SiteError when a source names a key that is not among the operator's: chronyd would only log it."""
    for source in site.time.sources or ():
        if source.key is not None and source.key not in keys.ids:
            raise SiteError(f"time source {source.address}: key {source.key} is not in {origin}")
