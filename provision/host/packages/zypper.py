"""Describe zypper, the package manager of SUSE."""

from provision.host.packages.manager import ARCHIVERS, BUILD_TOOLS, GLIBC_TOOLS, Manager
from provision.host.packages.rpm import RPM_NAMES, RPM_OWNER, RPM_QUERY

ZYPPER = Manager(
    # zypper(8): without the variable, it gives up at once if another zypper runs.
    refresh="ZYPP_LOCK_TIMEOUT=300 zypper -n refresh",
    install="ZYPP_LOCK_TIMEOUT=300 zypper -n install --no-recommends",
    query=RPM_QUERY,
    offers='zypper -n search --match-exact --provides "$1"',
    owner=RPM_OWNER,
    tools=(*BUILD_TOOLS, "glibc-devel", "pkg-config"),
    scripts=(*ARCHIVERS, "shadow"),
    **{**RPM_NAMES, "gnutls": "libgnutls-devel", "nettle": "libnettle-devel"},
    tool_packages=GLIBC_TOOLS,
    by_hand="zypper install",
)
