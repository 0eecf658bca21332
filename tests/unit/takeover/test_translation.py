"""The translation of each program, and of the command line of chronyd."""

import pytest

from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.translation import OTHERS, Translated, translated


def of(program: Program, text: str, *command: str) -> Translated | None:
    files = (ConfigFile(path="/etc/x.conf", text=text),)
    return translated(ExistingService(program=program, files=files, command=command))


@pytest.mark.parametrize("program", Program)
def test_each_program_is_translated_or_named(program: Program) -> None:
    assert (of(program, "") is None) == (program in OTHERS)


def test_options_of_chronyd_are_directives() -> None:
    found = of(Program.CHRONY, "rtcsync\n", "/usr/sbin/chronyd", "-m", "-P", "10", "-F", "2", "-u", "chrony")
    assert found is not None
    assert [statement.text for statement in found.statements] == ["rtcsync", "lock_all", "sched_priority 10"]
    assert (found.seccomp, found.remarks) == (2, ())


@pytest.mark.parametrize(
    ("option", "words"),
    [("-4", "cannot restrict chronyd to IPv4"), ("-x", "it will after a deployment"), ("-p", "starts chronyd without")],
)
def test_options_without_a_counterpart_are_named(option: str, words: str) -> None:
    found = of(Program.CHRONY, "", "/usr/sbin/chronyd", option)
    assert found is not None
    (remark,) = found.remarks
    assert (remark.place, remark.line) == ("command line", option)
    assert words in remark.why
