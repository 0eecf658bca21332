"""The statements of a chrony that was there before: in the order in which it reads its files."""

import pytest

from provision.chrony.statement import Statement
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.statements import is_of_dhcp, matches, statements_of


def service(main: str, **files: str) -> ExistingService:
    """Return a chrony with this chrony.conf; ``more__a_conf`` is the text of /etc/chrony/more/a.conf."""
    further = [
        ConfigFile(path="/etc/chrony/" + name.replace("__", "/").replace("_", "."), text=text)
        for name, text in files.items()
    ]
    return ExistingService(
        program=Program.CHRONY,
        files=(ConfigFile(path="/etc/chrony/chrony.conf", text=main), *further),
    )


def texts(existing: ExistingService) -> list[str]:
    return [statement.text for statement in statements_of(existing)]


def test_included_files_stand_in_the_place_of_the_directive() -> None:
    found = service(
        "server a\ninclude /etc/chrony/more/*.conf\nrtcsync\n", more__b_conf="allow\n", more__a_conf="local\n"
    )
    assert texts(found) == ["server a", "local", "allow", "rtcsync"]
    assert [statement.place for statement in statements_of(found)][1:3] == [
        "/etc/chrony/more/a.conf:1",
        "/etc/chrony/more/b.conf:1",
    ]


def test_of_equal_names_the_first_folder_counts() -> None:
    found = service(
        "confdir /etc/chrony/one /etc/chrony/two", two__a_conf="allow\n", one__a_conf="deny\n", two__b_conf="local"
    )
    assert texts(found) == ["deny", "local"]


def test_the_sources_of_a_folder_follow_it() -> None:
    found = service(
        "sourcedir /etc/chrony/dhcp/\nallow", dhcp__x_sources="server b iburst\n", dhcp__y_conf="server no\n"
    )
    assert texts(found) == ["sourcedir /etc/chrony/dhcp/", "server b iburst", "allow"]


@pytest.mark.parametrize("folder", ["/run/chrony-dhcp", "/var/run/chrony-dhcp"])
def test_the_sources_of_a_dhcp_client_are_not_read(folder: str) -> None:
    line = Statement(("sourcedir", folder))
    assert is_of_dhcp(line)
    assert not is_of_dhcp(Statement(("sourcedir", "/etc/chrony/sources.d")))
    file = ConfigFile(path=f"{folder}/eth0.sources", text="server 10.1.1.1\n")
    main = ConfigFile(path="/etc/chrony/chrony.conf", text=f"{line.text}\n")
    assert texts(ExistingService(program=Program.CHRONY, files=(main, file))) == [line.text]


@pytest.mark.slow
def test_files_that_include_each_other_come_to_an_end() -> None:
    loop = "include /etc/chrony/*.conf\nserver a\n"
    found = service(loop, b_conf=loop, c_conf=loop)
    assert 0 < len(statements_of(found)) <= 50_000


@pytest.mark.parametrize(
    ("path", "pattern", "found"),
    [
        ("/etc/chrony/a.conf", "/etc/chrony/*.conf", True),
        ("/etc/chrony/b/a.conf", "/etc/chrony/*.conf", False),
        ("/etc/chrony/.a.conf", "/etc/chrony/*.conf", False),
        ("/etc/chrony/b/a.conf", "/etc/*/?/[ab].conf", True),
        ("/etc/a.conf", "/etc/a.conf/b", False),
    ],
)
def test_patterns_match_as_in_glob(path: str, pattern: str, found: bool) -> None:  # noqa: FBT001 -- a column of a table
    assert matches(path, pattern) is found


def test_another_program_has_no_statements() -> None:
    assert statements_of(ExistingService(program=Program.NTPD_RS)) == ()
