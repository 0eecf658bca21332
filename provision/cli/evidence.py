"""Verify hosts and write the evidence for an audit, or check evidence that was written before."""

from functools import partial

from provision.cli.command import Command
from provision.cli.options import VerifyOptions
from provision.common.errors import UsageError
from provision.common.text import shown
from provision.deploy.secrets import Secrets
from provision.deploy.verify import verify as verify_host
from provision.output.audit.check import check_files, read_signature
from provision.output.audit.folder import EvidenceFolder
from provision.output.report import exit_status


def verify(options: VerifyOptions, secrets: Secrets) -> int:
    """Verify the hosts of a command line, or check its folder of evidence; return the exit status.

    Raises ProvisionError.
    """
    if options.check_evidence is not None:
        print(shown(check(options)), flush=True)
        return 0
    operation = partial(verify_host, keeps_answers=options.evidence is not None)
    command = Command(task="verify", operation=operation)
    return exit_status(command.run(options, secrets, partial(open_folder, options)))


def open_folder(options: VerifyOptions) -> EvidenceFolder:
    """Return the folder of evidence that a command line wants."""
    return EvidenceFolder(options.evidence)


def check(options: VerifyOptions) -> str:
    """Check a folder of evidence; return a line that says that it is as it was written.

    Raises UsageError, EvidenceAltered.
    """
    folder = options.check_evidence
    assert folder is not None  # noqa: S101 -- its caller has checked it
    if options.evidence is not None or options.json is not None or options.host:
        raise UsageError("--check-evidence asks no host and writes nothing; leave out --evidence, --json and --host")
    listed, _ = check_files(folder)
    if read_signature(folder) is None:
        return f"{folder}: {len(listed)} files as they were written; not signed"
    return f"{folder}: {len(listed)} files as they were written; the signature was not checked"
