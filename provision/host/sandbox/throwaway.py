"""Boot a sandbox for one build, and remove it in any case; also one that a killed run has left.

A run locks the file ``sandboxes/NAME.lock`` as long as it uses its sandbox. A sandbox whose file exists and is not
locked was left by a run that was killed, and the next build removes it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

from provision.common.errors import SandboxError, os_error_text
from provision.common.files.lock import locked
from provision.host.sandbox import sandbox
from provision.host.sandbox.machine import Say, changing, check_rights, folder
from provision.host.sandbox.sandbox import Sandbox

PREFIX = "build-"


class _LockedError(Exception):
    """Another run holds the lock."""


@contextmanager
def throwaway(suite: str, *, say: Say) -> Iterator[Sandbox]:
    """Boot a sandbox under a name of its own, without a time source, and remove it at the end.

    Before that, remove those that killed runs have left. Raises SandboxError.
    """
    check_rights()
    name = f"{PREFIX}{suite}-{token_hex(4)}"
    with _owned(name, say):
        try:
            yield _booted(name, suite, say)
        finally:
            try:
                with _in_words():
                    _remove(name)
            except SandboxError as error:
                say(f"{error}; inv sandbox.down --name {name} removes it")


def _booted(name: str, suite: str, say: Say) -> Sandbox:
    with _in_words():
        return sandbox.up(name, suite, say=say, serves_time=False)


@contextmanager
def _in_words() -> Iterator[None]:
    """Raise SandboxError for an error of this machine's files, such as a full disk."""
    try:
        yield
    except OSError as error:
        raise SandboxError(f"sandboxes: {os_error_text(error)}") from error


def state_of(name: str) -> str:
    """Return what a sandbox of a build is doing; empty for other sandboxes."""
    if not _lock_of(name).exists():
        return ""
    if _is_locked(_lock_of(name)):
        return "builds"
    return "left by a build that was killed; the next one removes it"


@contextmanager
def _owned(name: str, say: Say) -> Iterator[None]:
    """Hold the lock of a new sandbox; remove those whose lock nobody holds any more. Raises SandboxError."""
    with ExitStack() as stack:
        # Between the creation of a lock file and its lock, another run would take it for one that was left.
        with _in_words(), changing("builds"):
            folder("sandboxes").mkdir(parents=True, exist_ok=True)
            for lock in folder("sandboxes").glob(f"{PREFIX}*.lock"):
                _remove_left(lock, say)
            stack.enter_context(locked(_lock_of(name)))
        stack.callback(_lock_of(name).unlink, missing_ok=True)
        yield


def _remove_left(lock: Path, say: Say) -> None:
    if _is_locked(lock):
        return
    say(f"removing the sandbox {lock.stem}, which a build has left")
    _remove(lock.stem)
    lock.unlink(missing_ok=True)


def _remove(name: str) -> None:
    """Remove a sandbox, also one of which only the folder exists. Raises SandboxError."""
    if sandbox.find(name) is not None:
        sandbox.down(name)
        return
    home = folder("sandboxes") / name
    with suppress(FileNotFoundError):
        rmtree(home)


def _lock_of(name: str) -> Path:
    return folder("sandboxes") / f"{name}.lock"


def _is_locked(lock: Path) -> bool:
    def refuse() -> None:
        raise _LockedError

    try:
        with locked(lock, refuse):
            return False
    except _LockedError:
        return True
    except OSError:
        # It may belong to another account, and must not be removed.
        return True
