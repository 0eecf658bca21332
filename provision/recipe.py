"""What to build: releases, configure options and platform; its digest names the build."""

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from provision.releases import SYSTEM, Release

ROOT = "/opt/chrony"
FORMAT = 2
"""To be raised when the scripts that build change what they make; every build is then made anew."""
NTP_ERA = 0
"""--with-ntp-era, seconds since 1970: NTP time maps to 1970 to 2106. Fixed, or the day of the build would be in it."""

NETTLE_OPTIONS = (
    "--disable-shared",
    "--disable-documentation",
    "--disable-public-key",
    "--disable-openssl",
    # Debugging symbols would double the time and name the folder in the objects.
    "CFLAGS=-O2",
)
CHRONY_FLAGS = {"CPPFLAGS": "-g0", "LDFLAGS": "-s"}
"""Added to what configure chooses. CFLAGS stay unset, or it leaves out its hardening; -g0 comes after its -g and keeps
the folder's name out."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to build."""

    chrony: Release
    nettle: Release | None
    """None is the distribution's."""
    platform: str
    user: str
    """The account that chronyd drops to when it is started by hand."""
    nts: bool = True
    seccomp: bool = True
    readline: bool = True
    pps: bool = False
    """The API of the kernel for pulses each second, which ``refclock PPS`` reads."""

    def __str__(self) -> str:
        return f"{self.chrony} with {self.nettle or 'the nettle of the system'}"

    @cached_property
    def digest(self) -> str:
        """Return 12 hex digits of everything that decides what the build is."""
        wish = (FORMAT, self._sources, self.platform, NETTLE_OPTIONS, CHRONY_FLAGS, self._options)
        return sha256(json.dumps(wish).encode()).hexdigest()[:12]

    @property
    def releases(self) -> tuple[Release, ...]:
        """Return the tarballs that it is made from."""
        return (self.chrony,) if self.nettle is None else (self.nettle, self.chrony)

    @property
    def name(self) -> str:
        """Return the build's folder name."""
        nettle = self.nettle.version if self.nettle else SYSTEM
        return f"chrony-{self.chrony.version}-nettle-{nettle}-{self.digest}"

    @property
    def prefix(self) -> str:
        """Return the build's folder on a host."""
        return f"{ROOT}/builds/{self.name}"

    @property
    def chrony_options(self) -> tuple[str, ...]:
        """Return the arguments of chrony's configure."""
        return (f"--prefix={self.prefix}", *self._options)

    @property
    def receipt(self) -> str:
        """Return what a finished build carries to say what it was made from: one line of JSON."""
        made = {
            "name": self.name,
            "sources": self._sources,
            "platform": self.platform,
            "nettle": NETTLE_OPTIONS if self.nettle else SYSTEM,
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
            # Were Nettle not found, these would be taken instead, and say +SECHASH without knowing AES.
            "--without-nss",
            "--without-tomcrypt",
            *(("--enable-scfilter",) if self.seccomp else ("--without-seccomp",)),
            *(() if self.nts else ("--disable-nts",)),
            *(() if self.readline else ("--disable-readline",)),
            # Or it would depend on whether a header lies on the host that happens to compile.
            *(() if self.pps else ("--disable-pps",)),
        )
