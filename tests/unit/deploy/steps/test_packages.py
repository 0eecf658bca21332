"""Packages are installed in one go, or in two with work beside the second; the commands of the manager are plain sh."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provision.build.requirements import compilers, needed
from provision.common.errors import BuildRefused, CommandFailed
from provision.deploy.steps.packages import Packages
from provision.host.host import Host
from provision.host.packages import MANAGERS
from tests.helpers.claimed_workspace import claimed
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
    echo "unpacking libcap-dev"
    cat error >&2
    [ ! -s error ]
esac'"""


@pytest.fixture
def logged() -> list[str]:
    return []


@pytest.fixture
def host(tmp_path: Path, logged: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Return this machine as a host, whose own folder is one of the test."""
    monkeypatch.setattr("provision.deploy.steps.packages.ROOT", str(tmp_path / "chrony"))
    with claimed(tmp_path / "chrony") as one:
        one.log = logged.append
        yield one


def packages(folder: Path, *, error: str = "") -> Packages:
    """Return a step whose manager waits, in the second installation, until the work beside it is done."""
    (folder / "error").write_text(error)
    manager = replace(MANAGERS["apt-get"], query="false", refresh="true", offers="true", install=f"{INSTALL} {folder}")
    return Packages(manager, NAMES, str(folder / "build"), first=FIRST)


def installed(folder: Path) -> list[str]:
    return (folder / "installed").read_text().splitlines()


def test_work_begins_after_the_first_packages_and_runs_beside_the_installation_of_the_others(
    host: Host, logged: list[str], tmp_path: Path
) -> None:
    def work(_: Host) -> None:
        assert installed(tmp_path)[0] == "gcc make"
        await_true((tmp_path / "rest-begins").exists, "the other packages are not installed meanwhile")
        (tmp_path / "work-is-done").touch()

    replace(packages(tmp_path), meanwhile=work).apply(host)
    # The compilers are in use: they are not named again, or a newer one might replace them now.
    assert installed(tmp_path) == ["gcc make", "libcap-dev"]
    assert logged.count("--- installing packages") == 2
    assert "unpacking libcap-dev" in logged
    assert not Path(f"{host.my_workspace.folder}/packages").exists()


def test_packages_that_cannot_be_installed_before_the_work_end_the_step(host: Host, tmp_path: Path) -> None:
    manager = replace(packages(tmp_path).manager, install="sh -c 'echo no gcc >&2; exit 100'")
    step = replace(packages(tmp_path), manager=manager, meanwhile=lambda _: pytest.fail("the work begins"))
    with pytest.raises(CommandFailed, match=r"installing packages failed .*no gcc"):
        step.apply(host)


def test_a_failed_installation_ends_the_step_after_the_work_beside_it(host: Host, tmp_path: Path) -> None:
    def work(_: Host) -> None:
        (tmp_path / "work-is-done").touch()

    step = replace(packages(tmp_path, error="no space left"), meanwhile=work)
    with pytest.raises(CommandFailed, match=r"installing packages failed .*no space left"):
        step.apply(host)


def test_failed_work_is_the_error_of_the_step_and_the_installation_is_not_cut_off(
    host: Host, logged: list[str], tmp_path: Path
) -> None:
    def work(_: Host) -> None:
        await_true((tmp_path / "rest-begins").exists, "the other packages are not installed meanwhile")
        (tmp_path / "work-is-done").touch()
        raise BuildRefused("nettle does not compile")

    step = replace(packages(tmp_path, error="no space left"), meanwhile=work)
    with pytest.raises(BuildRefused, match="nettle does not compile"):
        step.apply(host)
    # It failed as well, and was tried again after it had fetched the lists.
    assert installed(tmp_path).count("libcap-dev") == 2
    assert "no space left" in logged


def test_an_installation_that_somebody_ends_is_an_error(host: Host, tmp_path: Path) -> None:
    def work(_: Host) -> None:
        pid = Path(f"{host.my_workspace.folder}/packages/pid").read_text().strip()
        host.run("ending the installation", f"kill -KILL {pid}")

    with pytest.raises(CommandFailed, match=r"installing packages failed .*ended before it had finished"):
        replace(packages(tmp_path), meanwhile=work).apply(host)
    (tmp_path / "work-is-done").touch()


def test_the_first_packages_are_a_part_of_all_packages() -> None:
    for manager in MANAGERS.values():
        assert set(compilers(manager)) < set(needed(manager, RECIPE))
