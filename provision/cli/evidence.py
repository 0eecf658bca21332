"""Verify hosts and write the evidence for an audit, or check evidence that was written before."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from provision.cli.command import Command
from provision.cli.options import VerifyOptions
from provision.cli.refused_report import write_refused
from provision.common.errors import SiteError, UsageError
from provision.common.files.regular import read_regular
from provision.common.text import nearest, on_one_line, quoted, shown
from provision.deploy.secrets import Secrets
from provision.deploy.verify import verify as verify_host
from provision.host.terminal import read_without_echo
from provision.output.audit.check import check_files, read_signature
from provision.output.audit.folder import EvidenceFolder
from provision.output.audit.rule_file import read_rules
from provision.output.audit.rules import RuleSet
from provision.output.audit.rules_report import RulesReport
from provision.output.report import exit_status
from provision.verify.checks.known import check_ids

if TYPE_CHECKING:
    from provision.output.audit.signing import Signer

LONGEST_PASSPHRASE = 4096
"""Bytes of the file of ``--sign-passphrase``."""


def verify(options: VerifyOptions, secrets: Secrets) -> int:
    """Verify the hosts of a command line, or check its folder of evidence; return the exit status.

    Raises ProvisionError.
    """
    if options.check_evidence is not None:
        print(shown(check(options, options.check_evidence)), flush=True)
        return 0
    operation = partial(verify_host, keeps_answers=options.evidence is not None)
    command = Command(task="verify", operation=operation)
    return exit_status(command.run(options, secrets, open_evidence=partial(open_folder, options)))


def open_folder(options: VerifyOptions) -> EvidenceFolder:
    """Return the folder of evidence that a command line wants. Raises UsageError, SiteError."""
    if options.sign_cert is not None:
        raise UsageError("--sign-cert is for --check-evidence; sign with --sign-key")
    if options.evidence is None and (options.sign_key is not None or options.sign_passphrase is not None):
        raise UsageError("--sign-key and --sign-passphrase sign the evidence; name its folder with --evidence")
    if options.evidence is None and options.rules:
        raise UsageError("--rules judges rules in the evidence; name its folder with --evidence")
    rules = RulesReport(tuple(_rules(name) for name in dict.fromkeys(options.rules)))
    if options.sign_key is None:
        if options.sign_passphrase is not None:
            raise UsageError("--sign-passphrase opens the key of --sign-key; name its file, too")
        return EvidenceFolder(options.evidence, rules=rules)
    signer = _signer(options.sign_key, options.sign_passphrase)
    return EvidenceFolder(options.evidence, sign=signer.sign, signer=signer.fingerprint, rules=rules)


def _rules(name: str) -> RuleSet:
    """Return the rules of a file or a set. Raises SiteError, also if they name an unknown check."""
    rules = read_rules(name)
    known = check_ids()
    for rule in rules.rules:
        for id_ in rule.findings:
            if id_ not in known:
                why = f"rule {rule.title!r}: there is no check {quoted(id_)}{nearest(id_, known)}"
                raise SiteError(f"--rules {name}: {on_one_line(why)} (docs/checks.md lists them)")
    return rules


def check(options: VerifyOptions, folder: Path) -> str:
    """Check a folder of evidence; return a line that says that it is as it was written.

    Raises UsageError, SiteError, EvidenceAltered.
    """
    if replace(options, check_evidence=None, sign_cert=None) != VerifyOptions():
        why = "--check-evidence asks no host and writes nothing; it goes with --sign-cert alone"
        write_refused(options.report_paths, "verify", why)
        raise UsageError(why)
    listed, manifest = check_files(folder)
    signature = read_signature(folder)
    return f"{folder}: {len(listed)} files as they were written; {_signed(options, folder, manifest, signature)}"


def _signed(options: VerifyOptions, folder: Path, manifest: bytes, signature: bytes | None) -> str:
    """Return by whom a folder is signed, as far as that is checked. Raises SiteError, EvidenceAltered."""
    if options.sign_cert is not None:
        # Imported here, for the library is large, and most folders are checked without a certificate.
        from provision.output.audit.signing import check_signature  # noqa: PLC0415

        return f"signed by {check_signature(folder, manifest, signature, options.sign_cert)}"
    if signature is None:
        return "not signed"
    return "the signature was not checked: name the certificate of the signer with --sign-cert"


def _signer(key: Path, passphrase: Path | None) -> "Signer":
    """Return the key that signs. Raises SiteError."""
    from provision.output.audit.signing import read_signer  # noqa: PLC0415 -- as above

    if passphrase is not None:
        return read_signer(key, partial(_first_line, passphrase))
    return read_signer(key, partial(_typed, key))


def _first_line(path: Path) -> str:
    """Return the passphrase in a file. Raises SiteError, which quotes none of it."""
    try:
        return read_regular(path, LONGEST_PASSPHRASE).decode().split("\n", maxsplit=1)[0].removesuffix("\r")
    except OSError as error:
        raise SiteError(f"--sign-passphrase {path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SiteError(f"--sign-passphrase {path}: is no text in UTF-8") from None


def _typed(key: Path) -> str:
    """Return the passphrase that is typed at the terminal. Raises SiteError."""
    typed = None
    if sys.stdin is not None and sys.stdin.isatty():
        typed = read_without_echo(f"passphrase of {key}: ", lambda: None)
    if typed is None:
        raise SiteError(f"--sign-key {key}: it has a passphrase, and none was typed; --sign-passphrase names a file")
    return typed
