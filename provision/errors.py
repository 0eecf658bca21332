"""Everything that may go wrong, as the operator sees it.

ProvisionError
├── SiteError        the wish itself is wrong; no host was touched
├── FetchError       a tarball did not arrive, or is not the one we pinned
├── StoreError       the folder of artifacts on this machine cannot be read or written
├── HostUnreachable  we never got a shell on which we may act, or lost it
│   └── PasswordRefused   sudo there did not take the password
├── SandboxError     a throwaway host could not be booted on this machine
├── ClusterFailed    a host was given to a cluster, and nobody can tell what became of it
├── CommandFailed    a command ran and said no
├── BuildRefused     what was built, or would be, is not what the site asks for
│   └── ArtifactRefused   a build that was made on another host does not do its work on this one
├── RehearsalFailed  the new daemon, tried beside the running one, did not do its work; the running one is untouched
├── NotConverged     a step was applied and the host still differs
└── ParseError       a tool said something that we do not understand

Kinds differ by what the reader does next, not by where they are raised. Each message is one line: what, where, and
what to do about it.
"""


class ProvisionError(Exception):
    """Anything that the outside world, or the site, got wrong."""


class SiteError(ProvisionError):
    """The wish itself is wrong; no host was touched."""


class FetchError(ProvisionError):
    """A tarball did not arrive, or is not the one we pinned."""


class StoreError(ProvisionError):
    """The folder of artifacts on this machine cannot be read or written."""


class HostUnreachable(ProvisionError):  # noqa: N818 -- a state of the host, and named as one
    """We never got a shell on which we may act, or lost it."""


class PasswordRefused(HostUnreachable):
    """Sudo did not take the password."""


class SandboxError(ProvisionError):
    """A throwaway host could not be booted on this machine."""


class ClusterFailed(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """A host was given to a cluster, and nobody can tell what became of it."""


class CommandFailed(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """A command ran and said no."""


class BuildRefused(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """What was built, or would be, is not what the site asks for."""


class ArtifactRefused(BuildRefused):
    """A build that was made on another host does not do its work on this one."""


class RehearsalFailed(ProvisionError):  # noqa: N818 -- what happened, in the past tense
    """The new daemon was tried beside the running one, and did not do its work; the running one is untouched."""


class NotConverged(ProvisionError):  # noqa: N818 -- a state of the host, and named as one
    """A step was applied and the host still differs."""


class ParseError(ProvisionError):
    """A tool said something that we do not understand."""
