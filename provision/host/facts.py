"""Read the facts of a host in one round trip; they cannot change during a run."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from provision.common.errors import ParseError
from provision.host import scripts
from provision.host.packages import MANAGERS
from provision.host.scripts.tools import NEEDED

CAP_NET_BIND_SERVICE, CAP_SYS_TIME = 10, 25  # capabilities(7), linux/capability.h
NTP_PORT = 123
OF_32_BITS = {"x86_64": "i686", "aarch64": "armv8l", "ppc64": "ppc", "s390x": "s390", "mips64": "mips"}
"""The name of a processor of 64 bits where its programs are of 32 bits, as by ``linux32 uname -m`` (setarch(8))."""
WHOLE_HOST = "0 0 4294967295"  # user_namespaces(7): the map of the initial user namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Operating system, hardware and privileges of a host."""

    os: str
    """``ID`` of os-release(5): debian, rhel, amzn …"""
    os_version: str
    """``VERSION_ID``; empty for a distribution without releases, and for Debian testing."""
    os_codename: str
    """``VERSION_CODENAME``, or empty."""
    os_like: tuple[str, ...]
    os_name: str
    machine: str
    """The processor as in ``uname -m``."""
    libc: str
    """The C library and its version: ``glibc-2.36``."""
    word_bits: int | None
    """The size of a ``long``; a system of 32 bits may run on a processor of 64."""
    cpus: int
    uid: int
    """The login user's id; 0 is root."""
    login: str
    sudo: str
    """root, yes (without a password), password (perhaps), missing."""
    packager: str | None
    """The program of its package manager, a key of ``MANAGERS``; None: none of them."""
    absent_tools: tuple[str, ...]
    """The missing ones of cc, make, m4, pkg-config, tar and gzip."""
    lacking_tools: tuple[str, ...]
    """The missing ones of the tools that our scripts call on every host."""
    systemd: int | None
    """The version of systemd; None if it is not installed."""
    systemd_runs: bool
    """Whether systemd is this host's init."""
    can_set_clock: bool
    can_serve: bool
    """Whether a service may open the NTP port."""
    ec2: bool
    chrony_user: str | None
    """The account of chronyd that a package or an earlier run has created."""
    client: str | None
    """The address of this machine as the host sees it; None without SSH."""
    address: str | None
    """The host's address at which the SSH connection arrived."""
    addresses: tuple[str, ...] = ()
    """Further addresses, with global scope, of the network device at which the SSH connection arrived."""
    fips: bool = False
    """Whether the kernel is in FIPS mode, in which GnuTLS has no ciphers for NTS."""
    has_ipv6: bool = True
    """Whether the kernel has IPv6 at all: systemd cannot open a socket of a family that is not there."""
    foreign_socket: str = ""
    """A file of the administrator in the place of the deployed chronyd.socket, or one that changes it; or empty."""
    has_clock: bool = True
    """Whether a real-time clock runs while the host is off."""

    @property
    def platform(self) -> str:
        """Return the platform that builds are made for, such as ``debian-12-x86_64-glibc-2.36``."""
        return "-".join(part for part in (self.os, self._release, self.processor, self.libc) if part)

    @property
    def processor(self) -> str:
        """Return the processor as its programs see it: the kernel may have 64 bits where they have 32."""
        if self.word_bits == 32:
            return OF_32_BITS.get(self.machine, self.machine)
        return self.machine

    @property
    def _release(self) -> str:
        """Return the release within which libraries keep their names, so that updates need no new build."""
        if self.os == "alpine":  # 3.23.6
            return ".".join(self.os_version.split(".")[:2])
        if "rhel" in (self.os, *self.os_like) or self.os == "ol":  # 9.6
            return self.os_version.partition(".")[0]
        return self.os_version or self.os_codename

    @property
    def clock_may_end_in_2038(self) -> bool:
        """Return whether programs on this host may have a time_t of 32 bits.

        It has 64 bits with musl since version 1.2, and with Debian 13 on armhf; but still 32 with Debian 13 on i386.
        """
        if self.os == "debian" and self.processor.startswith("armv"):
            # Testing and sid have no version.
            return self.os_version.isdecimal() and int(self.os_version) < 13
        return self.word_bits == 32 and not self.libc.startswith("musl")

    @property
    def is_debian_like(self) -> bool:
        """Return whether the host follows Debian's conventions."""
        return "debian" in (self.os, *self.os_like)


def facts_script() -> str:
    """Return the sh that prints the facts of a host."""
    return scripts.load("print_facts", " ".join(NEEDED), *MANAGERS)


def parse_facts(text: str) -> Facts:
    """Parse the output of ``print_facts.sh``. Raises ParseError."""
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    try:
        return Facts(
            os=said["os"],
            os_version=said["os_version"],
            os_codename=said.get("os_codename", ""),
            os_like=tuple(said["os_like"].split()),
            os_name=said["os_name"],
            machine=said["machine"],
            libc=said["libc"],
            word_bits=_leading_number(said.get("word_bits")),
            cpus=max(1, int(said["cpus"])),
            uid=int(said["uid"]),
            login=said["login"],
            sudo=said["sudo"],
            packager=said.get("packager"),
            absent_tools=tuple(said["absent_tools"].split()),
            lacking_tools=tuple(said.get("lacking_tools", "").split()),
            systemd=_leading_number(said.get("systemd")),
            systemd_runs=said.get("init") == "systemd",
            can_set_clock=_can_set_clock(said["capabilities"], said["uid_map"]),
            can_serve=_can_serve(said["capabilities"], said.get("unprivileged_ports", "")),
            ec2=said.get("cloud") == "ec2",
            fips=said.get("fips") == "1",
            has_ipv6=said.get("ipv6") != "no",
            foreign_socket=said.get("foreign_socket", ""),
            has_clock=said.get("real_time_clock") != "no",
            chrony_user=said.get("chrony_user"),
            client=_address(said["ssh_connection"], 0),
            address=_address(said["ssh_connection"], 2),
            addresses=tuple(str(ip_address(one)) for one in said.get("addresses", "").split()),
        )
    except KeyError as error:
        raise ParseError(f"the host did not print its {error.args[0]}; is its login shell a POSIX shell?") from error
    except ValueError as error:
        raise ParseError(f"a fact of the host is not a number: {error}") from error


def _leading_number(text: str | None) -> int | None:
    # Distributions write "252.39-1~deb12u1", and upstream "257~rc1".
    digits = re.search(r"[0-9]+", text or "")
    if digits is None:
        return None
    return int(digits[0])


def _can_set_clock(capabilities: str, uid_map: str) -> bool:
    if not capabilities:
        return True
    allowed = bool(int(capabilities, 16) >> CAP_SYS_TIME & 1)
    return allowed and uid_map in ("", WHOLE_HOST)


def _can_serve(capabilities: str, unprivileged_ports: str) -> bool:
    # ip(7), ip_unprivileged_port_start: the first port that needs no capability.
    if unprivileged_ports and int(unprivileged_ports) <= NTP_PORT:
        return True
    return not capabilities or bool(int(capabilities, 16) >> CAP_NET_BIND_SERVICE & 1)


def _address(ssh_connection: str, field: int) -> str | None:
    # sshd(8), SSH_CONNECTION: client address, client port, server address, server port.
    try:
        return str(ip_address(ssh_connection.split()[field]))
    except (IndexError, ValueError):
        return None
