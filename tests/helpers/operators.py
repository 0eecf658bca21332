"""Somebody who runs the program: a home with keys, known hosts, SSH configuration and logs of its own."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provision.common.results import Finding
from provision.host.sandbox.sandbox import Sandbox
from provision.keys import Keys
from provision.output.findings import folded
from provision.output.report_text import finding_text
from tests.helpers.booted_hosts import ROOT, inv, login
from tests.helpers.report_schema import checked
from tests.helpers.samples import read_keys, write_keys

TIME_SOURCE = "198.19.0.2"
SITE = f"""
[[time.servers]]
address = "{TIME_SOURCE}"
minpoll = 0
maxpoll = 4
"""
"""For hosts that are reached through SSH, where nobody says that they are sandboxes."""
HOST_COMPILES = f'\n[build]\non = "host"\n{SITE}'
"""The same for tests of the compilation on a host."""

OPEN_TERMINALS: list[tuple[int, int]] = []

SHARED = ("bases", "sandboxes", "sources", "time")
"""What of the cache is everybody's; tests begin without artifacts, or most of them would never compile."""
FAILURES = ("  FAILED  ", "  error  ")
"""The beginning of a line with the error of a host."""
REPORT_LINE = re.compile(
    r"\S+|  (begun|unchanged|changed|pending|ok|not checked|note|lost|FAILED|error|log) +\S.*|      .*"
    r"|  (ok|FAILED|not tried).* \(\d+ round trips, [\d.]+ s\)"
    r"|\S+ \((server|client)\)|    [+~!] [a-z].*|    nothing to change|Plan: 1 host, [^,]*"
    r"|  making the base image .*|  booting (sandbox|virtual machine) .*"
)
"""What a report may consist of, a line each; a message that runs over two lines does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a run ended."""

    status: int
    output: str
    errors: str
    reports: list[dict[str, Any]]
    document: dict[str, Any] = field(default_factory=dict)
    """The whole JSON report; empty without one."""

    @property
    def report(self) -> dict[str, Any]:
        """The report on the one host."""
        (report,) = self.reports
        return report

    @property
    def error(self) -> str:
        """The one line that says what went wrong."""
        assert "Traceback" not in self.output + self.errors
        strange = [line for line in self.output.splitlines() if not REPORT_LINE.fullmatch(line)]
        assert strange == [], self
        findings = [finding for report in self.reports for finding in report["findings"]]
        shown = {finding_text(finding) for finding in folded(Finding(**one) for one in findings)}
        failed = [line for line in self.output.splitlines() if line.startswith(FAILURES) and line not in shown]
        (line,) = failed + self.errors.splitlines()
        return line.removeprefix("  FAILED").removeprefix("  error").removeprefix("error:").strip()

    @property
    def changed(self) -> dict[str, str]:
        """The ids of the steps that changed something, and why."""
        return self._steps("changed")

    @property
    def pending(self) -> dict[str, str]:
        """The ids of the steps that would change something, and why."""
        return self._steps("pending")

    def findings(self, check: str, subject: str = "") -> list[dict[str, Any]]:
        """Return the findings of a check, or of a group such as ``server``, whose subject has these words."""
        group = [one for one in self.report["findings"] if f"{one['id']}.".startswith(f"{check}.")]
        return [finding for finding in group if subject in finding["subject"]]

    def held(self, check: str, subject: str = "") -> bool | None:
        """Say whether the findings of a check hold: all of them, or none could be checked."""
        holds = {finding["holds"] for finding in self.findings(check, subject)}
        assert len(holds) == 1, (check, subject, self.report["findings"])
        (one,) = holds
        return bool(one) if one is not None else None

    def seen(self, check: str, subject: str = "") -> str:
        """Return what was seen by a check that has one finding."""
        (finding,) = self.findings(check, subject)
        return str(finding["seen"])

    def assert_proven(self) -> None:
        """Assert that the run is ok, and that each finding could be tried and holds."""
        assert self.status == 0, self
        assert self.report["ok"]
        unproven = [finding for finding in self.report["findings"] if not finding["holds"]]
        assert unproven == [], unproven
        assert len(self.report["findings"]) >= 10

    def _steps(self, status: str) -> dict[str, str]:
        return {step["id"]: step["reason"] for step in self.report["outcomes"] if step["status"] == status}


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator, who lives in a folder of their own; tarballs and sandboxes are everybody's, artifacts are not."""

    home: Path
    patience: float = 600
    """Seconds, after which a task is ended."""

    @property
    def key_file(self) -> Path:
        """The key file that a site without another one means."""
        return self.home / "config/chrony-provision/chrony.keys"

    @property
    def keys(self) -> Keys:
        """The keys in the key file, which is there."""
        keys = read_keys(self.key_file)
        assert keys is not None
        return keys

    def use_keys(self, keys: Keys) -> None:
        """Replace the key file by one with these keys."""
        self.key_file.parent.mkdir(parents=True, exist_ok=True)
        self.key_file.unlink(missing_ok=True)
        write_keys(self.key_file, keys)

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.home / "state/chrony-provision/log"

    @property
    def log(self) -> str:
        """What the last run logged."""
        return max(self.logs.iterdir(), key=lambda path: path.stat().st_mtime_ns).read_text()

    @property
    def known_hosts(self) -> Path:
        """SSH's file of host keys."""
        return self.home / ".ssh/known_hosts"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead to the home."""
        return {
            **{name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"},
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self._cache()),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
        }

    @property
    def artifacts(self) -> Path:
        """The folder of artifacts."""
        return self.home / "cache/chrony-provision/artifacts"

    def share_artifacts(self, folder: Path) -> None:
        """Have the artifacts in a folder that others have, too: what one of them has compiled the others need not."""
        folder.mkdir(exist_ok=True)
        self.artifacts.parent.mkdir(parents=True)
        self.artifacts.symlink_to(folder)

    def _cache(self) -> Path:
        ours = self.artifacts.parent
        if not (ours / "sandboxes").is_symlink():
            ours.mkdir(parents=True, exist_ok=True)
            every = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chrony-provision"
            # A link may lead to what is yet to be made, but for a folder that is made with its parents.
            (every / "sources").mkdir(parents=True, exist_ok=True)
            for name in SHARED:
                # A test may have made one of its own.
                if not (ours / name).exists():
                    (ours / name).symlink_to(every / name)
        return ours.parent

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a task, with its report asked for."""
        self._report.unlink(missing_ok=True)
        return self.start_plainly(*words, "--json", str(self._report), **environment)

    def start_plainly(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start a task as it is."""
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdin=self.standard_input(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def standard_input(self) -> int:
        """Return a terminal at which nobody types, while the operator has no keys, and nothing as soon as they have.

        The first keys are made only where somebody may read where they are kept.
        """
        if self.key_file.exists():
            return subprocess.DEVNULL
        keyboard, screen = pty.openpty()
        # A terminal lasts as long as both ends are open; those of a few tests stay open until the end.
        OPEN_TERMINALS.append((keyboard, screen))
        return screen

    def end(self, process: subprocess.Popen[str]) -> Ran:
        """Wait until a task that was started ends."""
        try:
            output, errors = process.communicate(timeout=self.patience)
        finally:
            process.kill()
        document: dict[str, Any] = {}
        if self._report.exists():
            document = checked(json.loads(self._report.read_text()))
            # A process that was killed has written none.
            assert process.returncode < 0 or document["exit_status"] == process.returncode, document
        return Ran(
            status=process.returncode,
            output=output,
            errors=errors,
            reports=document.get("hosts", []),
            document=document,
        )

    def run(self, *words: str, **environment: str) -> Ran:
        """Run a task to its end."""
        return self.end(self.start(*words, **environment))

    def await_log(self, process: subprocess.Popen[str], words: str) -> None:
        """Wait until the log of a task that was started has these words."""
        for _ in range(1200):
            logs = sorted(self.logs.glob(f"*-{process.pid}.log"))
            if logs and words in logs[-1].read_text():
                return
            assert process.poll() is None, self.end(process)
            time.sleep(0.1)
        process.kill()
        pytest.fail(f"no {words!r} in the log")

    def run_plainly(self, *words: str) -> Ran:
        """Run a task that writes no report."""
        done = inv(*words, env=self.environment)
        return Ran(status=done.returncode, output=done.stdout, errors=done.stderr, reports=[])

    def site(self, text: str) -> str:
        """Write a site file and return the option that names it."""
        path = self.home / "site.toml"
        path.write_text(text)
        return f"--site={path}"

    def make_key(self) -> Path:
        """Make an SSH key and return the file with its public half."""
        key = self.known_hosts.with_name("id_ed25519")
        key.parent.mkdir(mode=0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        return key.with_suffix(".pub")

    def meet(self, host: Sandbox, *users: str) -> None:
        """Have SSH know a host and use its key, which also these users of it accept."""
        folder = self.known_hosts.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        self.known_hosts.write_text(f"{host.address} {host.host_key}\n")
        shutil.copy(host.key, folder / "id_ed25519")
        for user in users:
            accept_key(host, user)

    @property
    def _report(self) -> Path:
        return self.home / "report.json"


def accept_key(host: Sandbox, user: str) -> None:
    """Let a user log in with the key of root."""
    login(
        host, f"install -d -o {user} -m 0700 ~{user}/.ssh; install -o {user} ~root/.ssh/authorized_keys ~{user}/.ssh/"
    )
