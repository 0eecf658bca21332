"""Define the package names and queries that RPM distributions share."""

from collections.abc import Mapping

RPM_NAMES: Mapping[str, str] = {
    "libcap": "libcap-devel",
    "seccomp": "libseccomp-devel",
    "readline": "libedit-devel",
    "gnutls": "gnutls-devel",
    "nettle": "nettle-devel",
    "pps": "pps-tools-devel",
}
RPM_QUERY = 'rpm -q --whatprovides "$1" >/dev/null 2>&1'
RPM_OWNER = "rpm -qf --qf '%{NAME}\\n' \"$1\""
RPM_TOOLS: Mapping[str, str] = {
    "getent": "glibc-common",
    "ldd": "glibc-common",
    "groupadd": "shadow-utils",
    "useradd": "shadow-utils",
}
