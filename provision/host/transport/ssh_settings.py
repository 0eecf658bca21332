"""Define what SSH needs to reach a host, as one value, made from the options of ssh_config(5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provision.common.errors import HostUnreachable
from provision.host.transport.ssh_options import (
    ALGORITHMS,
    DEFAULT_PORT,
    Options,
    first_value,
    is_port,
    is_yes,
    number_of,
    port_of,
)
from provision.host.transport.ssh_tokens import ThisMachine, Tokens

IDENTITIES = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk")
"""The default files of IdentityFile, below ``~/.ssh``."""
USER_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_FILES = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
"""ssh_config(5), UserKnownHostsFile and GlobalKnownHostsFile."""
LEAST_RSA_BITS = 1024
"""The default of RequiredRSASize, and the smallest value that ssh takes."""
_UNSAFE = re.compile(r"""^-|['`";&<>|(){}$]|\s""")
"""In the name of a host or user: characters that a shell or a program would interpret (ssh.c of OpenSSH)."""
_JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>.+)@)?(?:\[(?P<bracketed>[^]]+)\]|(?P<name>[^:@]+))(?::(?P<port>\d{1,5}))?/?"
)


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump host, as ProxyJump names it."""

    name: str
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """What SSH needs to reach one host; the names in brackets are those of ssh_config(5)."""

    name: str
    """The host as the operator named it."""
    address: str
    user: str
    port: int = DEFAULT_PORT
    family: str = "any"
    """``any``, ``inet`` or ``inet6`` (AddressFamily)."""
    bind_address: str | None = None
    bind_interface: str | None = None
    seconds: int | None = None
    """The time limit for a connection (ConnectTimeout)."""
    attempts: int = 1
    proxy_command: str | None = None
    jumps: tuple[Jump, ...] = ()
    with_keys: bool = True
    """Whether keys may be used to log in (PubkeyAuthentication, PreferredAuthentications)."""
    identities: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()
    """The files of CertificateFile. Without any, each identity may have one beside it."""
    agent: str | None = None
    """The socket of the agent."""
    only_identities: bool = False
    """Whether the agent's other keys are left out (IdentitiesOnly)."""
    alias: str | None = None
    """The name in known_hosts (HostKeyAlias)."""
    user_files: tuple[Path, ...] = ()
    global_files: tuple[Path, ...] = ()
    revoked: Path | None = None
    """The file of RevokedHostKeys."""
    accept_new: bool = False
    """Whether unknown host keys are accepted (StrictHostKeyChecking)."""
    hashed: bool = False
    """Whether a name is hashed when it is added to known_hosts (HashKnownHosts)."""
    algorithms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Keyword of :data:`ALGORITHMS` → the allowed algorithms; a missing one stands for the default."""
    least_rsa_bits: int = LEAST_RSA_BITS
    """The least size of an RSA key of a host or for a login (RequiredRSASize)."""

    @property
    def proxy_program(self) -> str:
        """Return the first word of ProxyCommand, for messages; the others may contain a password."""
        first, *_ = (self.proxy_command or "").split() or ("",)
        return first


def settings_from(name: str, options: Options, machine: ThisMachine) -> SshSettings:
    """Return the settings that the options of a host define. Raises HostUnreachable."""
    _refuse_unsupported(name, options)
    tokens = Tokens(name, options, machine)
    command = tokens.text("proxycommand")
    _refuse_unsafe(name, options, command)
    revoked = tokens.paths("revokedhostkeys", ("none",))
    return SshSettings(
        name=name,
        address=first_value(options, "hostname") or name,
        user=first_value(options, "user") or "",
        port=port_of(name, options),
        family=first_value(options, "addressfamily") or "any",
        bind_address=first_value(options, "bindaddress"),
        bind_interface=first_value(options, "bindinterface"),
        seconds=number_of(name, options, "connecttimeout", 0) or None,
        attempts=max(1, number_of(name, options, "connectionattempts", 1)),
        proxy_command=command,
        jumps=_jumps(name, tokens.text("proxyjump")),
        with_keys=_with_keys(options),
        identities=tokens.paths("identityfile", tuple(f"~/.ssh/{one}" for one in IDENTITIES)),
        certificates=tokens.paths("certificatefile", ()),
        agent=tokens.agent(),
        only_identities=is_yes(options, "identitiesonly"),
        alias=first_value(options, "hostkeyalias"),
        user_files=tokens.paths("userknownhostsfile", USER_FILES),
        # ssh replaces nothing in these names.
        global_files=tuple(Path(one) for one in options.get("globalknownhostsfile", GLOBAL_FILES) if one != "none"),
        revoked=next(iter(revoked), None),
        accept_new=first_value(options, "stricthostkeychecking") in {"accept-new", "no", "off", "false"},
        hashed=is_yes(options, "hashknownhosts"),
        algorithms={key: tuple(options[key][0].split(",")) for key in ALGORITHMS if options.get(key)},
        least_rsa_bits=max(LEAST_RSA_BITS, number_of(name, options, "requiredrsasize", LEAST_RSA_BITS)),
    )


def _refuse_unsupported(name: str, options: Options) -> None:
    if first_value(options, "knownhostscommand") is not None:
        raise HostUnreachable(
            f"{name}: the SSH configuration has KnownHostsCommand, which is not run here, and it may revoke keys; "
            "put its lines into a known_hosts file"
        )
    if is_yes(options, "proxyusefdpass"):
        raise HostUnreachable(
            f"{name}: the SSH configuration has ProxyUseFdpass, which is not supported here; "
            "use a ProxyCommand that passes the data on"
        )


def _refuse_unsafe(name: str, options: Options, command: str | None) -> None:
    """Raise HostUnreachable if the shell that runs ProxyCommand would interpret a name.

    ssh refuses these characters whether the command has the name or not (valid_hostname and valid_ruser in ssh.c of
    OpenSSH 9.6). A backslash, as in ``DOMAIN\\user``, does no harm if the command does not have the name.
    """
    if command is None:
        return
    for value in (name, first_value(options, "hostname") or name, first_value(options, "user") or ""):
        if _UNSAFE.search(value) or ("\\" in value and value in command):
            raise HostUnreachable(
                f"{name}: {value!r} has characters that the shell of ProxyCommand would interpret; "
                "use another name, or ProxyJump"
            )


def _jumps(name: str, text: str | None) -> tuple[Jump, ...]:
    """Return the jump hosts of ProxyJump in the order of the connections."""
    if text is None:
        return ()
    return tuple(_jump(name, word.strip()) for word in text.split(","))


def _jump(name: str, word: str) -> Jump:
    found = _JUMP.fullmatch(word)
    port = None
    if found is not None and found["port"]:
        port = int(found["port"])
    if found is None or (port is not None and not is_port(port)):
        raise HostUnreachable(f"{name}: the SSH configuration has ProxyJump {word!r}: not user@host:port")
    return Jump(found["bracketed"] or found["name"], found["user"], port)


def _with_keys(options: Options) -> bool:
    preferred = first_value(options, "preferredauthentications") or "publickey"
    return "publickey" in preferred.split(",") and first_value(options, "pubkeyauthentication") not in {"no", "false"}
