"""Hosts that are not as a fresh Debian is: hardened, with other shells and homes, without a tool, without systemd."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from provision.host.sandbox import sandbox
from provision.host.sandbox.sandbox import Sandbox
from provision.host.scripts.tools import NEEDED
from tests.helpers.booted_hosts import booted, login
from tests.helpers.host_state import current, files_of, give_builds, install, pid, work_folders
from tests.helpers.operators import HOST_COMPILES, Operator, Ran, accept_key
from tests.helpers.waiting import await_true
from tests.integration.conftest import Deployed
from tests.integration.test_without_systemd import sshd_in

pytestmark = pytest.mark.integration

SKEWS = count(100)
"""A site with another maxupdateskew is another generation."""
HARDENED = """
mv /opt /srv/opt
ln -s srv/opt /opt
mount -o remount,nosuid,noexec /tmp
mount --bind /usr /usr
mount -o remount,bind,ro /usr
for file in common-session common-session-noninteractive; do
    echo 'session optional pam_umask.so umask=077' >>/etc/pam.d/$file
done
"""
"""/opt elsewhere, nothing runs in /tmp, /usr is read-only, and whatever root or a user makes is theirs alone."""
ADMIN = "admin"
FOOTPRINTS = """
getent passwd _chrony
find / -xdev -name '*chrony*' -not -path '/var/log/*' -not -path '/usr/share/*'
true
"""
SHELLS = ("dash", "fish", "zsh", "tcsh", "bsd-csh")


@pytest.fixture(scope="module")
def host(deployed: Deployed) -> Iterator[Sandbox]:
    """A hardened host with an administrator whose home has a space in its name."""
    with booted("it-odd") as one:
        install(one, "busybox", "fish", "zsh", "csh", "tcsh")
        login(one, f"useradd -m -d '/home/two words' -s /bin/sh {ADMIN}")
        sudoers(one, "NOPASSWD: ALL")
        accept_key(one, ADMIN)
        login(one, HARDENED)
        assert login(one, "touch /usr/x /tmp/x 2>&1; umask").split("\n")[0].endswith("Read-only file system")
        give_builds(deployed.host, one)
        yield one


@pytest.fixture(scope="module")
def operator(deployed: Deployed, host: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    one = Operator(tmp_path_factory.mktemp("operator"))
    one.meet(host)
    one.key_file.parent.mkdir(parents=True)
    one.key_file.touch(mode=0o600)
    one.key_file.write_text(deployed.operator.key_file.read_text())
    return one


def sudoers(host: Sandbox, rights: str) -> None:
    login(host, f"echo '{ADMIN} ALL=(ALL) {rights}' >/etc/sudoers.d/{ADMIN}")


@contextmanager
def done_and_undone(host: Sandbox, do: str, undo: str) -> Iterator[None]:
    login(host, do)
    try:
        yield
    finally:
        login(host, undo)


def another_generation(operator: Operator, host: Sandbox, task: str, user: str = ADMIN, **environment: str) -> Ran:
    """Run a task with a site that is another generation than before."""
    site = operator.site(f"time.maxupdateskew = {next(SKEWS)}.0\n{HOST_COMPILES}")
    return operator.run(task, f"--host={user}@{host.address}", site, **environment)


def deploy(operator: Operator, host: Sandbox, user: str = ADMIN, **environment: str) -> Ran:
    """Deploy another generation than before."""
    return another_generation(operator, host, "deploy", user, **environment)


def test_a_hardened_host(host: Sandbox, operator: Operator) -> None:
    deploy(operator, host).assert_proven()
    assert work_folders(host) == []
    assert login(host, "readlink -f /opt/chrony/current").startswith("/srv/opt/chrony/generations/")
    assert login(host, "ls -A /usr/local/bin /usr/local/sbin | grep chrony || true") == "", "no links where none can be"
    assert login(host, "readlink /etc/chrony/chrony.conf") == "/opt/chrony/current/chrony.conf\n"


def test_files_without_secrets_are_readable_by_all_under_any_umask(host: Sandbox) -> None:
    modes = login(
        host, "cd -P /opt/chrony/current && stat -c %a . .. ../.. ../../builds build/ build/bin/chronyc"
    ).split()
    assert modes == ["755"] * 6
    login(host, "su nobody -s /bin/sh -c 'cat /opt/chrony/current/chrony.conf /etc/systemd/system/chronyd.service'")
    assert "Permission denied" in login(
        host, "su nobody -s /bin/sh -c 'cat /opt/chrony/current/chrony.keys' 2>&1 || true"
    )


def test_a_second_run_changes_nothing_there(host: Sandbox, operator: Operator) -> None:
    before = pid(host)
    site = f"--site={operator.home}/site.toml"
    again = operator.run("deploy", f"--host={ADMIN}@{host.address}", site)
    again.assert_proven()
    assert (again.changed, again.report["round_trips"], pid(host)) == ({}, 3, before)


@pytest.mark.parametrize("shell", SHELLS)
def test_any_login_shell(host: Sandbox, operator: Operator, shell: str) -> None:
    before = current(host)
    with done_and_undone(host, f"usermod -s $(command -v {shell}) {ADMIN}", f"usermod -s /bin/sh {ADMIN}"):
        deploy(operator, host).assert_proven()
    assert current(host) != before


@pytest.mark.parametrize("shell", ["fish", "bsd-csh"])
def test_any_login_shell_of_root(host: Sandbox, operator: Operator, shell: str) -> None:
    with done_and_undone(host, f"usermod -s $(command -v {shell}) root", "usermod -s /bin/bash root"):
        deploy(operator, host, "root").assert_proven()


def test_a_sudo_that_asks_for_a_password_behind_another_shell(host: Sandbox, operator: Operator) -> None:
    password = "it's 5 o'clock!"  # noqa: S105 -- on a host that nobody else reaches
    sudoers(host, "ALL")
    with done_and_undone(
        host,
        f'echo "{ADMIN}:{password}" | chpasswd; usermod -s $(command -v bsd-csh) {ADMIN}',
        f"usermod -s /bin/sh {ADMIN}",
    ):
        deploy(operator, host, CHRONY_PROVISION_SUDO_PASSWORD=password).assert_proven()
    sudoers(host, "NOPASSWD: ALL")


def test_a_sudo_that_needs_a_terminal_is_named_with_the_remedy(host: Sandbox, operator: Operator) -> None:
    before = pid(host)
    with done_and_undone(host, "echo 'Defaults requiretty' >/etc/sudoers.d/tty", "rm /etc/sudoers.d/tty"):
        ran = deploy(operator, host)
        assert ran.status == 2
        assert ran.error == (
            f"{ADMIN}@{host.address}: sudo wants a terminal (requiretty), and there is none: "
            f"say 'Defaults:{ADMIN} !requiretty' in its /etc/sudoers.d, or log in as root"
        )
        login(host, f"echo 'Defaults:{ADMIN} !requiretty' >>/etc/sudoers.d/tty")
        deploy(operator, host).assert_proven()
    assert pid(host) != before


@contextmanager
def without(host: Sandbox, tool: str) -> Iterator[None]:
    with done_and_undone(
        host,
        f"mount -o remount,bind,rw /usr; mv /usr/bin/{tool} /root/",
        f"mv /root/{tool} /usr/bin/; mount -o remount,bind,ro /usr",
    ):
        yield


TOOLS = {
    "flock": "util-linux",
    "timeout": "coreutils",
    "sed": "sed",
    "awk": "mawk",
    "sha256sum": "coreutils",
    "tar": "tar",
}


@pytest.mark.parametrize(
    ("task", "tool", "package"),
    [("plan", "tar", "tar"), *(("deploy", tool, package) for tool, package in TOOLS.items())],
)
def test_a_tool_that_is_missing_is_named(host: Sandbox, operator: Operator, task: str, tool: str, package: str) -> None:
    before = pid(host)
    with without(host, tool):
        ran = another_generation(operator, host, task)
    assert ran.status == 1
    assert ran.error.endswith(f"this host has no {tool}, which our scripts call: run: apt-get install {package}")
    assert pid(host) == before


BUSYBOX = f"""
mount -o remount,bind,rw /usr
for tool in sh setpriv {" ".join(NEEDED)}; do
    ! busybox --list | grep -qx $tool || ln -s $(command -v busybox) /usr/local/bin/$tool
done
mount -o remount,bind,ro /usr
"""
"""The tools of busybox come first in the PATH of everybody."""
NO_BUSYBOX = """
mount -o remount,bind,rw /usr
rm -f /usr/local/bin/*
mount -o remount,bind,ro /usr
"""


def test_the_tools_of_busybox_do(host: Sandbox, operator: Operator) -> None:
    before = current(host)
    with done_and_undone(host, BUSYBOX, NO_BUSYBOX):
        for tool in ("awk", "setpriv"):
            assert login(host, f"readlink -f $(command -v {tool})").endswith("busybox\n")
        deploy(operator, host).assert_proven()
        assert operator.run("rollback", f"--host={ADMIN}@{host.address}").status == 0
    assert current(host) == before


READ_ONLY_ETC = "mount --bind /etc /etc; mount -o remount,bind,ro /etc"


def test_an_immutable_etc_is_named_before_anything_is_changed(host: Sandbox, operator: Operator) -> None:
    target = f"--host={ADMIN}@{host.address}"
    deploy(operator, host).assert_proven()
    wanted = f"--site={operator.home}/site.toml"
    before = files_of(host)
    with done_and_undone(host, READ_ONLY_ETC, "umount -l /etc"):
        # What is deployed stays as it is wanted.
        for task in ("verify", "deploy"):
            operator.run(task, target, wanted).assert_proven()
        for task in ("plan", "deploy"):
            ran = another_generation(operator, host, task)
            assert ran.status == 1
            assert "/etc is read-only, and chronyd's account and unit have to be written there" in ran.error
    assert files_of(host) == before


def test_privileges_are_dropped_without_setpriv_too(host: Sandbox, operator: Operator) -> None:
    with without(host, "setpriv"):
        deploy(operator, host).assert_proven()


def test_links_that_cannot_be_taken_away_any_more_are_named(host: Sandbox, operator: Operator) -> None:
    with done_and_undone(host, "mount -o remount,bind,rw /usr", "mount -o remount,bind,ro /usr"):
        deploy(operator, host).assert_proven()
        assert login(host, "readlink /usr/local/bin/chronyc") == "/opt/chrony/current/build/bin/chronyc\n"
    left = operator.run("uninstall", f"--host={ADMIN}@{host.address}", "--purge")
    assert left.status == 1
    assert left.error.endswith("/usr/local/sbin/chronyd could not be removed")
    assert pid(host) == 0


def test_the_way_out_of_a_hardened_host(host: Sandbox, operator: Operator) -> None:
    login(host, "mount -o remount,bind,rw /usr")
    left = operator.run("uninstall", f"--host={ADMIN}@{host.address}", "--purge")
    assert left.status == 0, left.output
    assert login(host, "ls -A /opt/ /srv/opt; readlink /opt").split() == ["/opt/:", "/srv/opt:", "srv/opt"]
    assert login(host, FOOTPRINTS) == ""


@pytest.mark.parametrize(
    ("do", "undo"),
    [
        pytest.param("mkdir /srv/own; ln -s /srv/own /opt/chrony", "rm /opt/chrony; rmdir /srv/own", id="a link"),
        pytest.param(
            "mkdir /opt/chrony; mount -t tmpfs -o mode=0755 own /opt/chrony; mkdir -m 0700 /opt/chrony/lost+found",
            "umount /opt/chrony; rmdir /opt/chrony",
            id="a mount point",
        ),
    ],
)
def test_a_folder_that_the_administrator_made_is_emptied(do: str, undo: str, host: Sandbox, operator: Operator) -> None:
    target = f"--host={ADMIN}@{host.address}"
    with done_and_undone(host, do, undo):
        deploy(operator, host).assert_proven()
        assert login(host, "cat /opt/chrony/current/chrony.keys") != ""
        left = operator.run("uninstall", target, "--purge")
        assert left.status == 0, left.output
        assert set(login(host, "ls -A /opt/chrony/").split()) <= {"lost+found"}
        again = operator.run("uninstall", target, "--purge")
        assert (again.status, again.changed) == (0, {})


IN_A_LAB = """
mkdir -p /etc/systemd/system/chronyd.service.d
{
    echo '[Service]'
    echo 'AmbientCapabilities='
    echo 'ExecStart='
    echo 'ExecStart=/opt/chrony/current/build/sbin/chronyd -n -U -x -F 2 -f /opt/chrony/current/chrony.conf'
} >/etc/systemd/system/chronyd.service.d/lab.conf
"""
"""An image is for hosts that may set their clocks; the one that is booted here may not."""
SERVES = (
    "process.build",
    "process.generation",
    "process.unprivileged",
    "process.seccomp",
    "clock.synchronised",
    "server",
    "client",
)
"""What verify finds of a daemon that serves, whichever site it is compared with."""


@pytest.fixture(scope="module")
def image(deployed: Deployed) -> Iterator[Sandbox]:
    """The files of a host, which does not run."""
    with booted("it-image") as one:
        give_builds(deployed.host, one)
        login(one, "systemctl poweroff --no-block")
        await_true(lambda: sandbox.pid_of(one) is None, "it does not shut down")
        yield one


@pytest.fixture(scope="module")
def builder(deployed: Deployed, image: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    one = Operator(tmp_path_factory.mktemp("builder"))
    one.meet(image)
    one.key_file.parent.mkdir(parents=True)
    shutil.copy(deployed.operator.key_file, one.key_file)
    return one


def test_an_image_is_staged_and_rehearsed_without_systemd(image: Sandbox, builder: Operator) -> None:
    line = ("deploy", f"--host=root@{image.address}", "--no-activate", builder.site(HOST_COMPILES))
    with sshd_in(sandbox._room(image)):
        staged = builder.run(*line)
        again = builder.run(*line)
    assert staged.status == 0, staged
    assert "rehearsed" in staged.changed
    (generation,) = [path.name for path in (image.root / "opt/chrony/generations").iterdir()]
    assert (
        f"not done: nothing was switched; the daemon of generation {generation} was rehearsed and is not active. "
        f"To activate it, as root, where systemd runs: /opt/chrony/switch {generation}"
    ) in staged.report["notes"]
    assert not (image.root / "opt/chrony/current").is_symlink()
    assert not (image.root / "etc/systemd/system/chronyd.service").exists()
    assert work_folders(image) == []
    assert (again.status, again.changed) == (0, {})


def test_an_image_is_for_hosts_that_may_set_their_clocks(image: Sandbox) -> None:
    (unit,) = (image.root / "opt/chrony/generations").glob("*/chronyd.service")
    assert " -x " not in unit.read_text()
    assert "CAP_SYS_TIME" in unit.read_text()


def test_what_was_staged_in_an_image_is_activated_where_it_boots(image: Sandbox, builder: Operator) -> None:
    (generation,) = [path.name for path in (image.root / "opt/chrony/generations").iterdir()]
    assert sandbox.up(image.name, say=print) == image
    login(image, IN_A_LAB)
    login(image, f"/opt/chrony/switch {generation}")
    assert current(image) == generation
    verified = builder.run("verify", f"--host=root@{image.address}", builder.site(HOST_COMPILES))
    for check in SERVES:
        assert verified.held(check) is True, verified
    # A switch by hand makes no links, and lab.conf overrides the unit: verify tells of both.
    assert verified.held("site.links") is False
    assert verified.held("unit.not-overridden") is False
