"""Run scripts on a host, and write files to it, over any transport.

``ask`` runs a script that changes nothing, ``run`` one that changes the host. Both take the text of a script; every
external value in it was quoted with :func:`quote` (``scripts.load`` passes values as arguments).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from shlex import quote
from time import monotonic

from provision.common.errors import CommandFailed, HostUnreachable, PasswordRefused
from provision.host import scripts
from provision.host.paths import ROOT, RUN
from provision.host.transport import CHANGE, LOOK, SUDO_PROMPT, WRONG_PASSWORD, Limit, Output, Transport, Watch
from provision.host.workspace import SILENCE_SECONDS, Workspace, take

SLOW = 3
"""Seconds; a host of which half of the answers take less is not slow, only busy for a moment."""
ANSWERS = 10
"""A slow host gets the time of so many of its answers in addition: from a switch to its proof, there are fewer."""
MOST_EXTRA_SECONDS = 120
"""As long as one answer may take (LOOK): a host that nobody reaches after a switch must not wait much longer."""


class Become(Enum):
    """The way to root privileges on a host."""

    IS_ROOT = "is root"
    SUDO = "sudo without a password"
    PASSWORD = "sudo with a password"  # noqa: S105 -- a word, not a password


IN_DISGUISE = {"\n": "\1", "\\": "\2", "'": "\3", "!": "\4"}
"""Characters to replace: in single quotes, csh ends at a newline and expands ``!``, and fish has escapes of its own."""
UNDISGUISED = r'script=$(printf %s "$@" | tr "\1\2\3\4" "\12\134\47\41") && set -- && eval "$script"'
WORD = 900
"""Characters. BSD's csh refuses a word of more than 1024."""


def in_sh(script: str) -> str:
    """Return one line that runs a script in sh, from any login shell."""
    text = script
    # str.translate would take 5 ms for the longest script, fifty times as long.
    for plain, disguise in IN_DISGUISE.items():
        text = text.replace(plain, disguise)
    words = [f"'{text[start : start + WORD]}'" for start in range(0, len(text), WORD)]
    return " ".join((f"sh -c '{UNDISGUISED}' sh", *words))


def as_root(script: str, become: Become) -> str:
    """Return one line that runs the whole script as root, from any login shell."""
    line = in_sh(script)
    match become:
        case Become.IS_ROOT:
            return line
        case Become.SUDO:
            return f"sudo -n {line}"
        case Become.PASSWORD:
            # sudo's messages are parsed, so they have to be in English.
            return f"env LC_ALL=C sudo -S -p {quote(SUDO_PROMPT)} {line}"


def _discard(_: str) -> None:
    """Ignore a line of output."""


def _refused_by_sudo(output: Output) -> bool:
    # sudo's own failures also exit with 1: "sudo: a password is required", "x is not in the sudoers file".
    return not output.stdout and any(word in output.stderr for word in ("sudo:", "sudoers", "not allowed to execute"))


def _is_wrong_password(output: Output) -> bool:
    # If only one attempt is allowed, sudo prints "1 incorrect password attempt", sudo-rs "incorrect authentication".
    refused = output.stderr == WRONG_PASSWORD or re.search("incorrect (password|authentication)", output.stderr)
    return output.status == 1 and not output.stdout and bool(refused)


@dataclass(slots=True)
class Host:
    """A connected host."""

    transport: Transport
    become: Become = Become.IS_ROOT
    password: str | None = field(default=None, repr=False)
    log: Callable[[str], None] = _discard
    progress: Watch = _discard
    looking: Limit = LOOK
    changing: Limit = CHANGE
    trips: int = 0
    answer_seconds: list[float] = field(default_factory=list)
    """The time that each answer took, of those that waited for no event."""
    workspace: Workspace | None = None
    """The workspace of this run, from the first change on."""
    may_have_changed: bool = False
    """Whether :meth:`run` or :meth:`upload` has sent anything, whatever became of it.

    The lock and the workspace are no change: the guard removes them.
    """

    @property
    def name(self) -> str:
        """Return the operator's name for this host."""
        return self.transport.name

    @property
    def extra_seconds(self) -> int:
        """Return by how much limits of time are longer, from what this host needed so far; 0 if it is not slow."""
        if not self.answer_seconds:
            return 0
        middle = sorted(self.answer_seconds)[len(self.answer_seconds) // 2]
        if middle < SLOW:
            return 0
        return min(round(ANSWERS * middle), MOST_EXTRA_SECONDS)

    def ask(self, script: str, *, root: bool = True, patience: int = 0, secret: bool = False) -> str:
        """Run a read-only script and return its output.

        ``patience``: additional seconds for a script that itself waits for an event. ``secret``: the output may contain
        keys, so that an error quotes none of it. Raises CommandFailed, HostUnreachable.
        """
        limit = replace(self.looking, seconds=self.looking.seconds + patience + self.extra_seconds)
        begun = monotonic()
        output = self._execute(script, root=root, limit=limit)
        if not patience:
            self.answer_seconds.append(monotonic() - begun)
        if output.status != 0:
            if secret:
                output = Output(output.status, "", output.stderr)
            raise CommandFailed(f"{self.name}: query failed (exit status {output.status}): {output.last_words}")
        return output.stdout

    def run(self, what: str, script: str, *, root: bool = True) -> str:
        """Run a script that changes the host; its output goes to the progress and to the log.

        ``what`` names the action in the log and in errors. Raises CommandFailed, HostUnreachable.
        """
        self.log(f"--- {what}")
        self.may_have_changed = True
        output = self._execute(f"{self._still_ours()}{script}", root=root, watch=self._watched, limit=self.changing)
        for line in output.stderr.splitlines():
            self.log(line)
        if output.status != 0:
            raise CommandFailed(f"{self.name}: {what} failed (exit status {output.status}): {output.last_words}")
        return output.stdout

    def upload(self, data: bytes, path: str) -> None:
        """Write bytes to a new file that belongs to the login user, mode 0600."""
        self.trips += 1
        self.may_have_changed = True
        self.transport.upload(data, path)

    def download(self, path: str) -> bytes:
        """Return the content of a file that the login user may read."""
        self.trips += 1
        return self.transport.download(path)

    def claim(self, *, who: str, uid: int, lock_timeout: int, say: Callable[[str], None]) -> bool:
        """Lock this host for the run and create its workspace. Raises HostUnreachable.

        Return True if the lock was taken just now, so that another run may have changed the host before; False if it
        was held already. ``uid``: the login user's; ``lock_timeout``: seconds to wait for another run to end.
        """
        if self.workspace is not None:
            return False
        self.trips += 1
        arguments = (ROOT, who, str(uid), str(lock_timeout), str(SILENCE_SECONDS), RUN)
        guard = self.transport.hold(as_root(scripts.load("workspace", *arguments), self.become))
        if self.become is Become.PASSWORD:
            # sudo reads one line. If it does not ask, the guard reads the line as signs of life.
            guard.send(f"{self.password}\n".encode())
        if not lock_timeout:
            # Without a timeout, the error alone names the other run.
            say = _discard
        self.workspace = take(self.name, guard, say, lock_timeout)
        return True

    def leave(self) -> None:
        """Release the lock and remove the workspace."""
        if self.workspace is not None:
            self.workspace.close()
            self.workspace = None

    def write(self, path: str, data: bytes, *, mode: str, group: str = "root", then: str = "") -> None:
        """Write bytes to a file of root's atomically: it is never visible in part, or with a wrong mode.

        ``then`` is a line that runs after it, in the same command.
        """
        upload = self.new_path()
        self.upload(data, upload)
        place = scripts.load("place_file", upload, path, mode, group)
        self.run(f"writing {path}", f"{place}{then}")

    def new_path(self) -> str:
        """Return an unused path in the workspace for an upload (which is made without sudo) or for a new folder."""
        return self.my_workspace.new_path()

    @property
    def my_workspace(self) -> Workspace:
        """Return the workspace of this run; :meth:`claim` comes before any change."""
        assert self.workspace is not None  # noqa: S101 -- see the docstring
        return self.workspace

    def _still_ours(self) -> str:
        """Return lines of sh that stop if the guard has removed the workspace: another run may be active by now."""
        if self.workspace is None:
            return ""
        folder = quote(self.workspace.folder)
        return f"[ -d {folder} ] || {{ echo 'the connection was lost for too long' >&2; exit 75; }}\n"

    def _watched(self, line: str) -> None:
        self.log(line)
        self.progress(line)

    def _execute(self, script: str, *, root: bool, limit: Limit, watch: Watch | None = None) -> Output:
        self.trips += 1
        # Without input, a command that asks a question ends instead of waiting for ever.
        # A login's umask may allow its group to write, which must not apply to files that root runs.
        script = f"exec </dev/null\numask 022\n{script}"
        line = in_sh(script)
        password = None
        if root:
            line = as_root(script, self.become)
            password = self.password
        output = self.transport.execute(line, password=password, watch=watch, limit=limit)
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
