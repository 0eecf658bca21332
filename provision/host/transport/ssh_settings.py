"""Define what SSH needs to reach a host, as one value, made from the options of ssh_config(5)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from provision.common.errors import HostUnreachable

Options = Mapping[str, Sequence[str]]
"""The options of one host: keyword in lower case → its values. Values that are lists of files are divided."""

DEFAULT_PORT = 22
IDENTITIES = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk")
"""The default files of IdentityFile, below ``~/.ssh``."""
USER_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_FILES = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
"""ssh_config(5), UserKnownHostsFile and GlobalKnownHostsFile."""
FILE_LISTS = ("userknownhostsfile", "globalknownhostsfile")
"""The options that name several files in one line."""
ALGORITHMS = {
    "ciphers": "Ciphers",
    "macs": "MACs",
    "kexalgorithms": "KexAlgorithms",
    "hostkeyalgorithms": "HostKeyAlgorithms",
    "pubkeyacceptedalgorithms": "PubkeyAcceptedAlgorithms",
}
"""Keyword in lower case → keyword as in ssh_config(5)."""
_UNSAFE = re.compile(r"""^-|['`";&<>|(){}$]|\s""")
"""In the name of a host or user: characters that a shell or a program would interpret (ssh.c of OpenSSH)."""
_TOKEN = re.compile(r"%(.)|\$\{(\w+)\}")
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
    """Keyword of :data:`ALGORITHMS` → the allowed algorithms; a missing one allows all."""

    @property
    def proxy_program(self) -> str:
        """Return the first word of ProxyCommand, for messages; the others may contain a password."""
        first, *_ = (self.proxy_command or "").split() or ("",)
        return first


@dataclass(frozen=True, slots=True, kw_only=True)
class ThisMachine:
    """What the tokens of options stand for on this machine."""

    home: Path
    environment: Mapping[str, str]
    uid: int
    user: str
    """The name of the operator's account."""
    hostname: str


def settings_from(name: str, options: Options, machine: ThisMachine) -> SshSettings:
    """Return the settings that the options of a host define. Raises HostUnreachable."""
    _refuse_unsupported(name, options)
    tokens = _Tokens(name, options, machine)
    command = tokens.command()
    _refuse_unsafe(name, options, command)
    revoked = tokens.paths("revokedhostkeys", ("none",))
    return SshSettings(
        name=name,
        address=_first(options, "hostname") or name,
        user=_first(options, "user") or "",
        port=_port(name, options),
        family=_first(options, "addressfamily") or "any",
        bind_address=_first(options, "bindaddress"),
        bind_interface=_first(options, "bindinterface"),
        seconds=_number(name, options, "connecttimeout", 0) or None,
        attempts=max(1, _number(name, options, "connectionattempts", 1)),
        proxy_command=command,
        jumps=tokens.jumps(),
        with_keys=_with_keys(options),
        identities=tokens.paths("identityfile", tuple(f"~/.ssh/{one}" for one in IDENTITIES)),
        certificates=tokens.paths("certificatefile", ()),
        agent=tokens.agent(),
        only_identities=_is_yes(options, "identitiesonly"),
        alias=_first(options, "hostkeyalias"),
        user_files=tokens.paths("userknownhostsfile", USER_FILES),
        # ssh replaces nothing in these names.
        global_files=tuple(Path(one) for one in options.get("globalknownhostsfile", GLOBAL_FILES) if one != "none"),
        revoked=next(iter(revoked), None),
        accept_new=_first(options, "stricthostkeychecking") in {"accept-new", "no", "off", "false"},
        hashed=_is_yes(options, "hashknownhosts"),
        algorithms={key: tuple(options[key][0].split(",")) for key in ALGORITHMS if options.get(key)},
    )


def _refuse_unsupported(name: str, options: Options) -> None:
    if _first(options, "knownhostscommand") is not None:
        raise HostUnreachable(
            f"{name}: the SSH configuration has KnownHostsCommand, which is not run here, and it may revoke keys; "
            "put its lines into a known_hosts file"
        )
    if _is_yes(options, "proxyusefdpass"):
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
    for value in (name, _first(options, "hostname") or name, _first(options, "user") or ""):
        if _UNSAFE.search(value) or ("\\" in value and value in command):
            raise HostUnreachable(
                f"{name}: {value!r} has characters that the shell of ProxyCommand would interpret; "
                "use another name, or ProxyJump"
            )


class _Tokens:
    """Replace the tokens (``%h``) and environment variables of options (ssh_config(5), TOKENS)."""

    def __init__(self, name: str, options: Options, machine: ThisMachine) -> None:
        self._name = name
        self._options = options
        self._machine = machine
        address = _first(options, "hostname") or name
        port = str(_port(name, options))
        user = _first(options, "user") or ""
        jump = _first(options, "proxyjump") or ""
        connection = (machine.hostname, address, port, user, jump)
        self._values = {
            "%": "%",
            "C": hashlib.sha1("".join(connection).encode(), usedforsecurity=False).hexdigest(),
            "d": str(machine.home),
            "h": address,
            "i": str(machine.uid),
            "j": jump,
            "k": _first(options, "hostkeyalias") or name,
            "L": machine.hostname.split(".")[0],
            "l": machine.hostname,
            "n": name,
            "p": port,
            "r": user,
        }
        if machine.user:
            self._values["u"] = machine.user

    def paths(self, key: str, default: Sequence[str]) -> tuple[Path, ...]:
        """Return the files that an option names."""
        values = self._options.get(key, default)
        return tuple(self._path(key, value) for value in values if value != "none")

    def agent(self) -> str | None:
        """Return the socket of the agent (IdentityAgent)."""
        environment = self._machine.environment
        said = next(iter(self._options.get("identityagent", ())), "SSH_AUTH_SOCK")
        if said == "none":
            return None
        if said == "SSH_AUTH_SOCK":
            return environment.get("SSH_AUTH_SOCK") or None
        if said.startswith("$") and not said.startswith("${"):
            return environment.get(said[1:]) or None
        return str(self._path("identityagent", said))

    def command(self) -> str | None:
        """Return the command of ProxyCommand."""
        said = _first(self._options, "proxycommand")
        if said is None:
            return None
        return self._replaced("proxycommand", said, environment=False)

    def jumps(self) -> tuple[Jump, ...]:
        """Return the jump hosts of ProxyJump, the first on the way first."""
        said = _first(self._options, "proxyjump")
        if said is None:
            return ()
        return tuple(self._jump(word) for word in self._replaced("proxyjump", said, environment=False).split(","))

    def _jump(self, word: str) -> Jump:
        found = _JUMP.fullmatch(word.strip())
        port = None
        if found is not None and found["port"]:
            port = int(found["port"])
        if found is None or (port is not None and not _is_port(port)):
            raise HostUnreachable(f"{self._name}: the SSH configuration has ProxyJump {word!r}: not user@host:port")
        return Jump(found["bracketed"] or found["name"], found["user"], port)

    def _path(self, key: str, value: str) -> Path:
        text = self._replaced(key, value)
        if text == "~" or text.startswith("~/"):
            return self._machine.home / text[2:]
        return Path(text).expanduser()

    def _replaced(self, key: str, text: str, *, environment: bool = True) -> str:
        def value(found: re.Match[str]) -> str:
            token, variable = found.groups()
            if token and token in self._values:
                return self._values[token]
            if variable and not environment:
                return found[0]
            if variable and variable in self._machine.environment:
                return self._machine.environment[variable]
            # Skipping the file could accept a key that it revokes.
            raise HostUnreachable(f"{self._name}: the SSH configuration has {key} {text!r}: {found[0]} has no value")

        return _TOKEN.sub(value, text)


def _first(options: Options, key: str) -> str | None:
    value = next(iter(options.get(key, ())), "none")
    if value == "none":
        return None
    return value


def _with_keys(options: Options) -> bool:
    preferred = _first(options, "preferredauthentications") or "publickey"
    return "publickey" in preferred.split(",") and _first(options, "pubkeyauthentication") not in {"no", "false"}


def _is_yes(options: Options, key: str) -> bool:
    return _first(options, key) in {"yes", "true"}


def _port(name: str, options: Options) -> int:
    port = _number(name, options, "port", DEFAULT_PORT)
    if not _is_port(port):
        raise HostUnreachable(f"{name}: the SSH configuration has port {port}, which is not between 1 and 65535")
    return port


def _is_port(port: int) -> bool:
    return 1 <= port <= 65535


def _number(name: str, options: Options, key: str, default: int) -> int:
    said = _first(options, key)
    if said is None:
        return default
    try:
        return int(said)
    except ValueError:
        raise HostUnreachable(f"{name}: the SSH configuration has {key} {said!r}, which is not a number") from None
