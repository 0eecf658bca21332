"""Our folder on a host is root's alone, as sshd's StrictModes has it: which folders count, and what is refused."""

import re
from pathlib import Path

import pytest

from provision.common.errors import ParseError
from provision.host import scripts
from provision.host.strict_modes import exposed
from provision.host.transport.local import LocalTransport

ROOTS = "owner=0 755 /\nowner=0 755 /opt\nowner=0 755 /opt/chrony\n"
EXPOSED = [
    pytest.param("", None, id="root's alone"),
    pytest.param("owner=0 700 /opt/chrony/locks\n", None, id="a folder for root alone"),
    pytest.param(
        "owner=1000 755 /opt/x y\n", "/opt/x y belongs to the account 1000, .*: chown root /opt/x y", id="owner"
    ),
    pytest.param("owner=0 775 /srv\n", r"/srv can be written by others \(mode 775\), .*: chmod go-w /srv", id="group"),
    pytest.param("owner=0 757 /srv\n", r"/srv can be written by others \(mode 757\)", id="all"),
    pytest.param("owner=0 1777 /srv\n", r"/srv can be written by others \(mode 1777\)", id="sticky"),
    pytest.param("owner=0 2755 /srv\n", None, id="set-group-ID alone"),
]


@pytest.mark.parametrize(("more", "words"), EXPOSED)
def test_a_path_that_another_account_can_change_is_refused(more: str, words: str | None) -> None:
    seen = exposed(f"os=debian\n{ROOTS}{more}", "/opt/chrony")
    if words is None:
        assert seen is None
        return
    assert seen is not None
    assert re.match(words, seen), seen


def test_a_host_that_does_not_say_is_refused() -> None:
    with pytest.raises(ParseError, match="did not print who may write to /opt/chrony"):
        exposed("os=debian\n", "/opt/chrony")


def test_each_folder_of_the_path_is_listed_and_the_content_of_the_last(tmp_path: Path) -> None:
    opt, srv = tmp_path / "opt", tmp_path / "srv"
    (srv / "deep/chrony/work").mkdir(parents=True)
    (srv / "deep/chrony/switch").touch()
    (srv / "deep/chrony/current").symlink_to("generations/none")
    opt.mkdir(mode=0o777)
    opt.chmod(0o777)
    (srv / "deep").chmod(0o1777)
    (tmp_path / "link").symlink_to("srv")
    (opt / "chrony").symlink_to("../link/./deep/chrony")
    said = LocalTransport().execute(scripts.load("print_owners", str(opt / "chrony"))).stdout
    told = {line.split(" ", 2)[2]: line.split(" ")[1] for line in said.splitlines()}
    here = {path.removeprefix(f"{tmp_path}/"): mode for path, mode in told.items() if path.startswith(f"{tmp_path}/")}
    assert here == {
        "opt": "777",
        "srv": "755",
        "srv/deep": "1777",
        "srv/deep/chrony": "755",
        "srv/deep/chrony/work": "755",
        "srv/deep/chrony/switch": "644",
    }
    assert {"/", str(tmp_path.parent), str(tmp_path)} <= set(told)


def test_a_folder_that_is_not_there_yet_is_no_error(tmp_path: Path) -> None:
    output = LocalTransport().execute(scripts.load("print_owners", f"{tmp_path}/no/chrony"))
    assert output.status == 0
    assert output.stdout.splitlines()[-1].endswith(f" {tmp_path}")


def test_links_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert LocalTransport().execute(scripts.load("print_owners", f"{tmp_path}/a")).status == 0
