"""Replace the tokens (``%h``) and environment variables in the values of options (ssh_config(5), TOKENS)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provision.common.errors import HostUnreachable
from provision.host.transport.ssh_options import Options, first_value, port_of

_TOKEN = re.compile(r"%(.)|\$\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThisMachine:
    """What the tokens of options stand for on this machine."""

    home: Path
    environment: Mapping[str, str]
    uid: int
    user: str
    """The name of the operator's account."""
    hostname: str


class Tokens:
    """Replace the tokens in the options of one host. Each method raises HostUnreachable for one without a value."""

    def __init__(self, name: str, options: Options, machine: ThisMachine) -> None:
        self._name = name
        self._options = options
        self._machine = machine
        address = first_value(options, "hostname") or name
        port = str(port_of(name, options))
        user = first_value(options, "user") or ""
        jump = first_value(options, "proxyjump") or ""
        connection = (machine.hostname, address, port, user, jump)
        self._values = {
            "%": "%",
            "C": hashlib.sha1("".join(connection).encode(), usedforsecurity=False).hexdigest(),
            "d": str(machine.home),
            "h": address,
            "i": str(machine.uid),
            "j": jump,
            "k": first_value(options, "hostkeyalias") or name,
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

    def text(self, key: str) -> str | None:
        """Return the text of an option. Its environment variables stay: for ProxyCommand, the shell replaces them."""
        said = first_value(self._options, key)
        if said is None:
            return None
        return self._replaced(key, said, environment=False)

    def _path(self, key: str, value: str) -> Path:
        text = self._replaced(key, value)
        if text == "~" or text.startswith("~/"):
            return self._machine.home / text[2:]
        try:
            return Path(text).expanduser()
        except RuntimeError as error:
            raise HostUnreachable(f"{self._name}: the SSH configuration has {key} {text!r}: no such user") from error

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
