"""The site: what the operator wants, from one TOML file; without one, the defaults that stand here.

Every key is described in docs/site.md. A site that could be read is possible in itself: nothing further down checks
again. Key material never stands in it, only the path of a key file or a command.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta
from msgspec.structs import replace

from provision.access import PRIVATE
from provision.conf import source_key
from provision.errors import SiteError
from provision.releases import DEFAULT_CHRONY, DEFAULT_NETTLE
from provision.site.clock import Time
from provision.site.decode import Tree, convert, parse
from provision.site.source import Pool, Server, Source, Table
from provision.site.values import Address, Command, NettleVersion, Network, Refused, Sha256, Version

T = TypeVar("T", bound=Table)

NEAR = tuple(Network(str(network)) for network in PRIVATE)
"""Who may ask a server whose site does not say: nobody whose packets the Internet would carry."""


class Digests(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The digests of tarballs that are not pinned in this package."""

    chrony: Sha256 | None = None
    nettle: Sha256 | None = None


class Versions(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which releases are built."""

    chrony: Version = Version(DEFAULT_CHRONY)
    nettle: NettleVersion = NettleVersion(DEFAULT_NETTLE)
    sha256: Digests = Digests()


class Build(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Features of the build that are not a must; dropping root, CMAC and IPv6 are one."""

    nts: bool = True
    seccomp: bool = True
    readline: bool = True


class Serve(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may ask this host for time."""

    role: Literal["server", "client"] = "server"
    allow: tuple[Network, ...] | None = None
    deny: tuple[Network, ...] = ()
    firewall: Literal["leave", "open"] = "leave"

    @property
    def allowed(self) -> tuple[Network, ...]:
        """Return the networks that may ask, but for those in ``deny``; none may ask a client."""
        if self.role == "client":
            return ()
        return NEAR if self.allow is None else self.allow

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield a client that serves, a server that does not, and networks that are both allowed and denied."""
        if self.role == "client":
            for name in ("allow", "deny"):
                if getattr(self, name):
                    yield name, 'a client serves nobody; remove this, or set serve.role = "server"'
            if self.firewall == "open":
                yield "firewall", 'a client needs no open port; remove this, or set serve.role = "server"'
            return
        if self.allow == ():
            yield "allow", 'a server that nobody may ask; set serve.role = "client", or leave this out for the default'
        for number, network in enumerate(self.deny):
            if network in self.allowed:
                yield f"deny[{number}]", f"{network} is allowed, too"


class Keys(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the operator keeps the keys, on the control machine."""

    file: Path | None = None
    command: Command | None = None
    """Prints the keys, in place of a file."""
    use: Annotated[int, Meta(ge=1, le=2**32 - 1)] | None = None
    """The key with which a host asks those that it follows."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield a command beside a file."""
        if self.file is not None and self.command is not None:
            yield "command", "keys.file is set, too; the keys come from one of them"


class Service(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How chronyd is run."""

    seccomp: Literal[0, 1, 2] | None = None
    keep: Annotated[int, Meta(ge=2, le=100)] = 3
    """How many generations stay on a host, the current one among them: at least that and the one before."""


class Rollout(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a change comes to many hosts."""

    max_unavailable: Annotated[int, Meta(ge=1)] = 1
    """How many servers of a group may be without proof at once."""
    builder: str | None = None
    """The host of the site that compiles what it needs as well."""


class Site(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the operator wants."""

    release: Versions = Versions()
    build: Build = Build()
    time: Time = Time()
    serve: Serve = Serve()
    keys: Keys = Keys()
    service: Service = Service()
    rollout: Rollout = Rollout()

    @property
    def named_keys(self) -> frozenset[int]:
        """Return the ids of the keys that its sources and lines such as ``peer ADDRESS key ID`` name."""
        named = {source.key for source in self.time.sources or ()} | {source_key(line) for line in self.time.extra}
        return frozenset(key for key in named if key is not None)

    @property
    def seccomp(self) -> int:
        """Return the level of the system call filter, ``chronyd -F``.

        The default is 2, which blocks a few calls: level 1 allows a few, and has killed chronyd on a newer C library.
        """
        if self.service.seccomp is None:
            return 2 if self.build.seccomp else 0
        return self.service.seccomp

    @property
    def needs_pps(self) -> bool:
        """Say whether the build has to know the API of pulses each second."""
        return any(line.needs_pps for line in self.time.extra)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield what needs a feature that is not built, and lines that the chosen chrony does not know."""
        if self.seccomp and not self.build.seccomp:
            yield "service.seccomp", f"{self.seccomp} needs build.seccomp = true"
        for place, source in self.time.placed():
            if source.nts and not self.build.nts:
                yield f"time.{place}.nts", "needs build.nts = true"
        for number, line in enumerate(self.time.extra):
            if line.needs_nts and not self.build.nts:
                yield f"time.extra[{number}]", f"{line.name} needs build.nts = true"
            if (why := line.unknown_to(self.release.chrony)) is not None:
                yield f"time.extra[{number}]", why


def read_tree(path: Path) -> Tree:
    """Read a site file. Raises SiteError, ``FILE: PATH: what is wrong``."""
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise SiteError(f"{path}: cannot be read: {error.strerror}") from error


def to_table(tree: Tree, kind: type[T], path: Path, *, place: Callable[[str], str]) -> T:
    """Return a table of a site file; ``place`` tells where a key stands there. Raises SiteError."""

    def value(kind: Any, text: Any) -> Any:
        if not isinstance(text, str):
            raise Refused(f"expected str, got {type(text).__name__}")
        if issubclass(kind, Path):
            return _local_path(path.parent, text)
        return Command.run_in(path.parent, text) if issubclass(kind, Command) else kind(text)

    try:
        return convert(tree, kind, hook=value)
    except Refused as error:
        raise SiteError(f"{path}: {place(error.key)}: {error}") from error


def _local_path(folder: Path, text: str) -> Path:
    """Return a path of this machine; a relative one starts where the site file is."""
    if not text:
        raise Refused("is empty; leave it out for the default")
    try:
        return folder / Path(text).expanduser()
    except RuntimeError as error:
        raise Refused(f"{text!r}: {error}") from error


def with_releases(site: Site, *, chrony: str | None = None, nettle: str | None = None) -> Site:
    """Return the site with other releases, as the command line asks. Raises SiteError."""
    versions, digests = site.release, site.release.sha256
    try:
        # A digest in the site belongs to the version in the site.
        if chrony is not None:
            versions, digests = replace(versions, chrony=Version(chrony)), replace(digests, chrony=None)
        if nettle is not None:
            versions, digests = replace(versions, nettle=NettleVersion(nettle)), replace(digests, nettle=None)
        return replace(site, release=replace(versions, sha256=digests))
    except Refused as error:
        raise SiteError(f"{error.key or 'release'}: {error}") from error


def choose_sources(site: Site, *, time_source: str | None, ec2: bool) -> tuple[Source, ...]:
    """Return the site's sources; when it names none, the sandbox's time source, Amazon's on EC2, or the NTP pool."""
    if site.time.sources is not None:
        return site.time.sources
    if time_source is not None:
        # A fresh clock has to be good in seconds; the source is a machine of our own.
        return (Server(address=Address(time_source), minpoll=0, maxpoll=4),)
    if ec2:
        # Amazon Time Sync Service; link-local, so asking every 16 seconds harms nobody.
        return (Server(address=Address("169.254.169.123"), prefer=True, minpoll=4, maxpoll=4),)
    return (Pool(address=Address("pool.ntp.org"), maxsources=4),)
