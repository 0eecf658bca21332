"""Define the errors that the operator sees.

ProvisionError
├── UsageError       an option of the command line is wrong; the site file was not read
├── SiteError        the site file or another local file is wrong, or an option does not fit them
├── FetchError       a tarball could not be fetched, or differs from the pinned one
├── StoreError       the folder of artifacts on this machine cannot be read or written
├── HostUnreachable  no shell with root privileges could be opened on the host, or the connection was lost
│   └── PasswordRefused   sudo on the host refused the password
├── SandboxError     a sandbox could not be booted on this machine
├── ClusterFailed    a host was handed to a cluster, and its result is unknown
│   └── ClusterLost       and so is what its workers have done since
├── NotRecorded      the work on the hosts is over, and its result could not be written on this machine
│   └── OutputUnread      nobody reads standard output any more
├── RuleBroken       a rule of an audit does not hold on a host
├── EvidenceAltered  a folder of evidence for an audit is not as it was written
├── CommandFailed    a command on the host failed
│   └── NothingDeployed   the task needs a deployment, and none is on the host
├── BuildRefused     the build, existing or planned, does not match the site file
│   ├── ArtifactRefused   an artifact is not the build that its name says: no host can use it
│   ├── BuildsDiffer      two hosts made different builds of one recipe, and the site requires equal ones
│   └── BuildUnfit        a build from another host does not work on this one
├── RehearsalFailed  the new daemon failed its rehearsal beside the running one, which is unchanged
├── HostUnready      only the administrator can remove an obstacle on the host; nothing was switched
├── NotConverged     a step was applied and the host still differs
├── ParseError       the output of a tool could not be parsed
└── InternalError    a bug of this tool

The classes differ by the reader's next action, not by the place that raises them. Each message is one line: the fault,
the place, and the remedy.

A class also says whether a host is at fault (``is_of_host``). This decides about the exit status only if the run has
sent no command that may change the host: see :class:`provision.output.report.Verdict`.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

USAGE = 2
"""Exit status of a command line that makes no sense; nothing was tried."""
INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as in a shell."""
NOBODY_READS = 141
"""Exit status if the reader of the output has gone: 128 + SIGPIPE."""


class ProvisionError(Exception):
    """A fault of the environment or of the site file, as opposed to a bug."""

    is_of_host: ClassVar[bool] = True
    """Whether the host was asked, and its answer or its state is the fault; False: nothing is known about the host."""
    exit_status: ClassVar[int] = 2
    """Of a command that ends with it; an error of one host does not end the command, but goes into its report."""


class UsageError(ProvisionError):
    """An option of the command line is wrong; the site file was not read, and no host was touched."""

    is_of_host = False


class SiteError(ProvisionError):
    """The site file or another local file is wrong, or an option does not fit them."""

    is_of_host = False


class FetchError(ProvisionError):
    """A tarball could not be fetched, or differs from the pinned one."""

    is_of_host = False


class StoreError(ProvisionError):
    """The folder of artifacts on this machine cannot be read or written."""

    is_of_host = False


class HostUnreachable(ProvisionError):  # noqa: N818 -- a state of the host, and named as one
    """No shell with root privileges could be opened on the host, or the connection was lost."""

    is_of_host = False


class NameUnresolved(HostUnreachable):
    """The name of the host has no address; it may be a name of a site file that was not read."""


class PasswordRefused(HostUnreachable):
    """Sudo on the host refused the password."""


class SandboxError(ProvisionError):
    """A sandbox could not be booted on this machine."""

    is_of_host = False


class ClusterFailed(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """A host was handed to a cluster, and its result is unknown."""

    is_of_host = False


class ClusterLost(ClusterFailed):
    """The scheduler of a cluster was lost, and with it each sign of what its workers have done since."""


class NotRecorded(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """The work on the hosts is over, and its result could not be written on this machine."""

    is_of_host = False
    exit_status = 1


class OutputUnread(NotRecorded):
    """Nobody reads standard output any more."""

    exit_status = NOBODY_READS


class RuleBroken(ProvisionError):  # noqa: N818 -- what was found, in the past tense
    """A rule of an audit does not hold on a host; the evidence is written."""

    exit_status = 1


class EvidenceAltered(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """A folder of evidence for an audit is not as it was written."""

    is_of_host = False
    exit_status = 1


class CommandFailed(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """A command on the host failed."""


class NothingDeployed(CommandFailed):
    """Nothing is deployed on the host."""


class BuildRefused(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """The build, existing or planned, does not match the site file."""


class ArtifactRefused(BuildRefused):
    """An artifact is not the build that its name says: no host can use it."""

    def __init__(self, message: str, build: str) -> None:
        super().__init__(message)
        self.build = build
        """The name of the build."""


class BuildsDiffer(BuildRefused):
    """Two hosts made different builds of one recipe, and the site requires equal ones."""


class BuildUnfit(BuildRefused):
    """A build from another host does not work on this one; it may work on others."""

    def __init__(self, message: str, build: str) -> None:
        super().__init__(message)
        self.build = build
        """The name of the build."""


class RehearsalFailed(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """The new daemon failed its rehearsal beside the running one, which is unchanged."""


class HostUnready(ProvisionError):  # noqa: N818 -- a state of the host, and named as one
    """Only the administrator can remove an obstacle on the host; nothing was switched."""


class NotConverged(ProvisionError):  # noqa: N818 -- a state of the host, and named as one
    """A step was applied and the host still differs."""


class ParseError(ProvisionError):
    """The output of a tool could not be parsed."""


class InternalError(ProvisionError):
    """A bug of this tool; the log of the host has the traceback."""

    exit_status = 1


MORE_PROCESSES = "raise the limit of processes (ulimit -u, pids.max of the cgroup)"
REMEDIES = {
    errno.EMFILE: "raise the limit of open files (ulimit -n), or use a lower --parallel",
    errno.ENFILE: "raise sysctl fs.file-max, or use a lower --parallel",
    errno.EAGAIN: f"{MORE_PROCESSES}, or use a lower --parallel",
    errno.ENOMEM: "use a lower --parallel, or a machine with more memory",
}
"""Errors that say that this machine has no room for more, whatever file they name, and what to do about them."""
_NO_THREAD = "can't start new thread"


def is_no_thread(error: Exception) -> bool:
    """Return whether an error says that the system refuses a thread, for which Python has no class of its own."""
    return isinstance(error, RuntimeError) and str(error) == _NO_THREAD


def no_thread_error() -> SiteError:
    """Return that error as one for the operator."""
    return SiteError(f"this machine: {_NO_THREAD}; {REMEDIES[errno.EAGAIN]}")


def remedied(error: OSError, otherwise: str = "") -> str:
    """Return the reason of an error of this machine with its remedy; ``otherwise`` is that of the file concerned."""
    reason = error.strerror or str(error) or type(error).__name__
    remedy = REMEDIES.get(error.errno or 0, otherwise)
    return f"{reason}; {remedy}" if remedy else reason


def os_error_text(error: OSError) -> str:
    """Return the reason of an error of this machine, behind the file that it is about, if it is about one."""
    reason = remedied(error)
    if error.filename is None:
        return reason
    return f"{error.filename}: {reason}"


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Convert LookupError, ValueError and RecursionError of a parser to ParseError; ``what`` begins its message."""
    try:
        yield
    except (LookupError, ValueError, RecursionError) as error:
        raise ParseError(f"{what}: not the answer that was expected ({type(error).__name__}: {error})") from error
