"""Describe apt, the package manager of Debian, Ubuntu and their relatives."""

from provision.host.packages.manager import Manager

APT = Manager(
    # A fresh cloud host runs unattended-upgrades at first: wait for its lock.
    # A package that a full disk or a power cut has left half-installed keeps apt from installing anything else. It is
    # completed or removed, but only if apt would not remove a completely installed package for it.
    refresh=(
        "export DEBIAN_FRONTEND=noninteractive; dpkg --configure -a; "
        "apt-get -qq -o DPkg::Lock::Timeout=300 update || exit; "
        "dpkg-query -W -f '${db:Status-Eflag} ${Package}\\n' | sed -n 's/^reinstreq //p' | "
        "xargs -r apt-get -y -o DPkg::Lock::Timeout=300 --no-remove --reinstall install; "
        '[ -z "$(dpkg --audit)" ] || apt-get -s --fix-broken install | sed -n "s/^Remv \\([^ ]*\\).*/\\1/p" | '
        "xargs -r dpkg-query -W -f '${db:Status-Status}\\n' | grep -qx installed || "
        "apt-get -y -o DPkg::Lock::Timeout=300 --no-install-recommends --fix-broken install || true"
    ),
    install="DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 install --no-install-recommends",
    query="dpkg-query -W -f '${db:Status-Status}\\n' \"$1\" 2>/dev/null | grep -qx installed",
    offers='apt-cache show "$1"',
    # "libc6:amd64: /lib/…"; for a diverted file, "diversion by PACKAGE from: …" comes before it.
    owner="dpkg-query -S \"$1\" | sed '/^diversion by /d; s/[:,].*//; q'",
    tools=("gcc", "make", "libc6-dev", "pkg-config", "m4"),
    libcap="libcap-dev",
    seccomp="libseccomp-dev",
    readline="libedit-dev",
    gnutls="libgnutls28-dev",
    nettle="nettle-dev",
    pps="pps-tools",
    tool_packages={"awk": "mawk", "getent": "libc-bin", "ldd": "libc-bin", "groupadd": "passwd", "useradd": "passwd"},
    by_hand="apt-get install",
)
