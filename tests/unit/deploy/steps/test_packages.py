"""Packages are installed in one go, or in two with work beside the second; the commands of the manager are plain sh."""

from dataclasses import replace
from pathlib import Path

import pytest

from provision.build.requirements import compilers, needed
from provision.common.errors import BuildRefused, CommandFailed
from provision.deploy.steps.packages import Packages
from provision.host.host import Host
from provision.host.packages import MANAGERS
from provision.host.transport.local import LocalTransport
from tests.helpers.samples import RECIPE
from tests.helpers.step_samples import needs_root
from tests.helpers.waiting import await_true

pytestmark = needs_root
NAMES = ("gcc", "make", "libcap-dev")
FIRST = ("gcc", "make")
INSTALL = """
sh -c 'cd "$0"
echo "$@" >>installed
case "$*" in *libcap-dev*)
    touch rest-begins
    tries=0
    while [ ! -e work-is-done ] && [ "$tries" -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done
    [ -e work-is-done ] || exit 3
    exit "$(cat status)"
esac'"""


@pytest.fixture(autouse=True)
def _folder_of_a_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the record of installed packages out of this machine's own folder."""
    monkeypatch.setattr("provision.deploy.steps.packages.ROOT", str(tmp_path / "chrony"))


def packages(folder: Path, *, status: int = 0) -> Packages:
    """Return a step whose manager waits, in the second installation, until the work beside it is done."""
    (folder / "status").write_text(str(status))
    manager = replace(MANAGERS["apt-get"], query="false", refresh="true", offers="true", install=f"{INSTALL} {folder}")
    return Packages(manager, NAMES, str(folder / "build"), first=FIRST)


def installed(folder: Path) -> list[str]:
    return (folder / "installed").read_text().splitlines()


def test_work_begins_after_the_first_packages_and_runs_beside_the_installation_of_the_others(tmp_path: Path) -> None:
    logged: list[str] = []
    host = Host(LocalTransport(), log=logged.append)

    def work(_: Host) -> None:
        assert installed(tmp_path)[0] == "gcc make"
        await_true((tmp_path / "rest-begins").exists, "the other packages are not installed meanwhile")
        (tmp_path / "work-is-done").touch()

    replace(packages(tmp_path), meanwhile=work).apply(host)
    assert installed(tmp_path) == ["gcc make", "gcc make libcap-dev"]
    assert logged.count("--- installing packages") == host.trips == 2


def test_a_failed_installation_ends_the_step_after_the_work_beside_it(tmp_path: Path) -> None:
    def work(_: Host) -> None:
        (tmp_path / "work-is-done").touch()

    step = replace(packages(tmp_path, status=9), meanwhile=work)
    with pytest.raises(CommandFailed, match="installing packages failed"):
        step.apply(Host(LocalTransport()))


def test_failed_work_is_the_error_of_the_step_and_the_installation_is_not_cut_off(tmp_path: Path) -> None:
    def work(_: Host) -> None:
        await_true((tmp_path / "rest-begins").exists, "the other packages are not installed meanwhile")
        (tmp_path / "work-is-done").touch()
        raise BuildRefused("nettle does not compile")

    logged: list[str] = []
    step = replace(packages(tmp_path, status=9), meanwhile=work)
    with pytest.raises(BuildRefused, match="nettle does not compile"):
        step.apply(Host(LocalTransport(), log=logged.append))
    # It failed as well, and was tried again after it had fetched the lists.
    assert installed(tmp_path).count("gcc make libcap-dev") == 2
    assert logged.count("--- installing packages") == 2


def test_the_first_packages_are_a_part_of_all_packages() -> None:
    for manager in MANAGERS.values():
        assert set(compilers(manager)) < set(needed(manager, RECIPE))
