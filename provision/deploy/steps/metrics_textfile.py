"""Define the step that lets a host write metrics for the textfile collector of node_exporter, if the site file says so.

A timer starts a service, which runs a script as chronyd's account. The account cannot write to the folder that
node_exporter reads, and need not: there is a link to its file, made once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from shlex import quote
from typing import ClassVar

from provision.common.errors import ParseError
from provision.common.results import Change, Sign
from provision.deploy.steps import StepDefaults, refuse
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import METRICS_FOLDER, ROOT, UNIT_PATH

_UNITS = UNIT_PATH.rpartition("/")[0]
SERVICE = f"{_UNITS}/chronyd-metrics.service"
TIMER = f"{_UNITS}/chronyd-metrics.timer"
SCRIPT = f"{ROOT}/write-metrics"
FILE = f"{METRICS_FOLDER}/chrony.prom"
LINK_NAME = "chrony-provision.prom"
SECONDS = 30
"""Seconds from one file to the next."""
STALE_SECONDS = 120
"""The age at which a file is too old: also a chronyd that hangs does not delay it for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsTextfile(StepDefaults):
    """A timer of ours writes a fresh file, and node_exporter's folder has a link to it; or the host has neither."""

    id: ClassVar[str] = "metrics-textfile"
    changes_host: ClassVar[bool] = True

    folder: str = ""
    """The folder that node_exporter reads; empty: no metrics are wanted."""
    service: str = field(default="", repr=False)
    timer: str = field(default="", repr=False)
    script: str = field(default="", repr=False)

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return "metrics for node_exporter" if self.folder else "no metrics for node_exporter"

    @property
    def link(self) -> str:
        """Return the path of the link in node_exporter's folder; empty if no metrics are wanted."""
        return f"{self.folder}/{LINK_NAME}" if self.folder else ""

    @property
    def _files(self) -> Mapping[str, str]:
        """Return path → content of our files."""
        return {SCRIPT: self.script, SERVICE: self.service, TIMER: self.timer}

    def look(self) -> str:
        """Print the digests of our files, the states of timer and link, and the age of what was written."""
        return scripts.load("look_metrics", SERVICE, TIMER, SCRIPT, FILE, self.link)

    def drift(self, seen: str) -> str | None:
        """Return how our files differ, why no fresh metrics are written, or that files exist without need."""
        said = _parse(seen)
        if not self.folder:
            there = [path for path in self._files if path in said and path not in said.get("foreign", "").split()]
            return f"not needed: {' '.join(there)}" if there else None
        if (refusal := self.refusal(seen)) is not None:
            return refusal
        for path, content in self._files.items():
            if path not in said:
                return f"missing: {path}"
            if said[path] != sha256(content.encode()).hexdigest():
                return f"{path} differs"
        if said.get("link") == "missing":
            return f"missing: {self.link}"
        return _not_running(said)

    def refusal(self, seen: str) -> str | None:
        """Return which file of the administrator is in the place of ours."""
        said = _parse(seen)
        foreign = said.get("foreign", "").split()
        if said.get("link") == "foreign":
            foreign.append(self.link)
        if not self.folder or not foreign:
            return None
        return f"{' '.join(foreign)}: not from this tool: move it away, or leave service.metrics out of the site"

    def notes(self, seen: str) -> tuple[str, ...]:
        """Return that nobody reads the metrics, if node_exporter's folder is missing."""
        if _parse(seen).get("link") != "no-folder":
            return ()
        why = (
            f"nothing reads the metrics in {FILE}: there is no {self.folder}; install node_exporter, or name its "
            "folder in service.metrics_folder, then deploy again"
        )
        return (why,)

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return how the files differ."""
        sign = Sign.CHANGED
        if self.refusal(seen) is not None:
            sign = Sign.WARNING
        return (Change(id=self.id, sign=sign, subject="metrics", text=drift),)

    def apply(self, host: Host) -> None:
        """Write our files and start the timer, or remove them. Raises HostUnready for a file of the administrator."""
        refuse(self, host)
        # Also before others are written: the link may have been in another folder.
        functions = f"{scripts.functions('remove_metrics')}{scripts.code('remove_metrics')}"
        remove = f"remove_metrics {quote(_UNITS)} {quote(SCRIPT)} {quote(FILE)}\nsystemctl daemon-reload"
        host.run("removing the metrics for node_exporter", f"{functions}{remove}")
        if not self.folder:
            return
        for path, content in self._files.items():
            host.write(path, content.encode(), mode="0644")
        names = [path.rpartition("/")[2] for path in (TIMER, SERVICE)]
        host.run("starting the metrics for node_exporter", scripts.load("start_metrics", *names, FILE, self.link))


def _not_running(said: Mapping[str, str]) -> str | None:
    """Return why no fresh metrics are written."""
    name = TIMER.rpartition("/")[2]
    if said.get("timer") != "enabled active":
        return f"{name} is {said.get('timer', 'not known').replace(' ', ', ')}"
    if "age" not in said:
        return f"missing: {FILE}"
    if not said["age"].removeprefix("-").isdecimal():
        raise ParseError(f"the age of {FILE} is no number")
    # A clock that was set back makes a file of the future, which the next one replaces.
    if int(said["age"]) > STALE_SECONDS:
        return f"{FILE} is {said['age']} s old: see systemctl status chronyd-metrics.service"
    return None


def _parse(seen: str) -> Mapping[str, str]:
    """Return word → value of the lines of ``look_metrics.sh``; of several foreign files, all."""
    said: dict[str, str] = {}
    for line in seen.splitlines():
        word, _, value = line.partition(" ")
        said[word] = f"{said[word]} {value}" if word == "foreign" and word in said else value
    return said
