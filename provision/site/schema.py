"""Define the tables of the site file, with their defaults and the rules that they keep.

docs/site.md describes every key. Without a site file, the defaults apply. A site that was read without an error is
consistent, and no later code checks it again. It contains no key material, only the path of a key file or a command.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from provision.chrony.access import PRIVATE
from provision.chrony.conf import source_key, uses_nts
from provision.chrony.releases import DEFAULT_CHRONY, DEFAULT_NETTLE
from provision.common.errors import SiteError
from provision.host.paths import METRICS_FOLDER, plain_path
from provision.site.limits import Limits
from provision.site.nts import Nts
from provision.site.source import Pool, Server, Source, Table
from provision.site.text_types import Address, Command, HostPath, NettleVersion, Network, Refused, Sha256, Version
from provision.site.time import Time

NTS_SERVER_LINES = ("ntsservercert", "ntsserverkey", "ntsport", "ntsdumpdir")
"""The directives that serve.nts sets."""
NEAR = tuple(Network(str(network)) for network in PRIVATE)
"""The clients of a server by default: networks that are not routed on the Internet."""
NODE_EXPORTER_FOLDER = HostPath("/var/lib/prometheus/node-exporter")
"""The default of Debian's package prometheus-node-exporter."""


class Digests(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the digests of tarballs without a built-in pin."""

    chrony: Sha256 | None = None
    nettle: Sha256 | None = None


class Versions(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the releases to build."""

    chrony: Version = Version(DEFAULT_CHRONY)
    nettle: NettleVersion = NettleVersion(DEFAULT_NETTLE)
    sha256: Digests = Digests()


class Build(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the optional features of the build; dropping root, CMAC and IPv6 are always included."""

    nts: bool = True
    seccomp: bool = True
    readline: bool = True
    confirm: Annotated[int, Meta(ge=1, le=9)] = 1
    """The number of hosts of a platform that must compile identical builds before further hosts receive them."""
    on: Literal["host", "sandbox", "auto"] = "auto"
    """Where a build is compiled; auto: in a sandbox if the control machine can boot one at once, else on a host."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield a sandbox as the only one that compiles, where several builders are required."""
        if self.on == "sandbox" and self.confirm > 1:
            yield "on", f'a sandbox is one builder, and build.confirm is {self.confirm}; set build.on = "host"'


class Serve(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the networks that may query this host."""

    role: Literal["server", "client"] = "server"
    allow: tuple[Network, ...] | None = None
    deny: tuple[Network, ...] = ()
    firewall: Literal["leave", "open"] = "leave"
    nts: Nts | None = None

    @property
    def allowed(self) -> tuple[Network, ...]:
        """Return the networks that may query, apart from ``deny``; none for a client."""
        if self.role == "client":
            return ()
        if self.allow is None:
            return NEAR
        return self.allow

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield a client with access rules, a server without any, and networks that are both allowed and denied."""
        if self.role == "client":
            for name in ("allow", "deny"):
                if getattr(self, name):
                    yield name, 'a client serves nobody; remove this, or set serve.role = "server"'
            if self.nts is not None:
                yield "nts", 'a client serves nobody; remove this, or set serve.role = "server"'
            if self.firewall == "open":
                yield "firewall", 'a client needs no open port; remove this, or set serve.role = "server"'
            return
        if self.allow == ():
            yield "allow", 'a server that nobody may ask; set serve.role = "client", or leave this out for the default'
        allowed = frozenset(self.allowed)
        for number, network in enumerate(self.deny):
            if network in allowed:
                yield f"deny[{number}]", f"{network} is allowed, too"


class Keys(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the location of the operator's keys on the control machine."""

    file: Path | None = None
    command: Command | None = None
    """A command that prints the keys, in place of a file."""
    use: Annotated[int, Meta(ge=1, le=2**32 - 1)] | None = None
    """The key with which a host authenticates the hosts that it follows."""
    usage: bool = False
    """Whether a server counts its answers for each key, in the kernel."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the fault if both a command and a file are set."""
        if self.file is not None and self.command is not None:
            yield "command", "keys.file is set, too; the keys come from one of them"


class Service(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the settings of chronyd's service."""

    seccomp: Literal[0, 1, 2] | None = None
    keep: Annotated[int, Meta(ge=2, le=100)] = 3
    """The number of generations that stay on a host, including the current and the previous one."""
    wait: bool = False
    """Whether services that are ordered after time-sync.target start only after the clock has been set."""
    replace_programs: bool = False
    """Whether links replace a foreign chronyc and chronyd in /usr/local, which are stored for uninstall."""
    sockets: bool | None = None
    """Whether systemd keeps the ports of a server open while its daemon is replaced; None: where it can."""
    metrics: Literal["none", "textfile"] = "none"
    """How the host tells its metrics by itself."""
    metrics_folder: HostPath = NODE_EXPORTER_FOLDER
    """The folder that node_exporter's textfile collector reads."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the folder of the metrics themselves as that of the link to them."""
        if plain_path(self.metrics_folder) == METRICS_FOLDER:
            yield "metrics_folder", "the host writes the metrics there; a node_exporter that reads it needs no link"


class Rollout(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold the order of a deployment to many hosts."""

    max_unavailable: Annotated[int, Meta(ge=1)] = 1
    """The number of servers of a group that may be unproven at the same time."""
    builder: str | None = None
    """The host of the site that compiles a build if it needs that build itself."""


class Site(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold all settings of a host."""

    release: Versions = Versions()
    build: Build = Build()
    time: Time = Time()
    serve: Serve = Serve()
    keys: Keys = Keys()
    service: Service = Service()
    rollout: Rollout = Rollout()
    limits: Limits = Limits()

    @property
    def named_keys(self) -> frozenset[int]:
        """Return the ids of all keys that sources and lines such as ``peer ADDRESS key ID`` name."""
        return frozenset(id_ for _, id_ in self.placed_keys())

    def placed_keys(self) -> Iterator[tuple[str, int]]:
        """Yield each source with a key, by its name for messages, and the id of the key."""
        for source in self.time.sources or ():
            if source.key is not None:
                yield f"time source {source.address}", source.key
        for number, line in enumerate(self.time.extra):
            if (id_ := source_key(line)) is not None:
                yield f"time.extra[{number}]", id_

    @property
    def counts_keys(self) -> bool:
        """Return whether a host counts its answers for each key: a server that the site wants to."""
        return self.keys.usage and self.serve.role == "server"

    @property
    def seccomp(self) -> int:
        """Return the level of the system call filter, ``chronyd -F``.

        The default is 2, which blocks a few calls. Level 1 permits only known calls, and has killed chronyd on a newer
        C library.
        """
        if self.service.seccomp is not None:
            return self.service.seccomp
        if self.build.seccomp:
            return 2
        return 0

    @property
    def uses_nts(self) -> bool:
        """Return whether chronyd serves with NTS, or asks a source with it."""
        lines = (line for line in self.time.extra if line.needs_nts or uses_nts(line))
        return self.serve.nts is not None or any(one.nts for one in self.time.sources or ()) or any(lines)

    @property
    def needs_pps(self) -> bool:
        """Return whether the build needs the kernel's PPS API."""
        return any(line.needs_pps for line in self.time.extra)

    @property
    def needs_signd(self) -> bool:
        """Return whether the build needs MS-SNTP, with signatures of Samba's signd."""
        return any(line.needs_signd for line in self.time.extra)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield settings for features that are not built, and lines that the selected chrony does not support."""
        if self.seccomp and not self.build.seccomp:
            yield "service.seccomp", f"{self.seccomp} needs build.seccomp = true"
        yield from self._nts_contradictions()
        for place, source in self.time.placed():
            if source.nts and not self.build.nts:
                yield f"time.{place}.nts", "needs build.nts = true"
        for number, line in enumerate(self.time.extra):
            if line.needs_nts and not self.build.nts:
                yield f"time.extra[{number}]", f"{line.name} needs build.nts = true"
            for why in line.faults(self.release.chrony):
                yield f"time.extra[{number}]", why
            if self.serve.role == "client" and line.needs_ntp_port:
                yield f"time.extra[{number}]", f'{line.name} sends from the NTP port; set serve.role = "server"'
            if self.serve.role == "client" and line.needs_signd:
                yield f"time.extra[{number}]", f'{line.name} is for clients that ask here; set serve.role = "server"'
        for place, why in self.time.faults(self.release.chrony):
            yield f"time.{place}", why

    def _nts_contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield certificates that cannot be used, and lines that serve.nts sets itself."""
        if self.serve.nts is not None and not self.build.nts:
            yield "serve.nts", "needs build.nts = true"
        if self.time.trusted_certificates and not self.build.nts:
            yield "time.trusted_certificates", "needs build.nts = true"
        if self.time.follows and self.time.follows_with == "nts" and not self.build.nts:
            yield "time.follows_with", "needs build.nts = true"
        if self.serve.nts is None:
            return
        for number, line in enumerate(self.time.extra):
            if line.name in NTS_SERVER_LINES:
                yield f"time.extra[{number}]", f"{line.name} is set by serve.nts; remove one of them"
            if line.name == "ntsrotate" and self.serve.nts.has_shared_keys:
                yield (
                    f"time.extra[{number}]",
                    "remove it: inv keys.rotate-nts rotates shared keys (serve.nts.shared_keys)",
                )


def with_releases(site: Site, *, chrony: str | None = None, nettle: str | None = None) -> Site:
    """Return the site with the releases of the command line. Raises SiteError."""
    versions = site.release
    digests = versions.sha256
    try:
        # A digest in the site file belongs to the version in the site file.
        if chrony is not None:
            versions = replace(versions, chrony=Version(chrony))
            digests = replace(digests, chrony=None)
        if nettle is not None:
            versions = replace(versions, nettle=NettleVersion(nettle))
            digests = replace(digests, nettle=None)
        return replace(site, release=replace(versions, sha256=digests))
    except Refused as error:
        raise SiteError(f"{error.key or 'release'}: {error}") from error


def choose_sources(site: Site, *, time_source: str | None, ec2: bool) -> tuple[Source, ...]:
    """Return the site's sources; by default the sandbox's time source, Amazon's on EC2, or the NTP pool."""
    if site.time.sources is not None:
        return site.time.sources
    if time_source is not None:
        # Short intervals, because a new clock must be synchronised within seconds; the source is a sandbox of this
        # machine.
        return (Server(address=Address(time_source), minpoll=0, maxpoll=4),)
    if ec2:
        # Amazon Time Sync Service. It is link-local, so a request every 16 seconds is acceptable.
        return (Server(address=Address("169.254.169.123"), prefer=True, minpoll=4, maxpoll=4),)
    return (Pool(address=Address("pool.ntp.org"), maxsources=4),)
