"""Read the SSH configuration of a host with Paramiko, on a machine without the program ``ssh``.

Paramiko knows less than ssh. What it does not know is refused here rather than ignored; what it reads in another way
than ssh, such as quotes and comments, is rewritten first. Tokens (``%h``) are left to ``ssh_tokens.py``.
"""

import re
import shlex
from glob import escape, glob
from io import StringIO
from pathlib import Path
from typing import Any

import paramiko

from provision.common.errors import HostUnreachable
from provision.common.files.regular import read_regular
from provision.host.transport import brief
from provision.host.transport.config_files import config_files
from provision.host.transport.ssh_options import ALGORITHMS, FILE_LISTS, Options

MOST_BYTES = 16 * 1024 * 1024
INSTALL = "this is read only with the program ssh: install it (openssh-client)"
COMMANDS = ("proxycommand", "localcommand", "remotecommand", "knownhostscommand")
"""Options whose value is the rest of the line, with its quotes and with ``#``."""
PROXIES = ("proxycommand", "proxyjump")
BLANKS = " \t"
QUOTES = "\"'"
_LINE = re.compile(r"\s*(?P<keyword>\w+)(?:\s*=\s*|\s+)(?P<value>.+)")
_HOST_TOKEN = re.compile("%[%h]")
"""The tokens of HostName."""
_CRITERIA = re.compile(
    r"(?:\s*(?:(?:all|final|canonical)\b|!?(?:host|originalhost|user|localuser)\s+[^\s=]+))+\s*", re.IGNORECASE
)
"""The criteria of Match that Paramiko reads. It ignores others, and runs ``exec`` with the operator's own input."""


def options_without_ssh(name: str, *, user: str | None, port: int | None, own_name: str) -> Options:
    """Return the options of a host; ``user`` and ``port`` are those of the command line.

    ``own_name``: the name of the operator's account, with which a login is tried if no other is configured; it may be
    empty.
    Raises HostUnreachable, also if the configuration has what Paramiko cannot read.
    """
    config = _Config()
    # First, for the first value of an option holds. Match and the tokens (%r, %p) see them, too.
    config.parse(StringIO(_command_line_options(user, port)))
    for file in config_files(name):
        try:
            config.parse(StringIO(_rewritten(name, file, _text(name, file))))
        except (paramiko.SSHException, ValueError) as error:
            raise HostUnreachable(f"{name}: {file}: {brief(str(error))}; {INSTALL}") from error
    try:
        found: dict[str, Any] = dict(config.lookup(name))
    except (paramiko.SSHException, OSError, ValueError, KeyError) as error:
        raise HostUnreachable(f"{name}: the SSH configuration: {brief(str(error))}; {INSTALL}") from error
    _keep_first_proxy(found)
    options = {key: _option_values(name, key, value) for key, value in found.items()}
    login = user or found.get("user") or own_name
    if not login:
        raise HostUnreachable(f"{name}: this account has no name to log in with; say USER@{name}, or set USER")
    options["user"] = [login]
    return options


def split_words(text: str) -> list[str]:
    """Divide the value of an option into words like ssh (argv_split in misc.c of OpenSSH).

    A word in quotes may have blanks, and a word that begins with ``#`` begins a comment. Raises ValueError if a quote
    is not closed.
    """
    words: list[str] = []
    rest = text.strip(BLANKS)
    while rest and not rest.startswith("#"):
        word, rest = _first_word(rest)
        words.append(word)
        rest = rest.lstrip(BLANKS)
    return words


def _first_word(text: str) -> tuple[str, str]:
    """Return the first word without its quotes, and the text after it."""
    word = quote = ""
    place = 0
    while place < len(text):
        char, following = text[place], text[place + 1 : place + 2]
        if char == "\\" and (following in {"\\", *QUOTES} or (following == " " and not quote)):
            word += following
            place += 1
        elif char == quote:
            quote = ""
        elif not quote and char in QUOTES:
            quote = char
        elif not quote and char in BLANKS:
            break
        else:
            word += char
        place += 1
    if quote:
        raise ValueError(f"a quote is not closed in {text!r}")
    return word, text[place:]


class _Config(paramiko.SSHConfig):
    """A configuration whose tokens are not replaced: Paramiko knows some of them, and replaces those in values, too."""

    def _tokenize(self, config: Any, target_hostname: str, key: str, value: str) -> str:  # noqa: ARG002 -- Paramiko's
        return value


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


def _rewritten(name: str, file: Path, text: str) -> str:
    """Return the text of a file so that Paramiko reads it like ssh. Raises HostUnreachable, ValueError."""
    lines = []
    for line in text.split("\n"):
        found = _LINE.fullmatch(line.rstrip())
        if found is None or line.lstrip().startswith("#"):
            lines.append(line)
            continue
        key, value = found["keyword"].lower(), found["value"]
        if key == "include":
            _refuse_include(name, file, split_words(value))
            continue
        if key == "match":
            _refuse_match(name, file, value)
        lines.append(_rewritten_line(name, key, value))
    return "\n".join(lines)


def _rewritten_line(name: str, key: str, value: str) -> str:
    if key == "proxycommand" and value.lower() == "none":
        # Paramiko drops this line, and then a later ProxyJump would hold; for ssh, the first of the two options holds.
        return "proxyjump none"
    if key == "match" or key in COMMANDS:
        return f"{key} {value}"
    if key == "proxyjump":
        return f"{key} {value.partition('#')[0].strip()}"
    words = split_words(value)
    if key == "host":
        return f"{key} {shlex.join(words)}"
    plain = " ".join(words)
    if key in FILE_LISTS:
        plain = shlex.join(words)
    if key == "hostname":
        plain = _HOST_TOKEN.sub(lambda found: {"%%": "%", "%h": name}[found[0]], plain)
    # Paramiko removes one pair of quotes.
    return f'{key} "{plain}"'


def _refuse_include(name: str, file: Path, words: list[str]) -> None:
    """Raise HostUnreachable if a file is included, which Paramiko would ignore."""
    for word in words:
        try:
            pattern = Path(escape(str(file.parent))) / Path(word).expanduser()
        except RuntimeError as error:
            raise HostUnreachable(f"{name}: {file}: Include {word}: no such user") from error
        # Later versions of ssh also replace tokens and variables.
        if "%" in word or "${" in word or glob(str(pattern)):  # noqa: PTH207 -- Path.glob takes no absolute pattern
            raise HostUnreachable(f"{name}: {file}: Include {word}: {INSTALL}")


def _refuse_match(name: str, file: Path, criteria: str) -> None:
    """Raise HostUnreachable for a Match that Paramiko does not read as ssh does."""
    if not _CRITERIA.fullmatch(criteria):
        raise HostUnreachable(f"{name}: {file}: Match {criteria}: {INSTALL}")


def _keep_first_proxy(found: dict[str, Any]) -> None:
    """Of ProxyCommand and ProxyJump, remove the second one: for ssh, the first one holds, also if it is ``none``.

    Paramiko adds the options in the order of the files.
    """
    first, *others = [key for key in found if key in PROXIES] or [""]
    for key in others:
        del found[key]
    if found.get(first, "").lower() == "none":
        del found[first]


def _option_values(name: str, key: str, value: str | list[str]) -> list[str]:
    """Return the values of an option."""
    if isinstance(value, list):
        return value
    if key in ALGORITHMS:
        return _algorithms(name, key, value)
    if key in FILE_LISTS:
        return shlex.split(value)
    return [value]


def _algorithms(name: str, key: str, value: str) -> list[str]:
    """Return a list of algorithms; none if it only adds to the default (``+``), or changes its order (``^``)."""
    if value.startswith(("+", "^")):
        return []
    if value.startswith("-") or "*" in value:
        raise HostUnreachable(f"{name}: the SSH configuration has {ALGORITHMS[key]} {value}: {INSTALL}")
    return [value]
