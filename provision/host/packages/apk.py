"""Describe apk, the package manager of Alpine."""

from provision.host.packages.manager import ARCHIVERS, BUILD_TOOLS, Manager

APK = Manager(
    refresh="apk --wait 300 update",
    install="apk --wait 300 add",
    query='apk info -e "$1" >/dev/null 2>&1',
    offers='apk search -e "$1" | grep -q .',
    # "/lib/libc.so is owned by musl-1.2.5-r9"
    owner="apk info --who-owns \"$1\" | sed -n 's/.* is owned by \\(.*\\)-[^-]*-r[0-9]*$/\\1/p'",
    tools=(*BUILD_TOOLS, "musl-dev", "linux-headers", "pkgconf"),
    scripts=(*ARCHIVERS, "coreutils", "setpriv", "shadow"),
    libcap="libcap-dev",
    seccomp="libseccomp-dev",
    readline="libedit-dev",
    gnutls="gnutls-dev",
    nettle="nettle-dev",
    pps="pps-tools-dev",
    tool_packages={
        "flock": "flock",
        "setpriv": "setpriv",
        "getent": "musl-utils",
        "ldd": "musl-utils",
        "groupadd": "shadow",
        "useradd": "shadow",
    },
    by_hand="apk add",
)
