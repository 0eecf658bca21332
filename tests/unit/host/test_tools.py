"""The tools that our scripts call: all of them are looked for, and a missing one is named with its package."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from provision.common.errors import HostUnready
from provision.host import scripts
from provision.host.facts import facts_script, parse_facts
from provision.host.packages import MANAGERS
from provision.host.scripts.tools import NEEDED, OPTIONAL
from provision.host.tools import refuse_missing_tools
from tests.helpers.samples import FACTS

ON_THIS_MACHINE = {"join_bridge", *(path.stem for path in Path(scripts.__file__).parent.glob("sandbox/*.sh"))}
"""Those that boot sandboxes, and the function that they share."""
SCRIPTS = [path for path in Path(scripts.__file__).parent.rglob("*.sh") if path.stem not in ON_THIS_MACHINE]
WORDS = {
    # Part of the shell, by POSIX or in all that we know, and of the facts, which are the first that we ask.
    *("printf", "test", "echo", "kill", "true", "false", "pwd", "uname", "sh"),
    # Words of texts, of awk and of nft.
    *("install", "taskset", "who", "hwclock", "inv", "last", "size"),
}
"""What looks like a call of a program that a host may lack, and is none."""
WHERE_IT_IS = {"make", "md5sum", *(tool for tool, why in OPTIONAL.items() if why == "of systemd")}
"""Called only after the packages of a build were installed, where dpkg is, and where systemd is."""
COMMAND = re.compile(
    r"(?:^|[|;&(!{]|\$\(|\b(?:then|do|else|exec|until|while|if)\b)\s*([a-z][a-z0-9_-]+)(?=[\s;)]|$)", re.MULTILINE
)


def code(script: Path) -> str:
    """Return a script without comments, labels of a case, and what stands in quotes."""
    text = re.sub(r"^\s*#.*$", "", script.read_text(), flags=re.MULTILINE)
    text = re.sub(r"^\s*[a-z]+\) ", "", text, flags=re.MULTILINE)
    return re.sub(r"""'[^']*'|"[^"$]*\"""", "''", text)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_command_of_a_script_is_looked_for(script: Path) -> None:
    functions = set(re.findall(r"^([a-z_]+)\(\)", script.read_text(), flags=re.MULTILINE))
    called = {word for word in COMMAND.findall(code(script)) if shutil.which(word)} - functions
    assert called - set(NEEDED) - OPTIONAL.keys() - WORDS == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_what_a_host_may_lack_is_looked_for_before_it_is_called(script: Path) -> None:
    # A call whose errors go to /dev/null may fail: something else is done then.
    bold = "\n".join(line for line in code(script).splitlines() if "/dev/null" not in line)
    looked_for = set(re.findall(r"\b(?:command -v|has) ([a-z0-9-]+)", script.read_text()))
    looked_for |= set(re.findall(r"\bif ([a-z]+) --help 2>/dev/null", script.read_text()))
    looked_for |= set(re.findall(r"\bif can_([a-z]+);", script.read_text()))
    if re.search(r'\bhas "\$', script.read_text()):  # each of both
        looked_for |= {"iptables", "ip6tables"}
    assert set(COMMAND.findall(bold)) & OPTIONAL.keys() - WHERE_IT_IS - looked_for == set()


def test_the_lists_are_of_tools_that_are_called() -> None:
    texts = " ".join(script.read_text() for script in SCRIPTS if script.stem != "print_facts")
    words = set(re.findall(r"[a-z0-9][a-z0-9-]*", texts))
    # A step calls them, and tar does.
    assert set(NEEDED) - words == {"groupadd", "useradd", "gzip"}
    # Only the facts ask with them.
    assert OPTIONAL.keys() - words == {"getconf", "nproc"}


def lacking(folder: Path, *tools: str) -> tuple[str, ...]:
    """Return what facts miss on a host with these tools of this machine, and with those that are in the folder."""
    for tool in ("sh", "uname", "nproc", "getconf", *tools):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    # Without the folders that it adds, which are this machine's.
    script = facts_script().replace(":/usr/sbin:/sbin", "")
    said = subprocess.run(
        [str(shutil.which("sh")), "-c", script],
        env={"PATH": str(folder)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert os.environ["PATH"] != str(folder)
    return parse_facts(said.stdout).lacking_tools


def test_a_tool_that_is_missing_is_seen(tmp_path: Path) -> None:
    there = set(NEEDED) - {"sed", "sha256sum", "groupadd"}
    assert lacking(tmp_path, "setpriv", *there) == ("groupadd", "sed", "sha256sum")


@pytest.mark.parametrize("tool", ["setpriv", "chroot"])
def test_one_of_two_tools_changes_the_account(tool: str, tmp_path: Path) -> None:
    assert lacking(tmp_path, tool, *NEEDED) == ()


def test_those_of_busybox_do_not(tmp_path: Path) -> None:
    for tool in ("setpriv", "chroot"):
        (tmp_path / tool).write_text("#!/bin/sh\necho 'BusyBox v1.37.0 multi-call binary.' >&2\n")
        (tmp_path / tool).chmod(0o755)
    assert lacking(tmp_path, *NEEDED) == ("setpriv",)


MISSING = [
    pytest.param("apt-get", ("sed", "awk"), "apt-get install sed mawk", id="Debian"),
    pytest.param("apt-get", ("groupadd", "useradd"), "apt-get install passwd", id="Debian's accounts"),
    pytest.param("dnf", ("sha256sum", "od", "flock", "tar"), "dnf install coreutils util-linux", id="Fedora"),
    pytest.param("apk", ("getent", "groupadd", "gzip"), "apk add musl-utils", id="Alpine"),
    pytest.param("pacman", ("find", "useradd"), "pacman -S findutils shadow", id="Arch"),
    pytest.param(None, ("gzip", "sed"), "install them by hand", id="no package manager"),
]


@pytest.mark.parametrize(("packager", "tools", "words"), MISSING)
def test_what_is_missing_is_refused_with_its_package(packager: str | None, tools: tuple[str, ...], words: str) -> None:
    facts = replace(FACTS, packager=packager, lacking_tools=tools)
    with pytest.raises(HostUnready, match=rf"^ntp1: this host has no .*, which our scripts call: .*{words}$"):
        refuse_missing_tools("ntp1", facts)


@pytest.mark.parametrize("packager", ["dnf", "yum", "zypper", "apk"])
def test_what_comes_with_the_packages_of_a_build_is_not_refused(packager: str) -> None:
    facts = replace(FACTS, packager=packager, lacking_tools=("tar", "gzip", "groupadd", "useradd"))
    refuse_missing_tools("ntp1", facts)


@pytest.mark.parametrize("packager", MANAGERS)
def test_every_manager_has_a_package_for_every_tool(packager: str) -> None:
    assert all(MANAGERS[packager].packages_of(NEEDED))
