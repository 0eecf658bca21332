"""Run a job: connect to its host, run its operation, and report. Each error ends in the report."""

import threading
import time
import traceback
from contextlib import ExitStack, suppress

from provision.common.errors import (
    CommandFailed,
    HostUnreachable,
    InternalError,
    NameUnresolved,
    ParseError,
    ProvisionError,
    SiteError,
    is_no_thread,
    no_thread_error,
    os_error_text,
)
from provision.deploy.cancellation import INTERRUPTED, Cancellation
from provision.deploy.control_machine import ControlMachine
from provision.deploy.job import Job
from provision.deploy.run import GateClosed, Operation, Run
from provision.host.session import Session, connect, unlock
from provision.output.log import Log, NoLog
from provision.output.progress import Progress
from provision.output.report import Report
from provision.site.settings import no_site_hint

LONGEST_ERROR = 2000
"""Characters of an error in a report; it may quote a host."""


def run_on(
    job: Job, progress: Progress, cancellation: Cancellation | None = None, *, control: ControlMachine
) -> Report:
    """Run a job and return its report, in which each error ends, also a bug: the host may be in the middle of a switch.

    So does Ctrl-C, which reaches only the main thread: it sets the cancellation, and the caller has to end.
    """
    begun = time.monotonic()
    cancellation = cancellation or Cancellation()
    report = job.so_far
    log = control.log or job.open_log()
    try:
        if job.report is None:
            progress.opening(str(job.target))
        cancellation.check()
        _run_operation(job, report, progress, log, cancellation, control)
    except GateClosed as gate_closed:
        report.stopped_at = gate_closed.stopped_at
    except KeyboardInterrupt:
        cancellation.cancel()
        fail(report, HostUnreachable(INTERRUPTED), cancellation)
    except Exception as error:  # noqa: BLE001 -- the report is the only one who knows what was sent to the host
        fail_and_log(report, error, cancellation, log)
        if isinstance(error, NameUnresolved) and report.error is not None:
            report.error += no_site_hint(job.settings.options.folder_without_site)
    else:
        report.tried = True
    report.log = log.path or report.log
    log.close()
    report.seconds = round(report.seconds + time.monotonic() - begun, 2)
    progress.ending(report)
    return report


def _run_operation(
    job: Job, report: Report, progress: Progress, log: Log, cancellation: Cancellation, control: ControlMachine
) -> None:
    """Connect, and run the operation. Raises ProvisionError, GateClosed."""
    settings = job.settings
    # The digest of the keys is slow on purpose: compute it while the connection is made.
    keys = settings.read_keys(control.secrets.keys)
    threading.Thread(target=lambda: keys and keys.digest, daemon=True).start()

    connection = connect(
        job.target,
        accept_new=settings.options.accept_new,
        log=log.write,
        progress=progress.line,
        say=progress.say,
    )
    with connection as session, ExitStack() as ends, ExitStack() as building:
        cancellation.register(session.host.transport.close, ends)
        unlock(session, control.secrets.passwords, quiet=progress.quiet, check=cancellation.check)
        log.hide(settings.certificates.secrets)
        report.platform, report.address = session.facts.platform, session.address
        report.os_like = session.facts.os_like
        _warn_of_clock(session, report, progress)
        run = Run(
            session,
            settings,
            keys,
            report,
            progress,
            log,
            who=control.who,
            artifacts=control.artifacts,
            open=job.open,
            building=building,
            check=cancellation.check,
            cut_off_with=cancellation.register,
            lock_timeout=control.lock_timeout,
            before_changes=control.before_changes,
            unfit=job.unfit,
            compiled_on=job.compiled_on,
        )
        _operate(job.operation, run)


def _operate(operation: Operation, run: Run) -> None:
    """Run the operation, and count what was sent to the host, also if it fails.

    Raises ProvisionError, GateClosed; the message of CommandFailed names a wrong clock of the host as its cause.
    """
    session, report = run.session, run.report
    try:
        operation(run)
    except CommandFailed as error:
        message = str(error)
        # Not the session from before: the clock may have been set.
        if run.session.clock is not None:
            message = run.session.clock.explain(message)
        raise CommandFailed(message) from error
    finally:
        report.may_have_changed |= session.host.may_have_changed
        session.host.leave()
        report.round_trips += session.host.trips


def _warn_of_clock(session: Session, report: Report, progress: Progress) -> None:
    """Report a wrong clock first, for it explains many later errors."""
    if session.clock is None or not session.clock.differs:
        return
    warning = session.clock.warning(session.host.name)
    if warning in report.notes:
        return
    progress.say(warning)
    report.notes.append(warning)


def fail_and_log(report: Report, error: Exception, cancellation: Cancellation, log: Log) -> None:
    """End a report with any error; the log gets the traceback of one that was not expected."""
    known = _as_known(error, log)
    fail(report, known, cancellation)
    lines = [f"error: {known}"]
    if not isinstance(error, ProvisionError):
        lines += "".join(traceback.format_exception(error)).splitlines()
    with suppress(SiteError):  # the error may be that the log cannot be written
        for line in lines:
            log.write(line)


def _as_known(error: Exception, log: Log) -> ProvisionError:
    """Return an error as one that the operator may see. The text of a bug may quote a secret."""
    if isinstance(error, ProvisionError):
        return error
    if isinstance(error, OSError):
        return SiteError(f"this machine: {os_error_text(error)}")
    if is_no_thread(error):
        return no_thread_error()
    where = "the log has the traceback"
    if isinstance(log, NoLog):
        where = "without --watch, a log has the traceback"
    return InternalError(f"internal error: {type(error).__name__}; {where}: please report it")


def fail(report: Report, error: ProvisionError, cancellation: Cancellation) -> None:
    """End a report with an error: the first one, which is the cause of later ones. Set whether the host was tried."""
    report.stopped_at = None
    report.tried = report.may_have_changed or error.is_of_host
    if report.error is not None:
        return
    words = str(error)
    if isinstance(error, ParseError) and not words.startswith(f"{report.host}: "):
        # A parser does not know the host of its text.
        words = f"{report.host}: {words}"
    if cancellation.is_set:
        words = INTERRUPTED
    report.error = words[:LONGEST_ERROR]
    if str(report.switch) and (cancellation.is_set or report.switch.until is not None):
        report.error += f"; {report.switch}"
