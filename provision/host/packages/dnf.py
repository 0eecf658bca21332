"""Describe dnf, and its predecessor yum, the package managers of Fedora, RHEL and their relatives."""

from provision.host.packages.manager import ARCHIVERS, BUILD_TOOLS, Manager
from provision.host.packages.rpm import RPM_NAMES, RPM_OWNER, RPM_QUERY, RPM_TOOLS

DNF = Manager(
    refresh="dnf -q --refresh makecache",
    install="dnf -y --setopt=install_weak_deps=False install",
    query=RPM_QUERY,
    offers='dnf -q list "$1"',
    owner=RPM_OWNER,
    tools=(*BUILD_TOOLS, "glibc-devel", "pkgconf-pkg-config"),
    scripts=(*ARCHIVERS, "shadow-utils"),
    **RPM_NAMES,
    tool_packages=RPM_TOOLS,
    by_hand="dnf install",
)

YUM = Manager(
    refresh="yum -q makecache",
    # Without the option, yum 3 skips packages that it does not find, and exits with 0: yum.conf(5).
    install="yum -y --setopt=skip_missing_names_on_install=False install",
    query=RPM_QUERY,
    offers='yum -q list "$1"',
    owner=RPM_OWNER,
    tools=(*BUILD_TOOLS, "glibc-devel", "pkgconfig"),
    scripts=(*ARCHIVERS, "shadow-utils"),
    **RPM_NAMES,
    tool_packages=RPM_TOOLS,
    by_hand="yum install",
)
