"""The hosts that were not as wanted when a task ran last, for ``--retry``."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from provision import private
from provision.errors import SiteError
from provision.report import Report
from provision.target import Target
from provision.wish import Wish


@dataclass(frozen=True, slots=True)
class Failed:
    """A file of this machine, and what in it is about a task and a site."""

    path: Path
    about: str

    @classmethod
    def of(cls, task: str, site: Path | None) -> "Failed":
        """Return what is noted about a task with a site file; None is the default site."""
        path = user_state_path("chrony-provision") / "failed.json"
        return cls(path, f"{task} {site.absolute() if site else ''}".rstrip())

    def among(self, wishes: Iterable[tuple[Target, Wish]]) -> tuple[tuple[Target, Wish], ...]:
        """Return those that failed last time. Raises SiteError when there are none."""
        names = self._noted().get(self.about, [])
        again = tuple((target, wish) for target, wish in wishes if str(target) in names)
        if not again:
            raise SiteError("--retry: none of these hosts failed when this task ran last; leave --retry out")
        return again

    def note(self, reports: Sequence[Report]) -> None:
        """Take note of how the hosts of a run are; what is known of others stays."""
        # What cannot be noted is not: the run itself is over, and its report was given.
        with suppress(SiteError), private.locked(self.path):
            noted = self._noted()
            before = noted.get(self.about, [])
            ran = {report.host for report in reports}
            names = [name for name in before if name not in ran] + [report.host for report in reports if not report.ok]
            if names != before:
                kept = {about: hosts for about, hosts in {**noted, self.about: names}.items() if hosts}
                private.write(self.path, json.dumps(kept).encode(), replace=self.path.exists())

    def _noted(self) -> dict[str, list[str]]:
        try:
            noted = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}
