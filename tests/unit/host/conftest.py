"""A host without time services: a folder like /proc, and a systemctl of the test."""

from pathlib import Path

import pytest

from tests.helpers.fake_proc import ROOT, Proc
from tests.helpers.fake_systemctl import Systemctl, shows


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    """A folder like /proc, with processes that are no time services."""
    proc = Proc(tmp_path / "proc")
    (proc.folder / "net").mkdir(parents=True)
    proc.listen()
    proc.add(1, "/usr/lib/systemd/systemd", unit="init.scope", capabilities=ROOT)
    proc.add(300, "/usr/lib/systemd/systemd-timedated", unit="systemd-timedated.service", capabilities=ROOT)
    proc.add(301, "/usr/sbin/sshd", unit="ssh.service", capabilities=ROOT)
    proc.add(302, "/usr/bin/dash", unit="docker-abc.scope", capabilities=ROOT)
    return proc


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    """A systemctl that knows no time service."""
    systemctl = Systemctl.install(tmp_path / "systemd", monkeypatch)
    systemctl.add("chronyd.service", shows("chronyd.service", "not-found", "inactive", "", ""))
    return systemctl
