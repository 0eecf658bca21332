"""Name the programs that the scripts call: those that each host must have, and those that a host may lack.

``tests/unit/host/test_tools.py`` compares both lists with the scripts.
"""

from collections.abc import Mapping

_NEEDED = """
awk cat chmod chown cmp cp cut date dd df env find flock getent grep groupadd gzip head id ldd ln ls mkdir mktemp mv od
readlink rm rmdir sed sha256sum sleep sort stat tail tar timeout touch tr useradd wc
"""
NEEDED = tuple(_NEEDED.split())
"""A host that lacks one of them is refused, with the name of the package, before anything is changed."""
OPTIONAL: Mapping[str, str] = {
    "chroot": "in place of setpriv",
    "firewall-cmd": "where there is firewalld",
    "getconf": "of the C library; musl has none",
    "ip": "for further addresses of the host",
    "ip6tables": "where there is iptables",
    "iptables": "where there is no other firewall",
    "journalctl": "of systemd",
    "make": "of the packages of a build",
    "md5sum": "where there is dpkg, whose digests are by MD5",
    "nft": "where there is nftables; keys.usage installs it",
    "nproc": "in place of getconf",
    "objdump": "of the packages of a build; a host without it uses ldd alone",
    "restorecon": "where there is SELinux",
    "setpriv": "in place of chroot; a host without both, or with those of BusyBox alone, is refused",
    "ss": "for the port that another program holds",
    "sudo": "for a login that is not root",
    "systemctl": "of systemd",
    "timedatectl": "of systemd",
    "ufw": "where there is ufw",
}
"""Tool → why it may be missing. The scripts look for it first, or run only where it is."""
