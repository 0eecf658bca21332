"""Ask hosts for their state again and again, over one connection for each, until Ctrl-C."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from provision.common.errors import CommandFailed, ParseError
from provision.deploy.cancellation import Cancellation
from provision.deploy.control_machine import ControlMachine
from provision.deploy.job import Job
from provision.deploy.run import Operation, Run
from provision.deploy.runner import fail, run_on
from provision.deploy.secrets import Secrets
from provision.host.target import Target
from provision.output.log import NoLog
from provision.output.progress.silent import Silent
from provision.output.report import Report
from provision.site.settings import Settings

CONNECTING = "connecting"
MOST_HOSTS = 200
"""So many connections, each with a thread and some descriptors, are kept at most."""
RECONNECT_SECONDS = 5
"""The least time between two attempts to connect to a host."""
END_SECONDS = 5
"""How long the threads of all hosts are waited for at the end: one may hang in a connection."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """The hosts that are watched, and the last state of each."""

    seconds: float
    """Between two questions."""
    parallel: int
    """How many hosts may be connected to at the same time; connections that are open are not counted."""
    quiet: Callable[[], AbstractContextManager[None]]
    """Returns a context in which nothing is drawn, for a prompt."""
    reports: dict[Target, Report] = field(default_factory=dict)
    cancellation: Cancellation = field(default_factory=Cancellation)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(
        self,
        operation: Operation,
        host_settings: Sequence[tuple[Target, Settings]],
        secrets: Secrets,
        show: Callable[[list[Report]], None],
    ) -> list[Report]:
        """Call ``show`` with the last reports every few seconds; return those at Ctrl-C."""
        control = ControlMachine(secrets=secrets, log=NoLog(""))
        connecting = threading.Semaphore(self.parallel)
        threads = []
        for target, settings in host_settings:
            self.reports[target] = Report(host=target, error=CONNECTING)
            host = _WatchedHost(self, target, settings, operation, control, connecting)
            threads.append(threading.Thread(target=host.follow, daemon=True))
        try:
            for thread in threads:
                thread.start()
            self._wait_for_first_answers()
            while True:
                show(list(self.reports.values()))
                self.ended.wait(self.seconds)
        except KeyboardInterrupt:
            return list(self.reports.values())
        finally:
            self.ended.set()
            self.cancellation.cancel()
            end = time.monotonic() + END_SECONDS
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))

    def _wait_for_first_answers(self) -> None:
        """Wait until each host has answered or failed, but no longer than one interval."""
        waited = 0.0
        while waited < self.seconds and any(report.error == CONNECTING for report in self.reports.values()):
            self.ended.wait(0.1)
            waited += 0.1


@dataclass(slots=True)
class _WatchedHost:
    """One host, in a thread of its own."""

    watch: Watch
    target: Target
    settings: Settings
    operation: Operation
    control: ControlMachine
    connecting: threading.Semaphore
    _is_connecting: bool = False
    """Whether it holds one of the places for hosts to which a connection is being opened."""

    def follow(self) -> None:
        """Connect, and ask again and again; connect anew after the connection was lost."""
        job = Job(target=self.target, settings=self.settings, operation=self._ask_again)
        while not self.watch.ended.is_set():
            self.connecting.acquire()
            self._is_connecting = True
            report = run_on(job, Silent(self.watch.quiet), self.watch.cancellation, control=self.control)
            self._connected()
            if self.watch.ended.is_set():
                return
            self.watch.reports[self.target] = report
            self.watch.ended.wait(max(self.watch.seconds, RECONNECT_SECONDS))

    def _ask_again(self, run: Run) -> None:
        """Ask until the end, or until the connection is lost. Raises HostUnreachable."""
        self._connected()
        while not self.watch.ended.is_set():
            report = Report(host=self.target, platform=run.report.platform, address=run.report.address)
            report.notes = list(run.report.notes)
            before = run.session.host.trips
            try:
                self.operation(replace(run, report=report))
                report.tried = True
            except (CommandFailed, ParseError) as error:
                fail(report, error, self.watch.cancellation)
            report.round_trips = run.session.host.trips - before
            self.watch.reports[self.target] = report
            self.watch.ended.wait(self.watch.seconds)

    def _connected(self) -> None:
        """Let another host connect."""
        if self._is_connecting:
            self._is_connecting = False
            self.connecting.release()
