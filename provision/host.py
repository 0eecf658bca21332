"""A host: look, run, write and upload, over any transport.

``ask`` looks, ``run`` changes. Both take a script as text; every value in it that comes from outside has passed
through :func:`quote` (see ``remote.load``, which passes values as arguments).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from shlex import quote

from provision import remote
from provision.errors import CommandFailed, HostUnreachable, PasswordRefused
from provision.recipe import ROOT
from provision.transport import SUDO_PROMPT, WRONG_PASSWORD, Output, Transport, Watch
from provision.workplace import SILENCE_SECONDS, Workplace, take


class Become(Enum):
    """How we get root on a host."""

    IS_ROOT = "is root"
    SUDO = "sudo without a password"
    PASSWORD = "sudo with a password"  # noqa: S105 -- a word, not a password


IN_DISGUISE = str.maketrans({"\n": "\1", "\\": "\2", "'": "\3", "!": "\4"})
"""Inside single quotes csh ends at a newline and looks for a ``!`` in its history, and fish has escapes of its own."""
UNDISGUISED = r'script=$(printf %s "$@" | tr "\1\2\3\4" "\12\134\47\41") && set -- && eval "$script"'
WORD = 900
"""Characters. BSD's csh takes no word of more than 1024."""


def in_sh(script: str) -> str:
    """Return the one line that runs a script in sh, whatever the login shell."""
    text = script.translate(IN_DISGUISE)
    words = [f"'{text[start : start + WORD]}'" for start in range(0, len(text), WORD)]
    return " ".join((f"sh -c '{UNDISGUISED}' sh", *words))


def as_root(script: str, become: Become) -> str:
    """Return the one line that runs the whole script as root, whatever the login shell."""
    line = in_sh(script)
    match become:
        case Become.IS_ROOT:
            return line
        case Become.SUDO:
            return f"sudo -n {line}"
        case Become.PASSWORD:
            # In English, to be understood.
            return f"env LC_ALL=C sudo -S -p {quote(SUDO_PROMPT)} {line}"


def _discard(_: str) -> None:
    """Take a line of output that nobody wants."""


def _refused_by_sudo(output: Output) -> bool:
    # sudo's own failures, too, exit with 1: "sudo: a password is required", "x is not in the sudoers file".
    return not output.stdout and any(word in output.stderr for word in ("sudo:", "sudoers", "not allowed to execute"))


def _is_wrong_password(output: Output) -> bool:
    # Where it may be given only once, sudo says "1 incorrect password attempt"; sudo-rs: "incorrect authentication".
    refused = output.stderr == WRONG_PASSWORD or re.search("incorrect (password|authentication)", output.stderr)
    return output.status == 1 and not output.stdout and bool(refused)


@dataclass(slots=True)
class Host:
    """A machine on which we may act."""

    transport: Transport
    become: Become = Become.IS_ROOT
    password: str | None = field(default=None, repr=False)
    log: Callable[[str], None] = _discard
    progress: Watch = _discard
    trips: int = 0
    workplace: Workplace | None = None
    """Ours, from the first change on."""

    @property
    def name(self) -> str:
        """Return what the operator calls this host."""
        return self.transport.name

    def ask(self, script: str, *, root: bool = True) -> str:
        """Run a read-only script and return what it printed; a script that fails could not tell."""
        output = self._execute(script, root=root)
        if output.status != 0:
            raise CommandFailed(f"{self.name}: could not look (exit status {output.status}): {output.last_words}")
        return output.stdout

    def run(self, what: str, script: str, *, root: bool = True) -> str:
        """Run a script that changes the host, live in the progress and whole in the log.

        ``what`` is how the operator calls it; it opens the message when the script fails.
        """
        self.log(f"--- {what}")
        output = self._execute(f"{self._still_ours()}{script}", root=root, watch=self._watched)
        for line in output.stderr.splitlines():
            self.log(line)
        if output.status != 0:
            raise CommandFailed(f"{self.name}: {what} failed (exit status {output.status}): {output.last_words}")
        return output.stdout

    def upload(self, data: bytes, path: str) -> None:
        """Put bytes into a new file of the login user's, mode 0600."""
        self.trips += 1
        self.transport.upload(data, path)

    def download(self, path: str) -> bytes:
        """Return what is in a file that the login user may read."""
        self.trips += 1
        return self.transport.download(path)

    def claim(self, *, who: str, uid: int, patience: int, say: Callable[[str], None]) -> bool:
        """Make sure that we are the only ones who change this host; True: just now, others may have changed it before.

        ``uid`` is the login user's; ``patience`` the seconds to wait for somebody else to end. Raises HostUnreachable.
        """
        if self.workplace is not None:
            return False
        self.trips += 1
        arguments = (ROOT, who, str(uid), str(patience), str(SILENCE_SECONDS))
        held = self.transport.hold(as_root(remote.load("workplace", *arguments), self.become))
        if self.become is Become.PASSWORD:
            # sudo reads one line; one that does not ask leaves it to the guard, as signs of life.
            held.send(f"{self.password}\n".encode())
        # Who does not wait is told once, by the error.
        self.workplace = take(self.name, held, say if patience else _discard)
        return True

    def leave(self) -> None:
        """Let others in again; nothing of what a run needed for a while is left."""
        if self.workplace is not None:
            self.workplace.close()
            self.workplace = None

    def write(self, path: str, data: bytes, *, mode: str, group: str = "root") -> None:
        """Put bytes into a file of root's, in one move: nobody sees it half written, or readable too early."""
        upload = self.new_path()
        self.upload(data, upload)
        self.run(f"writing {path}", remote.load("place_file", upload, path, mode, group))

    def new_path(self) -> str:
        """Return a path for an upload (SFTP has no sudo), or a folder to be made; it goes with the workplace."""
        return self.my_workplace.new_path()

    @property
    def my_workplace(self) -> Workplace:
        """Return our workplace; a host is claimed before it is changed."""
        assert self.workplace is not None  # noqa: S101 -- see above
        return self.workplace

    def _still_ours(self) -> str:
        """Return the lines that refuse to go on when the guard gave us up: somebody else may be at work by now."""
        if self.workplace is None:
            return ""
        folder = quote(self.workplace.folder)
        return f"[ -d {folder} ] || {{ echo 'the connection was lost for too long' >&2; exit 75; }}\n"

    def _watched(self, line: str) -> None:
        self.log(line)
        self.progress(line)

    def _execute(self, script: str, *, root: bool, watch: Watch | None = None) -> Output:
        self.trips += 1
        # A command that asks would wait for ever: nobody is there to answer.
        script = f"exec </dev/null\n{script}"
        line = as_root(script, self.become) if root else in_sh(script)
        output = self.transport.execute(line, password=self.password if root else None, watch=watch)
        if root and self.become is Become.PASSWORD and _is_wrong_password(output):
            raise PasswordRefused(
                f"{self.name}: no right to become root: sudo refused the password; "
                "run it again with the right one, or allow sudo without"
            )
        if root and self.become is not Become.IS_ROOT and output.status == 1 and _refused_by_sudo(output):
            raise HostUnreachable(
                f"{self.name}: no right to become root: {output.last_words}; log in as root, or allow sudo"
            )
        return output
