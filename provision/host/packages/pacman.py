"""Describe pacman, the package manager of Arch Linux."""

from provision.host.packages.manager import ARCHIVERS, BUILD_TOOLS, GLIBC_TOOLS, Manager

PACMAN = Manager(
    refresh="pacman -Sy",
    install="pacman -S --noconfirm --needed",
    query='pacman -Qq "$1" >/dev/null 2>&1',
    offers='pacman -Si "$1"',
    owner='pacman -Qoq "$1"',
    tools=(*BUILD_TOOLS, "glibc", "pkgconf"),
    scripts=ARCHIVERS,
    libcap="libcap",
    seccomp="libseccomp",
    readline="libedit",
    gnutls="gnutls",
    nettle="nettle",
    pps="pps-tools",
    tool_packages=GLIBC_TOOLS,
    by_hand="pacman -S",
)
