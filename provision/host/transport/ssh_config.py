"""Read the SSH configuration of a host: with ``ssh -G``, or without ssh, with Paramiko's own reader.

``ssh -G`` resolves everything that ssh_config(5) has: Include, Match, canonical names. Paramiko's reader knows less,
and what it does not know is refused here rather than ignored.
"""

import getpass
import os
import platform
import pwd
import re
import shlex
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from glob import glob
from io import StringIO
from pathlib import Path

import paramiko

from provision.common.errors import HostUnreachable
from provision.common.files.regular import read_regular
from provision.host.transport.local import run
from provision.host.transport.ssh_settings import (
    ALGORITHMS,
    USER_FILES,
    Options,
    SshSettings,
    ThisMachine,
    settings_from,
)

SYSTEM = Path("/etc/ssh/ssh_config")
SECONDS = 60
"""The longest time for ``ssh -G``, which may run commands (``Match exec``) and resolve names (CanonicalizeHostname)."""
MOST_BYTES = 16 * 1024 * 1024
MOST_HOPS = 16
FILES = ("userknownhostsfile", "globalknownhostsfile")
PATHS = re.compile(r" (?=[/~])")
"""The blank between two paths; a name may have blanks, too."""
DROPBEAR = ("dropbear", "dbclient")
"""The names of the programs of Dropbear, to which ``ssh`` may be a link."""
NO_ACCOUNT = "No user exists for uid"
"""The words of ssh where the account of the process has no entry in passwd, as in some containers."""
INSTALL = "this is read only with the program ssh: install it (openssh-client)"
_INCLUDE = re.compile(r"^\s*include[\s=]+(.+)$", re.IGNORECASE | re.MULTILINE)
_MATCH = re.compile(r"^\s*match[\s=]+(.+)$", re.IGNORECASE | re.MULTILINE)
_CRITERIA = re.compile(
    r"(?:\s*(?:(?:all|final|canonical)\b|!?(?:host|originalhost|user|localuser)\s+[^\s=]+))+\s*", re.IGNORECASE
)
"""The criteria of Match that Paramiko reads. It ignores others, and runs ``exec`` with the operator's own input."""


def read_route(name: str, *, user: str | None = None, port: int | None = None) -> tuple[SshSettings, ...]:
    """Return the settings of each jump host in the order of the connections, and those of the host at the end.

    Raises HostUnreachable.
    """
    backwards: list[SshSettings] = []
    for hop in _backwards(read_settings(name, user=user, port=port)):
        backwards.append(hop)
        if len(backwards) > MOST_HOPS:
            raise HostUnreachable(
                f"{name}: the SSH configuration leads through more than {MOST_HOPS} jump hosts, again and "
                f"again through {hop.name}; say ProxyJump none for the jump host"
            )
    return tuple(reversed(backwards))


def _backwards(settings: SshSettings) -> Iterator[SshSettings]:
    """Yield the settings of a host, then those of its jump hosts, from the last one to the first."""
    yield settings
    for jump in reversed(settings.jumps[1:]):
        hop = read_settings(jump.name, user=jump.user, port=jump.port)
        # As with ssh -J: only the first jump host is reached as its own configuration says.
        yield replace(hop, proxy_command=None, jumps=())
    for jump in settings.jumps[:1]:
        yield from _backwards(read_settings(jump.name, user=jump.user, port=jump.port))


def read_settings(name: str, *, user: str | None = None, port: int | None = None) -> SshSettings:
    """Return the settings of a host; ``user`` and ``port`` are those of the command line. Raises HostUnreachable."""
    options = None
    if _is_openssh(shutil.which("ssh")):
        options = _options_by_ssh(name, user, port)
    if options is None:
        options = _options_by_paramiko(name, user, port)
    return settings_from(name, options, _this_machine())


def _is_openssh(program: str | None) -> bool:
    """Return whether a program, if there is one, is OpenSSH's; Dropbear's would connect rather than print."""
    return program is not None and not Path(program).resolve().name.startswith(DROPBEAR)


def _this_machine() -> ThisMachine:
    return ThisMachine(home=Path.home(), environment=os.environ, uid=os.getuid(), hostname=platform.node())


def _options_by_ssh(name: str, user: str | None, port: int | None) -> Options | None:
    """Return what ``ssh -G`` prints; None if ssh does not work for this account at all."""
    words = ["ssh", "-G"]
    if user is not None:
        words += ["-l", user]
    if port is not None:
        words += ["-p", str(port)]
    with _with_our_home() as home_words:
        try:
            ran = run([*words, *home_words, "--", name], folder=Path.cwd(), seconds=SECONDS)
        except TimeoutError:
            raise HostUnreachable(f"{name}: ssh -G did not end within {SECONDS} s; try it by hand") from None
        except OSError as error:
            raise HostUnreachable(f"{name}: ssh -G: {error.strerror}") from error
    errors = ran.stderr.decode(errors="replace")
    if ran.status == 0:
        return _parse_options(ran.stdout.decode(errors="replace"))
    if NO_ACCOUNT in errors:
        return None
    lines = [line for line in errors.splitlines() if "terminating" not in line] or ["it printed nothing"]
    raise HostUnreachable(f"{name}: the SSH configuration: {lines[-1].strip()}; ssh refuses it, too")


@contextmanager
def _with_our_home() -> Iterator[tuple[str, ...]]:
    """Yield the words that have ssh read $HOME/.ssh, where HOME is not the home folder that passwd has.

    ssh itself ignores HOME, but all other files of this tool are found by it.
    """
    home = Path.home()
    if home == _home_in_passwd():
        yield ()
        return
    known = " ".join(f'"{name.replace("~", str(home), 1)}"' for name in USER_FILES)
    lines = (f'Include "{home}/.ssh/config"', f"Include {SYSTEM}", "Host *", f"UserKnownHostsFile {known}", "")
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write("\n".join(lines))
        file.flush()
        yield ("-F", file.name)


def _home_in_passwd() -> Path | None:
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def _parse_options(text: str) -> Options:
    """Parse the output of ``ssh -G``: a keyword and a value in each line."""
    found: dict[str, list[str]] = defaultdict(list)
    # Not splitlines(), which also splits at characters that a value may have, such as a form feed.
    for line in text.split("\n"):
        key, _, value = line.partition(" ")
        values = [value]
        if key in FILES:
            # Several names in one line, and ssh does not quote those with blanks.
            values = PATHS.split(value)
        found[key] += values
    return found


def _options_by_paramiko(name: str, user: str | None, port: int | None) -> Options:
    """Read the configuration with Paramiko. Raises HostUnreachable if it has what Paramiko cannot read."""
    config = paramiko.SSHConfig()
    # First, for the first value of an option holds. Match and the tokens (%r, %p) see them, too.
    config.parse(StringIO(_command_line_options(user, port)))
    for file in (Path.home() / ".ssh/config", SYSTEM):
        text = _text(name, file)
        _refuse_include(name, file, text)
        _refuse_match(name, file, text)
        try:
            config.parse(StringIO(text))
        except (paramiko.SSHException, ValueError) as error:
            raise HostUnreachable(f"{name}: {file}: {error}; {INSTALL}") from error
    try:
        found = config.lookup(name)
    except (paramiko.SSHException, OSError, ValueError, KeyError) as error:
        raise HostUnreachable(f"{name}: the SSH configuration: {error}; {INSTALL}") from error
    if "proxycommand" in found and "proxyjump" in found:
        # For ssh, the first of the two holds; Paramiko does not tell which one that is.
        raise HostUnreachable(f"{name}: the SSH configuration has ProxyCommand and ProxyJump: {INSTALL}")
    options = {key: _option_values(name, key, value) for key, value in found.items()}
    options["user"] = [user or found.get("user") or getpass.getuser()]
    if port is not None:
        options["port"] = [str(port)]
    return options


def _command_line_options(user: str | None, port: int | None) -> str:
    """Return the user and the port of the command line as lines of a configuration."""
    lines = ["Host *"]
    if user is not None:
        # Paramiko removes one pair of quotes.
        lines.append(f'User "{user}"')
    if port is not None:
        lines.append(f"Port {port}")
    return "\n".join(lines)


def _text(name: str, file: Path) -> str:
    try:
        return read_regular(file, MOST_BYTES).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise HostUnreachable(f"{name}: {file}: cannot be read: {error.strerror}") from error


def _refuse_include(name: str, file: Path, text: str) -> None:
    """Raise HostUnreachable if a file is included, which Paramiko would ignore."""
    for found in _INCLUDE.finditer(text):
        for word in found[1].split():
            pattern = Path(word.strip('"')).expanduser()
            if glob(str(file.parent / pattern)):  # noqa: PTH207 -- Path.glob takes no absolute pattern
                raise HostUnreachable(f"{name}: {file}: Include {word}: {INSTALL}")


def _refuse_match(name: str, file: Path, text: str) -> None:
    """Raise HostUnreachable for a Match that Paramiko does not read as ssh does."""
    for found in _MATCH.finditer(text):
        if not _CRITERIA.fullmatch(found[1]):
            raise HostUnreachable(f"{name}: {file}: Match {found[1]}: {INSTALL}")


def _option_values(name: str, key: str, value: str | list[str]) -> list[str]:
    """Return the values of an option; if one pair of quotes enclosed all, Paramiko has removed them."""
    if isinstance(value, list):
        return value
    if key in ALGORITHMS:
        return _algorithms(name, key, value)
    if key not in FILES:
        return [value]
    if '"' not in value:
        return PATHS.split(value)
    if not value.startswith('"') and not value.endswith('"'):
        # Either '"/a b" "/c d"' or '/a "/b c" /d'.
        raise HostUnreachable(f"{name}: the SSH configuration has {key} {value}: {INSTALL}")
    try:
        return shlex.split(value)
    except ValueError as error:
        raise HostUnreachable(f"{name}: the SSH configuration has {key} {value}: {error}; {INSTALL}") from error


def _algorithms(name: str, key: str, value: str) -> list[str]:
    """Return a list of algorithms; none if it only adds to the default (``+``), or changes its order (``^``)."""
    if value.startswith(("+", "^")):
        return []
    if value.startswith("-") or "*" in value:
        raise HostUnreachable(f"{name}: the SSH configuration has {ALGORITHMS[key]} {value}: {INSTALL}")
    return [value]
