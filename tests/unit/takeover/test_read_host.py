"""The time services of a host, as print_existing.sh prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import ParseError
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.read_host import parse_existing
from provision.takeover.statements import statements_of

CUSTOMISED = """\
service=chrony.service
runs=yes
kind=chrony
version=chronyd (chrony) version 4.3 (+CMDMON +NTP)
word=/usr/sbin/chronyd
word=-F
word=1
override=/etc/systemd/system/chrony.service.d/nice.conf
own=no
>[Service]
>Nice=-5
file=/etc/chrony/chrony.conf
own=no
>server ntp.example.org iburst
>service=forged.service
>
file=/etc/chrony/conf.d/a.conf
own=yes
>rtcsync
keys=/etc/chrony/chrony.keys
own=no
>12 AES128
unread=/etc/chrony/conf.d/large.conf
finished
"""
SERVICE = (
    "service=ntpsec.service\nruns=no\nkind=ntpd\nversion={version}\nfile=/etc/ntpsec/ntp.conf\nown={own}\nfinished\n"
)


def test_a_customised_chrony() -> None:
    (found,) = parse_existing(CUSTOMISED)
    conf = ConfigFile(path="/etc/chrony/chrony.conf", text="server ntp.example.org iburst\nservice=forged.service\n\n")
    override = ConfigFile(path="/etc/systemd/system/chrony.service.d/nice.conf", text="[Service]\nNice=-5\n")
    assert found == ExistingService(
        program=Program.CHRONY,
        version="4.3",
        unit="chrony.service",
        command=("/usr/sbin/chronyd", "-F", "1"),
        overrides=(override,),
        files=(conf, ConfigFile(path="/etc/chrony/conf.d/a.conf", text="rtcsync\n")),
        key_files=(ConfigFile(path="/etc/chrony/chrony.keys", text="12 AES128\n"),),
        unread=("/etc/chrony/conf.d/large.conf",),
        runs=True,
        is_default=False,
    )


@pytest.mark.parametrize(
    ("version", "program", "number"),
    [
        ("ntpd ntpsec-1.2.2", Program.NTPSEC, "1.2.2"),
        ("ntpd 4.2.8p15@1.3728-o Wed Sep 23 11:46:38 UTC 2020 (1)", Program.NTPD, "4.2.8p15@1.3728-o"),
        ("", Program.NTPD, ""),
    ],
)
def test_programs(version: str, program: Program, number: str) -> None:
    (found,) = parse_existing(SERVICE.format(version=version, own="no"))
    assert (found.program, found.version, found.is_default) == (program, number, False)


DEFAULTS = [
    pytest.param("", True, id="the package's file, unchanged"),
    pytest.param("file=/run/chrony-dhcp/eth0.sources\nown=no\n>server a\n", True, id="a file that DHCP has written"),
    pytest.param("file=/var/run/chrony-dhcp/a.sources\nown=no\n>server a\n", True, id="the same, by the old name"),
    pytest.param("keys=/etc/k\nown=no\n># comment\n", True, id="a file of keys without a key"),
    pytest.param("keys=/etc/k\nown=no\n>1 MD5\n", False, id="a key"),
    pytest.param("file=/etc/c\nown=no\n", False, id="a changed file"),
    pytest.param("override=/etc/d\nown=no\n", False, id="a drop-in"),
    pytest.param("override=/etc/systemd/system/service.d/a.conf\nown=no\n>Nice=5\n", True, id="a drop-in of each unit"),
    pytest.param("override=/usr/lib/d\nown=yes\n", True, id="a drop-in of a package"),
    pytest.param("environment=/etc/default/ntpsec\nown=no\n", False, id="changed options"),
    pytest.param("unit=/etc/systemd/system/ntpsec.service\nown=no\n", False, id="a unit of the administrator"),
    pytest.param("unread=/etc/large\n", False, id="a file that was not read"),
]


@pytest.mark.parametrize(("lines", "is_default"), DEFAULTS)
def test_what_is_the_distributions_own(lines: str, is_default: bool) -> None:  # noqa: FBT001 -- a column of a table
    said = SERVICE.format(version="ntpd ntpsec-1.2.2", own="yes").replace("finished", f"{lines}finished")
    (found,) = parse_existing(said)
    assert found.is_default is is_default


@pytest.mark.parametrize("line", ["service=\nkind=chrony\n", "service=phc2sys.service\nkind=other\n"])
def test_a_process_or_an_unknown_program_is_never_a_default(line: str) -> None:
    (found,) = parse_existing(f"{line}finished")
    assert not found.is_default


def test_directives_of_a_command_line_are_not_read() -> None:
    # chronyd has cut "server a iburst" and "allow 10.0.0.0/8" into these.
    words = "".join(
        f"word={word}\n" for word in ("chronyd", "-F", "1", "server", "a", "iburst", "allow", "10.0.0.0", "8")
    )
    (found,) = parse_existing(f"service=chrony.service\nkind=chrony\n{words}finished")
    assert (found.unread, found.is_default) == (("directives of the command line",), False)
    assert statements_of(found) == ()


def test_the_key_file_of_the_last_line_is_that_of_the_service() -> None:
    files = (
        "file=/c\nown=no\n>confdir /d\n>keyfile /last\nfile=/d/a.conf\nown=no\n>keyfile /first\n"
        "keys=/last\nown=no\n>1 MD5\n{first}"
    )
    for first in ("keys=/first\nown=no\n>1 SHA1\n", "unread=/first\n"):
        (found,) = parse_existing(f"service=chrony.service\nkind=chrony\n{files.format(first=first)}finished")
        assert [file.path for file in found.key_files] == ["/last"]
        assert found.unread == ()


def test_a_key_file_that_was_not_read_gives_way_to_no_other() -> None:
    files = 'file=/c\nown=no\n>keys /first\n>keys "/last one"\nkeys=/first\nown=no\n>1 MD5\nunread=/last one\n'
    (found,) = parse_existing(f"service=ntp.service\nkind=ntpd\n{files}finished")
    assert (found.key_files, found.unread) == ((), ("/last one",))


def test_a_host_with_a_deployment_or_without_a_time_service_has_none() -> None:
    assert parse_existing("deployed\n") == ()
    assert parse_existing("finished\n") == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "service=a.service\nkind=chrony\n",
        "kind=chrony\nfinished\n",
        "service=a\nkind=x\nfinished\n",
        "service=a\nodd=1\nfinished\n",
    ],
)
def test_an_incomplete_or_unknown_answer_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_existing(text)


@given(st.lists(st.sampled_from([*CUSTOMISED.split("\n"), "", ">", "=", "own=yes", "kind=other"])))
def test_any_order_of_lines_is_parsed_or_refused(lines: list[str]) -> None:
    try:
        parse_existing("\n".join([*lines, "finished"]))
    except ParseError as error:
        assert str(error)
