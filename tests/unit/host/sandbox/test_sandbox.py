import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.common.errors import SandboxError
from provision.host.sandbox import machine, room, sandbox
from provision.host.sandbox.machine import folder
from provision.host.sandbox.room import Room, lowest_free

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyFOKuFT0PL6CigHGZdwubchU1uqbJpNi"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "chrony-provision"


@pytest.fixture
def nobody(cache: Path) -> Iterator[Path]:
    """Be a user without rights, for real."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield cache
    os.seteuid(before)


def keep(cache: Path, name: str, suite: str = "bookworm", address: str = "198.19.0.3") -> Path:
    """Leave what a host leaves that does not run."""
    home = cache / "sandboxes" / name
    home.mkdir(parents=True)
    (home / "host_key.pub").write_text(f"{KEY} {name}\n")
    (home / "state.json").write_text(json.dumps({"name": name, "suite": suite, "address": address}))
    return home


@pytest.mark.parametrize(
    ("name", "suite", "message"),
    [
        pytest.param("", "bookworm", "sandbox name ''", id="no name"),
        pytest.param("Web", "bookworm", "use a to z", id="upper case is no host name"),
        pytest.param("a.b", "bookworm", "use a to z", id="a dot is the time source's"),
        pytest.param("../x", "bookworm", "use a to z", id="a way out of the folder"),
        pytest.param("a\n", "bookworm", "use a to z", id="newline"),
        pytest.param("-a", "bookworm", "use a to z", id="leading hyphen reads as an option"),
        pytest.param("a" * 41, "bookworm", "at most 40", id="too long"),
        pytest.param(
            "web", "jessie", "bullseye, bookworm, trixie, forky, testing, sid, bookworm-i386", id="unknown suite"
        ),
        pytest.param("old", "trixie", "old is Debian bullseye, not trixie", id="there with another suite"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_is_done(
    cache: Path, name: str, suite: str, message: str
) -> None:
    keep(cache, "old", "bullseye")
    with pytest.raises(SandboxError, match=message) as refused:
        sandbox.up(name, suite, say=pytest.fail)
    assert "\n" not in str(refused.value)
    assert [path.name for path in cache.iterdir()] == ["sandboxes"]


@pytest.mark.usefixtures("nobody")
def test_without_root_one_line_says_what_is_needed() -> None:
    with pytest.raises(SandboxError, match="needs root on Debian") as refused:
        sandbox.up("web", say=pytest.fail)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("cache")
def test_without_a_cache_there_are_no_hosts() -> None:
    assert sandbox.listed() == ()


def test_hosts_are_listed_by_name_with_their_login(cache: Path) -> None:
    keep(cache, "web")
    home = keep(cache, "db", "trixie", "198.19.0.4")
    (cache / "sandboxes" / "interrupted").mkdir()
    first, second = sandbox.listed()
    assert (first.name, second.name) == ("db", "web")
    assert first == sandbox.Sandbox(
        name="db", suite="trixie", address="198.19.0.4", root=home / "root", key=home / "key", host_key=KEY
    )


@pytest.mark.parametrize("state", ["", "[1]", "{}", '{"name": "a", "more": 1}', "\xff"], ids=repr)
def test_damaged_files_of_a_host_are_named(state: str, cache: Path) -> None:
    home = cache / "sandboxes" / "ntp1"
    home.mkdir(parents=True)
    (home / "state.json").write_bytes(state.encode("latin-1"))
    (home / "host_key.pub").write_text("ssh-ed25519 AAAA root@ntp1\n")
    with pytest.raises(SandboxError, match=f"^sandbox ntp1: its files in {re.escape(str(home))} are damaged; "):
        sandbox.find("ntp1")


def test_the_login_asks_nothing_and_leaves_the_users_known_hosts_alone(cache: Path) -> None:
    home = keep(cache, "web")
    (host,) = sandbox.listed()
    assert host.login == f"ssh -i {home}/key -o UserKnownHostsFile={home}/known_hosts root@198.19.0.3"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "wbe",
            "there is no sandbox wbe (there are: db, web); inv sandbox.up --name wbe boots one",
            id="mistyped",
        ),
        pytest.param(
            "trixie",
            "there is no sandbox trixie (there are: db, web); inv sandbox.up --suite trixie boots one",
            id="named as its suite",
        ),
    ],
)
def test_a_sandbox_that_does_not_exist_is_named_with_those_that_do(cache: Path, name: str, message: str) -> None:
    keep(cache, "web")
    keep(cache, "db")
    with pytest.raises(SandboxError, match=f"^{re.escape(message)}$"):
        sandbox.existing(name)
    assert sandbox.existing("web").name == "web"


@pytest.mark.parametrize(
    "pid",
    [
        pytest.param(None, id="never booted"),
        pytest.param("", id="interrupted while booting"),
        pytest.param("4194305", id="no such process: above the kernel's limit"),
        pytest.param(str(os.getpid()), id="another process has the number now"),
    ],
)
def test_a_host_that_does_not_run_has_no_pid(cache: Path, pid: str | None) -> None:
    home = keep(cache, "web")
    if pid is not None:
        (home / "pid").write_text(pid)
    (host,) = sandbox.listed()
    assert sandbox.pid_of(host) is None


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        pytest.param([], "198.19.0.3", id="gateway and time source come first"),
        pytest.param(["198.19.0.3", "198.19.0.5"], "198.19.0.4", id="a gap is filled"),
        pytest.param([f"198.19.0.{n}" for n in range(3, 256)], "198.19.1.0", id="beyond one byte"),
    ],
)
def test_a_host_gets_the_lowest_free_address(taken: list[str], free: str) -> None:
    assert lowest_free(taken) == free


@pytest.mark.parametrize(
    ("address", "link", "mac"),
    [
        pytest.param("198.19.0.3", "cpsb3", "02:00:c6:13:00:03", id="first"),
        pytest.param("198.19.255.254", "cpsb65534", "02:00:c6:13:ff:fe", id="last"),
    ],
)
def test_an_address_has_one_cable_and_one_ethernet_address(address: str, link: str, mac: str) -> None:
    one = Room(folder=Path("/x"), netns="cpsb-x", address=address)
    assert (one.link, one.mac) == (link, mac)


def test_a_full_disk_is_an_error_of_one_line(cache: Path) -> None:
    cache.parent.joinpath("chrony-provision").write_text("a file where the folder should be")
    with pytest.raises(SandboxError, match=r"chrony-provision: (File exists|Not a directory)"), machine.changing("x"):
        pytest.fail("we may not change anything")


def test_a_script_that_fails_is_reported_with_its_last_words() -> None:
    with pytest.raises(SandboxError, match=r"making tea failed \(exit status 3\): no water"):
        machine.run("making tea", "echo no water >&2; exit 3")


def test_a_folder_has_one_name_also_where_a_link_leads_to_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = folder("sandboxes")
    assert there == cache / "sandboxes"
    other = tmp_path / "other" / "chrony-provision"
    other.mkdir(parents=True)
    (other / "sandboxes").symlink_to(there)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert folder("sandboxes") == there


def test_the_time_source_is_closed_in_the_folder_of_the_account_that_started_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_TIME_FOLDER", tmp_path / "cpsb0.time")
    assert room.time_room().folder == cache / "time"
    assert room.own_time_room().folder == cache / "time"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert room.time_room().folder == cache / "time"
    assert room.own_time_room().folder == tmp_path / "elsewhere/chrony-provision/time"
