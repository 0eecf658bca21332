"""What a host is: read in one round trip; it cannot change during a run."""

from dataclasses import dataclass
from ipaddress import ip_address

from provision.errors import ParseError

CAP_SYS_TIME = 25  # capabilities(7), linux/capability.h
WHOLE_HOST = "0 0 4294967295"  # user_namespaces(7): the map of the initial user namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a host is."""

    os: str
    """``ID`` of os-release(5): debian, rhel, amzn …"""
    os_version: str
    os_like: tuple[str, ...]
    os_name: str
    machine: str
    """The processor as ``uname -m`` says it."""
    libc: str
    """The C library and its version: ``glibc-2.36``."""
    cpus: int
    uid: int
    """The login user's id; 0 is root."""
    login: str
    sudo: str
    """root, yes (without a password), password (perhaps), missing."""
    packager: str | None
    """apt-get, dnf, yum, zypper, apk or pacman."""
    absent_tools: tuple[str, ...]
    """Of cc, make, m4, pkg-config, tar and gzip, those that are not there."""
    systemd: int | None
    """systemd's version where it is installed."""
    systemd_runs: bool
    """It is this host's init."""
    can_set_clock: bool
    ec2: bool
    chrony_user: str | None
    """The account that a packaged chrony made, or that we made."""
    client: str | None
    """Our address as the host sees it; None without SSH."""
    address: str | None
    """The host's address at which our SSH connection arrived."""

    @property
    def platform(self) -> str:
        """Return what a build fits: ``debian-12-x86_64-glibc-2.36``."""
        return "-".join(part for part in (self.os, self.os_version, self.machine, self.libc) if part)

    @property
    def is_debian_like(self) -> bool:
        """Return whether Debian's conventions hold."""
        return "debian" in (self.os, *self.os_like)


def parse_facts(text: str) -> Facts:
    """Parse what ``remote/facts.sh`` printed. Raises ParseError."""
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    try:
        return Facts(
            os=said["os"],
            os_version=said["os_version"],
            os_like=tuple(said["os_like"].split()),
            os_name=said["os_name"],
            machine=said["machine"],
            libc=said["libc"],
            cpus=max(1, int(said["cpus"])),
            uid=int(said["uid"]),
            login=said["login"],
            sudo=said["sudo"],
            packager=said.get("packager"),
            absent_tools=tuple(said["absent_tools"].split()),
            systemd=_leading_number(said.get("systemd")),
            systemd_runs=said.get("init") == "systemd",
            can_set_clock=_can_set_clock(said["capabilities"], said["uid_map"]),
            ec2=said.get("cloud") == "ec2",
            chrony_user=said.get("chrony_user"),
            client=_address(said["ssh_connection"], 0),
            address=_address(said["ssh_connection"], 2),
        )
    except KeyError as error:
        raise ParseError(f"the host did not say its {error.args[0]}; is its login shell a POSIX shell?") from error
    except ValueError as error:
        raise ParseError(f"the host's facts hold what should be a number and is none: {error}") from error


def _leading_number(text: str | None) -> int | None:
    # Distributions write "252.39-1~deb12u1", and upstream "257~rc1".
    digits = "".join(char if char.isascii() and char.isdigit() else " " for char in text or "").split()
    return int(digits[0]) if digits else None


def _can_set_clock(capabilities: str, uid_map: str) -> bool:
    if not capabilities:
        return True
    allowed = bool(int(capabilities, 16) >> CAP_SYS_TIME & 1)
    return allowed and uid_map in ("", WHOLE_HOST)


def _address(ssh_connection: str, field: int) -> str | None:
    # sshd(8), SSH_CONNECTION: client address, client port, server address, server port.
    try:
        return str(ip_address(ssh_connection.split()[field]))
    except (IndexError, ValueError):
        return None
