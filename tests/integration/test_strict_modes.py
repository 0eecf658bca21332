"""A host on which somebody else could change what root runs is left as it is, whatever is asked of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.helpers.booted_hosts import login
from tests.helpers.host_state import files_of, pid
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

EXPOSED = [
    pytest.param("chmod 0775 /opt", "chmod 0755 /opt", "/opt can be written by others (mode 775)", id="a parent"),
    pytest.param(
        "chown 65534 /opt/chrony", "chown 0 /opt/chrony", "/opt/chrony belongs to the account 65534", id="an owner"
    ),
    pytest.param(
        "chmod 0722 /opt/chrony/switch",
        "chmod 0755 /opt/chrony/switch",
        "/opt/chrony/switch can be written by others (mode 722)",
        id="the script of the timer",
    ),
    pytest.param(
        "chmod 1777 /srv; mv /opt/chrony /srv/moved; ln -s /srv/moved /opt/chrony",
        "rm /opt/chrony; mv /srv/moved /opt/chrony; chmod 0755 /srv",
        "/srv can be written by others (mode 1777)",
        id="a folder behind a link",
    ),
]


@contextmanager
def exposed(deployed: Deployed, do: str, undo: str) -> Iterator[None]:
    login(deployed.host, do)
    try:
        yield
    finally:
        login(deployed.host, undo)


@pytest.mark.parametrize(("do", "undo", "words"), EXPOSED)
def test_a_file_that_another_account_could_change_is_named_with_its_remedy(
    do: str, undo: str, words: str, deployed: Deployed
) -> None:
    with exposed(deployed, do, undo):
        ran = deployed.run("plan")
    assert ran.status == 2
    assert words in ran.error
    remedy = "chown root" if "belongs" in words else "chmod go-w"
    assert f"{remedy} {words.split(maxsplit=1)[0]}, and check its content" in ran.error


@pytest.mark.parametrize("task", ["deploy", "verify", "status", "rollback", "uninstall"])
def test_nothing_is_run_there_nor_written(task: str, deployed: Deployed) -> None:
    before = (pid(deployed.host), files_of(deployed.host))
    words = ("--confirm-timeout=15",) if task == "deploy" else ()
    with exposed(deployed, "chmod 0777 /opt/chrony", "chmod 0755 /opt/chrony"):
        ran = deployed.run(task, *words)
    assert ran.status == 2
    assert "/opt/chrony can be written by others (mode 777)" in ran.error
    assert (pid(deployed.host), files_of(deployed.host)) == before
