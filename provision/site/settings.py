"""Combine the command line and the site into the settings of each host, and check them without contacting a host."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from provision.chrony.releases import SYSTEM, Release, check_fit, find
from provision.common.errors import SiteError
from provision.host.target import Kind, Target, parse_target
from provision.keys import Keys
from provision.keys.certificates import NO_CERTIFICATES, Certificates
from provision.keys.reader import KeyReader
from provision.keys.source import KeySource
from provision.site.advice import warnings
from provision.site.inventory import Inventory, Member, read_inventory
from provision.site.key_source import source_of
from provision.site.nts import CertificateReader
from provision.site.schema import Site, with_releases
from provision.site.text_types import Address
from provision.site.time import NEVER_SELECTED
from provision.site.upstreams import FIRST_KEY, CommonKeys, followed, in_order, resolved
from provision.site.upstreams import check_keys as check_followed

NO_KEYS = Keys(())


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Hold the options of the command line that apply to each of its hosts.

    The defaults are in ``provision/cli/options.py``.
    """

    site_file: Path | None
    """None: there is no site file; the built-in defaults hold."""
    folder_without_site: str = ""
    """The folder in which no site file was found; empty if there is one."""
    chrony: str
    """The chrony release, before the site's; empty: the site's."""
    nettle: str
    """The Nettle release, before the site's; empty: the site's."""
    sources: Path | None
    """The operator's folder of tarballs."""
    offline: bool
    """Whether only the bundle and the stores are used, without any download."""
    unit_tests: bool
    """Whether to run chrony's own unit tests after a build."""
    accept_new: bool
    """Whether to accept and store the keys of hosts that are not in known_hosts."""
    sync_timeout: int
    """Seconds to wait for the clock to be synchronised."""
    lock_timeout: int
    """Seconds to wait for another run that holds the host's lock."""
    confirm_timeout: int
    """Seconds after which a host rolls back a switch that was not confirmed."""
    replace: bool = False
    """Whether a first deployment may replace a customised time service, with all that is lost."""

    @property
    def wanted_by(self) -> str:
        """Return what wants the state of a host, for messages."""
        if self.folder_without_site:
            return "the built-in defaults want"
        return "the site wants"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Hold the settings of one host."""

    site: Site
    chrony: Release
    nettle: Release | None
    """The release of Nettle, or None for the distribution's Nettle."""
    key_source: KeySource
    has_keys: bool
    """Whether the host's keys existed at the start, or it needs none; otherwise the run generates the first key."""
    certificates: Certificates = field(repr=False)
    """The certificates of NTS, with the private key of a server's; none for a task that needs no keys."""
    nts_authority: str = ""
    """PEM: what clients of the host have to trust; empty if the site does not say."""
    uses_keys: bool
    """Whether the task needs the operator's keys; other tasks neither read the key file nor run the key command."""
    options: RunOptions
    group: str | None = None
    """The group of the host in the site."""
    follows: tuple[Target, ...] = ()
    """The hosts of the site that are sources of this host."""
    has_later_sources: bool = False
    """Whether some of them come later in the order of the run, so that they may not serve time yet."""

    @property
    def releases(self) -> tuple[Release, ...]:
        """Return the releases to build."""
        if self.nettle is None:
            return (self.chrony,)
        return self.nettle, self.chrony

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the settings of the site that are permitted but rarely intended, and whether there is no site."""
        found = tuple(warnings(self.site))
        if self.options.folder_without_site and self.uses_keys:
            return (f"no site.toml in {self.options.folder_without_site}: the built-in defaults apply", *found)
        return found

    def read_keys(self, reader: KeyReader) -> Keys | None:
        """Return the operator's keys for this host: all for a server, those of its sources for a client.

        None if they do not exist yet, or the task needs none. Raises SiteError.
        """
        if not self.uses_keys:
            return None
        if not needs_keys(self.site):
            return NO_KEYS
        keys = reader.keys(self.key_source)
        if keys is None:
            return None
        # The key file may have been created after the start of this command.
        check_keys(self.site, keys, self.key_source.name)
        if self.site.serve.role == "server":
            return keys
        return reader.selected(self.key_source, self.site.named_keys)


def no_site_hint(folder: str) -> str:
    """Return the end of an error that a site file might have prevented; empty if ``folder`` is, as with a site file."""
    if not folder:
        return ""
    return f" (there is no site.toml in {folder}; --site FILE names one)"


def settings_of_hosts(
    hosts: Sequence[str],
    options: RunOptions,
    keys: KeyReader,
    *,
    address_of: Callable[[Target], str] | None,
    limit: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> tuple[tuple[Target, Settings], ...]:
    """Read the site and return each selected host with its settings, in order, after all checks that need no host.

    ``address_of`` returns the address of a sandbox. Without it, followed servers and keys are left out, for tasks that
    do not render chrony.conf. If the site lists hosts, ``hosts`` selects from them by name or group; an empty selection
    means all. Raises SiteError.
    """
    inventory = read_inventory(options.site_file)
    reader = None
    if address_of is not None:
        reader = keys
    certificates = CertificateReader()
    if not inventory.members:
        if limit or exclude:
            raise SiteError(f"--limit and --exclude are for the hosts of a site, and {inventory.file} has none")
        settings = _settings(inventory.defaults, options, reader, certificates)
        targets = dict.fromkeys(parse_target(host) for host in hosts)
        return tuple((target, settings) for target in targets)
    chosen = inventory.choose(hosts, limit=limit, exclude=exclude)
    ordered = in_order(inventory, chosen)
    # Check this before the first sandbox is booted for its address.
    host_settings = {member.name: _settings(member.site, options, reader, certificates) for member in ordered}
    if address_of is not None:
        resolved_sites = resolve(inventory, ordered, keys, address_of)
        host_settings = {member.name: _settings(site, options, reader, certificates) for member, site in resolved_sites}
    number = {member.name: number for number, member in enumerate(in_order(inventory, inventory.members))}
    return tuple((member.target, _placed(inventory, member, host_settings[member.name], number)) for member in ordered)


def settings_of_any_host(options: RunOptions, keys: KeyReader) -> Settings:
    """Return the settings of each host of a site that lists none, after all checks that need no host.

    Raises SiteError.
    """
    return _settings(read_inventory(options.site_file).defaults, options, keys, CertificateReader())


def resolve(
    inventory: Inventory, members: Iterable[Member], keys: KeyReader, address_of: Callable[[Target], str]
) -> Iterator[tuple[Member, Site]]:
    """Yield these hosts with their sites, after a check of the complete site, because hosts depend on each other.

    Raises SiteError.
    """
    common = CommonKeys(inventory, keys)

    def address(member: Member) -> Address:
        if member.address is None and member.target.kind is not Kind.SANDBOX:
            raise SiteError(
                f"{inventory.file}: {member.place}.address: is missing; say at which address it serves time"
            )
        return member.address or Address(address_of(member.target))

    check_followed(inventory, common)
    for member in members:
        yield member, resolved(inventory, member, common, address_of=address)


def all_releases(options: RunOptions) -> tuple[Release, ...]:
    """Return the releases that the hosts of a site need, without duplicates; without hosts, those of the defaults."""
    inventory = read_inventory(options.site_file)
    sites = [member.site for member in inventory.members] or [inventory.defaults]
    every = (_settings(site, options, None, CertificateReader()) for site in sites)
    return tuple(dict.fromkeys(release for settings in every for release in settings.releases))


def needs_keys(site: Site) -> bool:
    """Return whether a host needs keys: a server does, and a client with authenticated sources."""
    return site.serve.role == "server" or bool(site.named_keys)


def _settings(site: Site, options: RunOptions, reader: KeyReader | None, certificates: CertificateReader) -> Settings:
    """Return the settings of a host, after checks; without ``reader``, those for a task that needs no keys."""
    wanted = with_releases(site, chrony=options.chrony or None, nettle=options.nettle or None)
    versions, digests = wanted.release, wanted.release.sha256
    check_fit(versions.chrony, versions.nettle)
    check_authentication(wanted)
    source = source_of(wanted)
    has_keys = not needs_keys(wanted)
    if reader is not None and not has_keys:
        keys = reader.keys(source)
        has_keys = keys is not None
        check_keys(wanted, keys, source.name)
    found, authority = NO_CERTIFICATES, ""
    if reader is not None:
        found = certificates.read(wanted.serve.nts, wanted.time.trusted_certificates)
        if wanted.serve.nts is not None:
            authority = certificates.authority(wanted.serve.nts)
    nettle = None
    if versions.nettle != SYSTEM:
        nettle = find("nettle", versions.nettle, digests.nettle)
    return Settings(
        site=wanted,
        chrony=find("chrony", versions.chrony, digests.chrony),
        nettle=nettle,
        key_source=source,
        has_keys=has_keys,
        certificates=found,
        nts_authority=authority,
        uses_keys=reader is not None,
        options=options,
    )


def _placed(inventory: Inventory, member: Member, settings: Settings, number: Mapping[str, int]) -> Settings:
    others = followed(inventory, member)
    # If hosts follow each other, one of them is the first.
    later = any(number[other.name] > number[member.name] for other in others)
    follows = tuple(other.target for other in others)
    return replace(settings, group=member.group, follows=follows, has_later_sources=later)


def check_authentication(site: Site) -> None:
    """Raise SiteError if the default sources of a site would never be selected because they have no key."""
    time = site.time
    if time.authselectmode == "require" and time.sources is None and not time.follows:
        raise SiteError(
            f'time.authselectmode: "require", {NEVER_SELECTED}, and the default sources have none; '
            "name time.servers with key or nts"
        )


def check_keys(site: Site, keys: Keys | None, origin: str) -> None:
    """Raise SiteError if a source names a key that is not in ``origin``; chronyd would only log it.

    If the key file does not exist yet (``keys`` is None), the first deployment generates only key 1.
    """
    known: Collection[int] = (FIRST_KEY,)
    if keys is not None:
        known = keys.ids
    for place, id_ in site.placed_keys():
        if id_ in known:
            continue
        if keys is None:
            raise SiteError(
                f"{place}: key {id_} is not in {origin}, which does not exist; correct keys.file, or make the key "
                f"first: inv keys.add --id {id_}"
            )
        raise SiteError(f"{place}: key {id_} is not in {origin}")
