"""Read the SSH configuration of a host and of its jump hosts.

``ssh -G`` resolves everything that ssh_config(5) has: Include, Match, canonical names. On a machine without ssh, a
reader that knows less takes its place (``config_without_ssh.py``).
"""

import getpass
import os
import platform
import pwd
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from provision.common.errors import HostUnreachable, remedied
from provision.common.files.account import home_folder
from provision.host.transport import brief
from provision.host.transport.config_files import config_files, named_file
from provision.host.transport.config_without_ssh import options_without_ssh
from provision.host.transport.local import run
from provision.host.transport.ssh_options import FILE_LISTS, Options
from provision.host.transport.ssh_settings import USER_FILES, SshSettings, settings_from
from provision.host.transport.ssh_tokens import ThisMachine

SECONDS = 60
"""The longest time for ``ssh -G``, which may run commands (``Match exec``) and resolve names (CanonicalizeHostname)."""
MOST_HOPS = 16
PATHS = re.compile(r" (?=[/~])")
"""The blank before an absolute path."""
DROPBEAR = ("dropbear", "dbclient")
"""The names of the programs of Dropbear, to which ``ssh`` may be a link."""
NO_ACCOUNT = "No user exists for uid"
"""The words of ssh where the account of the process has no entry in passwd, as in some containers."""


def read_route(name: str, *, user: str | None = None, port: int | None = None) -> tuple[SshSettings, ...]:
    """Return the settings of each jump host in the order of the connections, and those of the host at the end.

    Raises HostUnreachable.
    """
    backwards: list[SshSettings] = []
    for hop in _from_last_to_first(read_settings(name, user=user, port=port)):
        backwards.append(hop)
        if len(backwards) > MOST_HOPS:
            raise HostUnreachable(
                f"{name}: the SSH configuration leads through more than {MOST_HOPS} jump hosts, again and "
                f"again through {hop.name}; say ProxyJump none for the jump host"
            )
    return tuple(reversed(backwards))


def _from_last_to_first(settings: SshSettings) -> Iterator[SshSettings]:
    """Yield the settings of a host, then those of its jump hosts in reverse order."""
    yield settings
    for jump in reversed(settings.jumps[1:]):
        hop = read_settings(jump.name, user=jump.user, port=jump.port)
        # As with ssh -J: only the first jump host is reached as its own configuration says.
        yield replace(hop, proxy_command=None, jumps=())
    for jump in settings.jumps[:1]:
        yield from _from_last_to_first(read_settings(jump.name, user=jump.user, port=jump.port))


def read_settings(name: str, *, user: str | None = None, port: int | None = None) -> SshSettings:
    """Return the settings of a host; ``user`` and ``port`` are those of the command line. Raises HostUnreachable."""
    machine = _this_machine()
    options = None
    if _is_openssh(shutil.which("ssh")):
        options = _options_by_ssh(name, user, port)
    if options is None:
        options = options_without_ssh(name, user=user, port=port, own_name=machine.user)
    return settings_from(name, options, machine)


def _is_openssh(program: str | None) -> bool:
    """Return whether a program, if there is one, is OpenSSH's; Dropbear's would connect rather than print."""
    return program is not None and not Path(program).resolve().name.startswith(DROPBEAR)


def _this_machine() -> ThisMachine:
    return ThisMachine(
        home=home_folder(),
        environment=os.environ,
        uid=os.getuid(),
        user=_own_name(),
        hostname=platform.node(),
    )


def _own_name() -> str:
    """Return the name of the operator's account; empty if it has none. Like ssh, prefer passwd to the environment."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        pass
    number = str(os.getuid())
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # Fabric and Paramiko ask for the name, too, and fail without one, though nothing here needs their answer.
        name = os.environ["LOGNAME"] = number
    if name == number:
        return ""
    return name


def _options_by_ssh(name: str, user: str | None, port: int | None) -> Options | None:
    """Return what ``ssh -G`` prints; None if ssh does not work for this account at all."""
    words = ["ssh", "-G"]
    if user is not None:
        words += ["-l", user]
    if port is not None:
        words += ["-p", str(port)]
    with _with_our_files(name) as file_words:
        try:
            ran = run([*words, *file_words, "--", name], folder=Path.cwd(), seconds=SECONDS)
        except TimeoutError:
            raise HostUnreachable(f"{name}: ssh -G did not end within {SECONDS} s; try it by hand") from None
        except OSError as error:
            raise HostUnreachable(f"{name}: ssh -G: {remedied(error)}") from error
    errors = ran.stderr.decode(errors="replace")
    if ran.status == 0:
        return _parse_options(ran.stdout.decode(errors="replace"))
    if NO_ACCOUNT in errors:
        return None
    lines = [line for line in errors.splitlines() if "terminating" not in line] or ["it printed nothing"]
    raise HostUnreachable(f"{name}: the SSH configuration: {brief(lines[-1].strip())}; ssh refuses it, too")


@contextmanager
def _with_our_files(name: str) -> Iterator[tuple[str, ...]]:
    """Yield the words that have ssh read the files that the environment names, by our variable and by HOME.

    ssh itself ignores HOME, but all other files of this tool are found by it.
    """
    home = home_folder()
    if home == _home_in_passwd():
        named = named_file(name)
        words: tuple[str, ...] = ()
        if named is not None:
            words = ("-F", str(named))
        yield words
        return
    known = " ".join(f'"{file.replace("~", str(home), 1)}"' for file in USER_FILES)
    includes = (f'Include "{file}"' for file in config_files(name))
    lines = (*includes, "Host *", f"UserKnownHostsFile {known}", "")
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
        if key in FILE_LISTS:
            values = _file_names(value)
        found[key] += values
    return found


def _file_names(text: str) -> list[str]:
    """Divide a list of files, which ssh prints without quotes, though a name may have blanks.

    A path that does not exist is taken for several ones if it is relative, or if its first word is a file.
    """
    found: list[str] = []
    for path in PATHS.split(text):
        words = path.split(" ")
        is_several = not path.startswith("/") or Path(words[0]).is_file()
        if is_several and not Path(path).exists():
            found += words
        else:
            found.append(path)
    return found
