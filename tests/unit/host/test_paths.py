"""Paths on a host."""

import pytest

from provision.host.paths import is_in_run, plain_path


@pytest.mark.parametrize(
    ("path", "plain", "in_run"),
    [
        ("/run/chrony-dhcp", "/run/chrony-dhcp", True),
        ("/var/run/chrony-dhcp/", "/run/chrony-dhcp", True),
        ("//var//run/./a", "/run/a", True),
        ("/var/lib/../run/a", "/run/a", True),
        ("/run/../etc/chrony", "/etc/chrony", False),
        ("/run", "/run", False),
        ("/var/run", "/run", False),
        ("/runtime/a", "/runtime/a", False),
        ("/var/running/a", "/var/running/a", False),
        ("run/a", "run/a", False),
    ],
)
def test_var_run_is_run(path: str, plain: str, in_run: bool) -> None:  # noqa: FBT001 -- a column of a table
    assert (plain_path(path), is_in_run(path)) == (plain, in_run)
