"""Remember the hosts that failed in the last run of a task, for ``--retry``."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from provision.common.errors import SiteError
from provision.common.files import private
from provision.common.files.account import state_folder
from provision.common.files.regular import read_regular
from provision.common.text import shown
from provision.host.target import Target
from provision.output.report import Report
from provision.site.settings import Settings

MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Failed:
    """The failed hosts of one task with one site file, stored in a local file."""

    path: Path
    about: str

    @classmethod
    def of(cls, task: str, site: Path | None) -> "Failed":
        """Return the record of a task with a site file; None stands for the default site."""
        path = state_folder() / "failed.json"
        if site is None:
            return cls(path, task)
        # A path may have bytes that are no text, which JSON does not have.
        return cls(path, f"{task} {shown(str(site.absolute()))}")

    def among(self, host_settings: Iterable[tuple[Target, Settings]]) -> tuple[tuple[Target, Settings], ...]:
        """Return the hosts of ``host_settings`` that failed last time. Raises SiteError if there are none."""
        names = self._noted().get(self.about, [])
        again = tuple((target, settings) for target, settings in host_settings if str(target) in names)
        if not again:
            raise SiteError("--retry: none of these hosts failed when this task ran last; leave --retry out")
        return again

    def note(self, reports: Sequence[Report]) -> None:
        """Record the failed hosts of a run; the record of hosts outside the run does not change."""
        # An error here is ignored: the run is over, and its report was printed.
        with suppress(SiteError, OSError), private.locked(self.path):
            noted = self._noted()
            before = noted.get(self.about, [])
            ran = {str(report.host) for report in reports}
            failed = [str(report.host) for report in reports if not report.ok]
            names = [name for name in before if name not in ran] + failed
            if names != before:
                record = {about: hosts for about, hosts in {**noted, self.about: names}.items() if hosts}
                private.write(self.path, json.dumps(record).encode(), replace=self.path.exists())

    def _noted(self) -> dict[str, list[str]]:
        try:
            return msgspec.json.decode(read_regular(self.path, MOST_BYTES), type=dict[str, list[str]])
        except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
            # An unreadable file counts as an empty one.
            return {}
