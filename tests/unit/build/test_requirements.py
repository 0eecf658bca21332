"""What a build needs from a distribution, and that the asking and installing scripts do it."""
# ruff: noqa: FBT001 -- a parameter of a case

import os
import subprocess
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from provision.build.libraries import Libraries
from provision.build.recipe import Recipe
from provision.build.requirements import manager_of, needed, runtime
from provision.common.errors import SiteError
from provision.host import scripts
from provision.host.packages import MANAGERS
from provision.host.packages.manager import Manager
from tests.helpers.samples import FACTS, RECIPE, SYSTEM_NETTLE

APT = MANAGERS["apt-get"]
TOOLS = ("gcc", "make", "libc6-dev", "pkg-config", "m4")

NEEDED = [
    pytest.param(RECIPE, ("libcap-dev", "libseccomp-dev", "libedit-dev", "libgnutls28-dev"), id="everything"),
    pytest.param(replace(RECIPE, seccomp=False), ("libcap-dev", "libedit-dev", "libgnutls28-dev"), id="no seccomp"),
    pytest.param(
        replace(RECIPE, readline=False), ("libcap-dev", "libseccomp-dev", "libgnutls28-dev"), id="no readline"
    ),
    pytest.param(replace(RECIPE, nts=False), ("libcap-dev", "libseccomp-dev", "libedit-dev"), id="no NTS"),
    pytest.param(
        SYSTEM_NETTLE,
        ("libcap-dev", "libseccomp-dev", "libedit-dev", "libgnutls28-dev", "nettle-dev"),
        id="the distribution's nettle",
    ),
    pytest.param(
        replace(RECIPE, pps=True),
        ("libcap-dev", "libseccomp-dev", "libedit-dev", "libgnutls28-dev", "pps-tools"),
        id="PPS",
    ),
]


@pytest.mark.parametrize(("recipe", "libraries"), NEEDED)
def test_a_recipe_needs_a_compiler_and_its_libraries(recipe: Recipe, libraries: tuple[str, ...]) -> None:
    assert needed(APT, recipe) == (*TOOLS, *libraries)


@pytest.mark.parametrize(
    ("name", "scripts"),
    [
        ("apt-get", ()),
        ("dnf", ("tar", "gzip", "shadow-utils")),
        ("apk", ("tar", "gzip", "coreutils", "setpriv", "shadow")),
    ],
)
def test_a_finished_build_needs_libraries_and_the_tools_of_the_scripts(name: str, scripts: tuple[str, ...]) -> None:
    libraries = Libraries(packages=("libc6", "libcap2"), unowned=("libmine.so.1",))
    assert runtime(MANAGERS[name], libraries) == (*scripts, "libc6", "libcap2")


SAID_BY_OWNERS = [
    pytest.param("apt-get", "libc6:amd64: /lib/x86_64-linux-gnu/libc.so.6", "libc6", id="dpkg"),
    pytest.param("apt-get", "libedit2, other: /usr/lib/libedit.so.2", "libedit2", id="dpkg, two packages"),
    pytest.param(
        "apt-get",
        "diversion by glx from: /usr/lib/libGL.so.1\ndiversion by glx to: /usr/lib/mesa/libGL.so.1\nlibgl1: /usr/lib/x",
        "libgl1",
        id="dpkg, a diversion",
    ),
    pytest.param("apk", "/lib/libc.so is owned by musl-1.2.5-r9", "musl", id="apk"),
    pytest.param("apk", "/usr/lib/libcap.so.2 symlink target is owned by libcap2-2.76-r0", "libcap2", id="apk, a link"),
    pytest.param("apk", "ERROR: /x: Could not find owner package", "", id="apk, nobody"),
]


@pytest.mark.parametrize(("name", "said", "package"), SAID_BY_OWNERS)
def test_the_package_that_owns_a_file_is_asked_for(name: str, said: str, package: str, tmp_path: Path) -> None:
    for tool in ("dpkg-query", "apk"):
        (tmp_path / tool).write_text("#!/bin/sh\nprintf '%s\\n' \"$SAID\"\n")
        (tmp_path / tool).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SAID": said}
    line = ["sh", "-c", MANAGERS[name].owner, "owner", "/a file"]
    assert (
        subprocess.run(line, check=True, env=env, capture_output=True, text=True, timeout=60).stdout.strip() == package
    )


@pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)
def test_every_manager_has_a_name_for_everything(manager: Manager) -> None:
    # Debian has all that our scripts call, always.
    optional = {"remedy", *(("scripts",) if manager is APT else ())}
    values: list[Any] = [getattr(manager, field.name) for field in fields(manager) if field.name not in optional]
    assert all(values)
    assert all(" " not in name for name in needed(manager, replace(SYSTEM_NETTLE, pps=True)))


@pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)
def test_what_a_manager_runs_is_sh(manager: Manager) -> None:
    for script in (manager.query, manager.offers, manager.owner, manager.refresh, f'{manager.install} "$@"'):
        subprocess.run(["sh", "-n", "-c", script], check=True, timeout=60)


@pytest.mark.skipif(os.uname().sysname != "Linux" or not Path("/var/lib/dpkg/status").exists(), reason="needs dpkg")
@pytest.mark.parametrize(("package", "installed"), [("dpkg", True), ("no-such-package", False)])
def test_dpkg_is_asked_whether_a_package_is_installed(package: str, installed: bool) -> None:
    done = subprocess.run(["sh", "-c", APT.query, "query", package], check=False, capture_output=True, timeout=60)
    assert (done.returncode == 0, done.stdout, done.stderr) == (installed, b"", b"")


FAKE = """\
#!/bin/sh
echo "$@" >>calls
case $1 in
    install) test -e "$works" ;;
    refresh) touch refreshed; test "$works" != nothing ;;
    offers) test "$2" != missing ;;
    query) test "$2" = there ;;
esac
"""
ASKED = "query there\nquery gcc\noffers gcc\nquery missing\noffers missing\n"
INSTALLS = [
    pytest.param("fake", "install there gcc missing\n", "", 0, id="lists are good: no refresh"),
    pytest.param(
        "refreshed",
        "install there gcc missing\nrefresh\ninstall there gcc missing\n",
        "",
        0,
        id="lists are old: refresh, again",
    ),
    pytest.param(
        "none",
        f"install there gcc missing\nrefresh\ninstall there gcc missing\n{ASKED}",
        "no repository that is enabled has missing: do this\n",
        1,
        id="there is no such package",
    ),
    pytest.param("nothing", "install there gcc missing\nrefresh\n", "", 1, id="no repository can be reached"),
]


@pytest.mark.parametrize(("works", "calls", "said", "status"), INSTALLS)
def test_lists_are_refreshed_only_when_an_install_fails(
    works: str, calls: str, said: str, status: int, tmp_path: Path
) -> None:
    (tmp_path / "fake").write_text(FAKE)
    (tmp_path / "fake").chmod(0o755)
    commands = ('./fake query "$1"', "./fake install", "./fake refresh", './fake offers "$1"')
    script = scripts.load("install_packages", *commands, "do this", "there", "gcc", "missing")
    done = subprocess.run(
        ["sh", "-c", script],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "works": works},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ((tmp_path / "calls").read_text(), done.stderr, done.returncode) == (calls, said, status)


LOCKS = [
    pytest.param("E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)", id="apt's lists"),
    pytest.param("E: Unable to lock the download directory", id="apt's downloads"),
    pytest.param("dpkg: error: dpkg frontend lock was locked by another process with pid 7", id="dpkg"),
    pytest.param("error: failed to init transaction (unable to lock database)", id="pacman"),
    pytest.param("ERROR: Unable to lock database: Resource temporarily unavailable", id="apk"),
    pytest.param("System management is locked by the application with pid 7 (zypper).", id="zypper"),
    pytest.param("error: can't create transaction lock on /var/lib/rpm/.rpm.lock", id="rpm"),
]
BUSY = 'echo "$@" >>calls; [ -e free ] && exit 0; echo "reading"; echo "$LOCK" >&2; exit 100'


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_that_another_program_holds_is_waited_for(lock: str, tmp_path: Path) -> None:
    for name, script in (("manager", BUSY), ("sleep", "echo slept >>calls; touch free")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    script = scripts.load("install_packages", "true", "manager install", "manager refresh", "true", "", "gcc")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOCK": lock}
    done = subprocess.run(
        ["sh", "-c", script], check=False, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"waiting up to 300 s for another program that installs packages: {lock}\n" in done.stdout
    assert (tmp_path / "calls").read_text() == "install gcc\nslept\ninstall gcc\n"


def test_a_lock_is_waited_for_within_bounds(tmp_path: Path) -> None:
    (tmp_path / "manager").write_text(f"#!/bin/sh\n{BUSY}\n")
    (tmp_path / "manager").chmod(0o755)
    script = scripts.load("install_packages", "true", "manager install", "manager refresh", "true", "", "gcc")
    # The time that has passed is the host's; here, five minutes are over at once.
    assert "+ 300)" in script
    script = script.replace("+ 300)", "+ 0)")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOCK": "unable to lock database"}
    done = subprocess.run(
        ["sh", "-c", script], check=False, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 100
    assert done.stderr.splitlines()[-1] == "unable to lock database"
    assert "waiting" not in done.stdout


def test_a_host_without_a_manager_may_have_the_tools_already() -> None:
    assert manager_of("ntp1", replace(FACTS, packager=None, absent_tools=()), RECIPE) is None


def test_a_host_that_has_neither_gets_the_names_of_the_packages() -> None:
    known = ", ".join(MANAGERS)
    words = rf"^ntp1: no cc, m4, and no package manager that we know \({known}\): install a"
    with pytest.raises(SiteError, match=words):
        manager_of("ntp1", replace(FACTS, packager=None, absent_tools=("cc", "m4")), RECIPE)


CRB = "dnf -y install dnf-plugins-core && dnf config-manager --set-enabled"
ENABLING = [
    pytest.param("rhel", "8.10", "subscription-manager repos --enable codeready-builder-for-rhel-8-x86_64-rpms"),
    pytest.param("rhel", "9.6", "subscription-manager repos --enable codeready-builder-for-rhel-9-x86_64-rpms"),
    pytest.param("rhel", "10.0", "subscription-manager repos --enable codeready-builder-for-rhel-10-x86_64-rpms"),
    pytest.param("rocky", "8.10", f"{CRB} powertools"),
    pytest.param("almalinux", "9.6", f"{CRB} crb"),
    pytest.param("centos", "10", f"{CRB} crb"),
    pytest.param("ol", "9.6", f"{CRB} ol9_codeready_builder"),
    pytest.param("sles", "15.6", "SUSEConnect -p sle-module-development-tools/15.6/x86_64"),
]


@pytest.mark.parametrize(("os_id", "version", "command"), ENABLING)
def test_a_host_gets_the_command_that_enables_the_repository_of_headers(os_id: str, version: str, command: str) -> None:
    manager = manager_of("ntp1", replace(FACTS, os=os_id, os_version=version, packager="dnf"), RECIPE)
    assert manager is not None
    assert manager.remedy == (
        f"enable one that has it, with: {command}; or choose build.readline = false (libedit-devel), "
        "build.seccomp = false (libseccomp-devel) or build.nts = false (gnutls-devel)"
    )


@pytest.mark.parametrize(("os_id", "version"), [("amzn", "2023"), ("fedora", "43"), ("debian", "13"), ("rocky", "11")])
def test_no_command_is_shown_where_none_is_known(os_id: str, version: str) -> None:
    manager = manager_of("ntp1", replace(FACTS, os=os_id, os_version=version), RECIPE)
    assert manager is not None
    assert manager.remedy.startswith("enable one that has it, or choose build.readline = false (libedit-dev), ")


OLD = [("amzn", "2"), ("centos", "7"), ("rhel", "7.9"), ("ol", "7.9"), ("sles", "12.5"), ("ubuntu", "18.04")]


@pytest.mark.parametrize(("os_id", "version"), OLD)
def test_nts_is_refused_where_gnutls_has_no_tls_1_3(os_id: str, version: str) -> None:
    facts = replace(FACTS, os=os_id, os_version=version, os_name="Amazon Linux 2")
    with pytest.raises(SiteError, match=r"^ntp1: Amazon Linux 2 has GnuTLS 3\.\d, and NTS needs 3\.6\.3: choose build"):
        manager_of("ntp1", facts, RECIPE)
    assert manager_of("ntp1", facts, replace(RECIPE, nts=False)) is not None


MENDED = [
    pytest.param("", "", "installed", [], id="nothing is half-installed"),
    pytest.param("gcc is half", "Inst gcc-12 (12.2)", "installed", ["-f"], id="what is missing is installed"),
    pytest.param("gcc is half", "Remv nettle-dev [3.8]", "unpacked", ["-f"], id="what is half there is taken away"),
    pytest.param("gcc is half", "Remv postfix [3.7]", "installed", [], id="what is whole is never taken away"),
    pytest.param(
        "gcc is bad", "Inst gcc-12 (12.2)", "reinstreq", ["--reinstall gcc", "-f"], id="what is bad is replaced"
    ),
]
FAKES = {
    "dpkg": '[ "$1" = --audit ] && printf "%s" "$AUDIT"; true',
    "dpkg-query": (
        'case $3 in *Eflag*) [ "$STATUS" = reinstreq ] && echo "reinstreq gcc" || echo "ok gcc" ;; '
        '*) echo "$STATUS" ;; esac'
    ),
    "apt-get": (
        'case " $* " in *" -s "*) echo "$PLAN" ;; *" --reinstall "*) echo "--reinstall ${*##* }" >>did ;; '
        '*" --fix-broken "*) echo -f >>did ;; esac'
    ),
}


@pytest.mark.parametrize(("audit", "plan", "status", "did"), MENDED)
def test_what_was_left_half_installed_is_mended_and_nothing_whole_removed(
    audit: str, plan: str, status: str, did: list[str], tmp_path: Path
) -> None:
    for name, script in FAKES.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "AUDIT": audit, "PLAN": plan, "STATUS": status}
    subprocess.run(["sh", "-c", APT.refresh], cwd=tmp_path, env=env, check=True)
    seen = (tmp_path / "did").read_text().splitlines() if (tmp_path / "did").exists() else []
    assert seen == did
