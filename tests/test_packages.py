"""What a build needs from a distribution, and that the asking and installing scripts do it."""
# ruff: noqa: FBT001 -- a parameter of a case

import os
import subprocess
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from provision.errors import SiteError
from provision.packages import MANAGERS, Manager, install_script, manager_of, needed
from provision.recipe import Recipe
from tests.sample import RECIPE, SYSTEM_NETTLE

APT = MANAGERS["apt-get"]
COMPILER = ("gcc", "make", "libc6-dev", "pkg-config", "m4")

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
]


@pytest.mark.parametrize(("recipe", "libraries"), NEEDED)
def test_a_recipe_needs_a_compiler_and_its_libraries(recipe: Recipe, libraries: tuple[str, ...]) -> None:
    assert needed(APT, recipe) == (*COMPILER, *libraries)


def test_every_manager_that_the_facts_look_for_is_known() -> None:
    script = (Path(__file__).parents[1] / "provision" / "remote" / "facts.sh").read_text()
    (looked_for,) = (line.split()[3:] for line in script.splitlines() if "apt-get" in line)
    assert [word.rstrip(";") for word in looked_for if word != "do"] == list(MANAGERS)


@pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)
def test_every_manager_has_a_name_for_everything(manager: Manager) -> None:
    values: list[Any] = [getattr(manager, field.name) for field in fields(manager)]
    assert all(values)
    assert all(" " not in name for name in needed(manager, SYSTEM_NETTLE))


@pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)
def test_what_a_manager_runs_is_sh(manager: Manager) -> None:
    for script in (manager.query, install_script(manager, ("gcc", "a b"))):
        subprocess.run(["sh", "-n", "-c", script], check=True, timeout=10)


@pytest.mark.skipif(os.uname().sysname != "Linux" or not Path("/var/lib/dpkg/status").exists(), reason="needs dpkg")
@pytest.mark.parametrize(("package", "installed"), [("dpkg", True), ("no-such-package", False)])
def test_dpkg_is_asked_whether_a_package_is_installed(package: str, installed: bool) -> None:
    done = subprocess.run(["sh", "-c", APT.query, "query", package], check=False, capture_output=True, timeout=10)
    assert (done.returncode == 0, done.stdout, done.stderr) == (installed, b"", b"")


INSTALLS = [
    pytest.param("true", "install gcc\n", 0, id="lists are good: no refresh"),
    pytest.param("test -e refreshed", "install gcc\nrefresh\ninstall gcc\n", 0, id="lists are old: refresh, again"),
    pytest.param("false", "install gcc\nrefresh\ninstall gcc\n", 1, id="there is no such package"),
]


@pytest.mark.parametrize(("outcome", "calls", "status"), INSTALLS)
def test_lists_are_refreshed_only_when_an_install_fails(outcome: str, calls: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "fake").write_text(f'#!/bin/sh\necho "$@" >>calls\n[ "$1" = install ] || touch refreshed\n{outcome}\n')
    (tmp_path / "fake").chmod(0o755)
    manager = replace(APT, refresh="./fake refresh || :", install="./fake install")
    script = install_script(manager, ("gcc",))
    done = subprocess.run(["sh", "-c", script], check=False, cwd=tmp_path, timeout=10)
    assert ((tmp_path / "calls").read_text(), done.returncode) == (calls, status)


def test_a_host_without_a_manager_may_have_the_tools_already() -> None:
    assert manager_of("ntp1", "dnf", ("cc",)) is MANAGERS["dnf"]
    assert manager_of("ntp1", None, ()) is None


def test_a_host_that_has_neither_is_told_what_to_install() -> None:
    words = r"^ntp1: no cc, m4, and no package manager that we know \(apt, dnf, yum, zypper, apk, pacman\): install a"
    with pytest.raises(SiteError, match=words):
        manager_of("ntp1", None, ("cc", "m4"))
