"""Commands in the root folder of another processor's Debian, and what stays as it is on this machine."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from provision.host import scripts

KERNEL = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
RULES = Path("/proc/sys/fs/binfmt_misc")
RULE = 'case $1 in *.conf) echo ":$(basename "$1" .conf):E::try::/bin/true:" ;; *) exec /bin/cat "$@" ;; esac'
"""A program ``cat`` with a rule for each file of rules."""


def in_root(programs: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run in_root with programs that come before those of this machine."""
    path = f"{programs}:{os.environ['PATH']}"
    line = ["sh", "-c", f'{scripts.code("in_root")}\nin_root "$@"', "sh", *words]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=60, env={"PATH": path})


def write(program: Path, text: str) -> None:
    """Write a program of sh."""
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_programs_of_this_machine_need_no_qemu(tmp_path: Path) -> None:
    write(tmp_path / "chroot", 'echo "$@"; exit 3')
    done = in_root(tmp_path, "", "/the/root", "apt-get", "update")
    assert (done.returncode, done.stdout) == (3, "/the/root apt-get update\n")


def test_a_machine_without_user_namespaces_is_named(tmp_path: Path) -> None:
    write(tmp_path / "cat", RULE)
    write(tmp_path / "unshare", "exit 1")
    done = in_root(tmp_path, "try", "/the/root", "true")
    assert done.returncode == 1
    assert done.stderr.endswith("this machine makes no user namespace for QEMU (see sysctl user.max_user_namespaces)\n")


def test_a_missing_rule_is_named_with_the_package_that_has_it(tmp_path: Path) -> None:
    done = in_root(tmp_path, "qemu-of-nobody", "/the/root", "true")
    assert done.returncode == 1
    assert done.stderr == (
        "cat: /usr/lib/binfmt.d/qemu-of-nobody.conf: No such file or directory\n"
        "there is no rule for QEMU here; the Debian package qemu-user-static or qemu-user-binfmt has it\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to say which accounts are in a namespace")
def test_a_kernel_that_has_no_rules_in_a_namespace_is_named(tmp_path: Path) -> None:
    write(tmp_path / "cat", RULE)
    write(
        tmp_path / "mount",
        'case $* in *binfmt_misc*) echo "mount: permission denied." >&2; exit 32 ;; *) exec /bin/mount "$@" ;; esac',
    )
    done = in_root(tmp_path, "try", "/", "true")
    assert done.returncode == 1
    assert done.stderr == (
        "mount: permission denied.\n"
        "the kernel of this machine has no rules for QEMU in a user namespace; Linux 6.7 has them\n"
    )


@pytest.mark.skipif(
    os.geteuid() != 0 or KERNEL < (6, 7), reason="needs root, to say which accounts are in it, and Linux 6.7"
)
def test_the_command_runs_as_root_in_a_namespace_and_this_machine_gets_no_rule(tmp_path: Path) -> None:
    before = sorted(RULES.iterdir())
    # The rule is that of the namespace: a folder of this machine would show it.
    write(tmp_path / "cat", RULE)
    done = in_root(tmp_path, "try", "/", "sh", "-c", f"id -u; ls {RULES}; exit 4")
    assert (done.returncode, done.stdout.split()) == (4, ["0", "register", "status", "try"]), done
    assert sorted(RULES.iterdir()) == before
