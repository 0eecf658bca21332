"""Describe a build by its recipe: releases, configure options and platform; the digest of the recipe names it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from provision.chrony.releases import SYSTEM, Release
from provision.host.paths import ROOT

FORMAT = 2
"""Increase this when a change of the build scripts changes their results; every build is then repeated."""
NTP_ERA = 0
"""--with-ntp-era, seconds since 1970: NTP time maps to 1970 to 2106. Fixed, or a build would contain its date."""

NETTLE_OPTIONS = (
    "--disable-shared",
    "--disable-documentation",
    "--disable-public-key",
    "--disable-openssl",
    # Debugging symbols would double the build time and put the folder's name into the objects.
    "CFLAGS=-O2",
)
CHRONY_FLAGS = {"CPPFLAGS": "-g0", "LDFLAGS": "-s"}
"""Flags added to those of configure. CFLAGS are not set, because configure would then omit its hardening. -g0 overrides
its -g and keeps the folder's name out of the objects.
"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Hold all inputs of a build."""

    chrony: Release
    nettle: Release | None
    """None selects the distribution's Nettle."""
    platform: str
    user: str
    """The account to which chronyd drops its privileges if it is started by hand."""
    nts: bool = True
    seccomp: bool = True
    readline: bool = True
    pps: bool = False
    """Whether to use the kernel's PPS API, which ``refclock PPS`` needs."""
    signd: bool = False
    """Whether Samba's signd can sign answers (MS-SNTP), which ``ntpsigndsocket`` needs."""

    def __str__(self) -> str:
        return f"{self.chrony} with {self.nettle or 'the nettle of the system'}"

    @cached_property
    def digest(self) -> str:
        """Return a digest of all inputs of the build, 12 hex digits."""
        settings = (FORMAT, self._sources, self.platform, NETTLE_OPTIONS, CHRONY_FLAGS, self._options)
        return sha256(json.dumps(settings).encode()).hexdigest()[:12]

    @property
    def releases(self) -> tuple[Release, ...]:
        """Return the releases whose tarballs are needed."""
        if self.nettle is None:
            return (self.chrony,)
        return self.nettle, self.chrony

    @property
    def name(self) -> str:
        """Return the name of the build's folder."""
        nettle = SYSTEM
        if self.nettle is not None:
            nettle = self.nettle.version
        return f"chrony-{self.chrony.version}-nettle-{nettle}-{self.digest}"

    @property
    def prefix(self) -> str:
        """Return the path of the build's folder on a host."""
        return f"{ROOT}/builds/{self.name}"

    @property
    def chrony_options(self) -> tuple[str, ...]:
        """Return the arguments of chrony's configure."""
        return (f"--prefix={self.prefix}", *self._options)

    @property
    def receipt(self) -> str:
        """Return the receipt of the build, one line of JSON with the inputs; it is stored in the build."""
        nettle: str | tuple[str, ...] = SYSTEM
        if self.nettle is not None:
            nettle = NETTLE_OPTIONS
        made = {
            "name": self.name,
            "sources": self._sources,
            "platform": self.platform,
            "nettle": nettle,
            "chrony": self.chrony_options,
        }
        return json.dumps(made)

    @property
    def _sources(self) -> list[tuple[str, str, str]]:
        return [(release.name, release.version, release.sha256) for release in self.releases]

    @property
    def _options(self) -> tuple[str, ...]:
        return (
            "--sysconfdir=/etc/chrony",
            "--chronyrundir=/run/chrony",
            "--with-pidfile=/run/chrony/chronyd.pid",
            "--with-hwclockfile=/etc/adjtime",
            f"--with-user={self.user}",
            f"--with-ntp-era={NTP_ERA}",
            # If configure did not find Nettle, it would use these libraries, and report +SECHASH without support for
            # AES keys.
            "--without-nss",
            "--without-tomcrypt",
            *self._feature_options(),
        )

    def _feature_options(self) -> Iterator[str]:
        if self.seccomp:
            yield "--enable-scfilter"
        else:
            yield "--without-seccomp"
        if not self.nts:
            yield "--disable-nts"
        if not self.readline:
            yield "--disable-readline"
        if not self.pps:
            # Otherwise, the result would depend on the headers that happen to be installed on the compiling host.
            yield "--disable-pps"
        if self.signd:
            yield "--enable-ntp-signd"
