"""What a unit file says: the lines of systemd.syntax(7)."""

import pytest

from provision.chrony.unit_syntax import assignments, normal, service_settings

LINES = [
    pytest.param("[Service]\nUser=a", [("Service", "User", "a")], id="one"),
    pytest.param("[Service]\n  User = a b ", [("Service", "User", "a b")], id="blanks"),
    pytest.param("# c\n; d\n[Service]\n#User=x\nNice=1", [("Service", "Nice", "1")], id="comments"),
    pytest.param("[Service]\n;User=x\nNice=1", [("Service", "Nice", "1")], id="an assignment in a comment"),
    pytest.param("User=a", [("", "User", "a")], id="no section"),
    pytest.param("[Service]\nUser=a\nA B=c\n1A=d", [("Service", "User", "a")], id="names that are none"),
    pytest.param("[Service]\nUser=a \\\n\n", [("Service", "User", "a")], id="a line that goes on with nothing"),
    pytest.param(
        "[Service]\nExecStart=/bin/x \\\n# c\n  -a \\\n -b\nNice=1",
        [("Service", "ExecStart", "/bin/x  -a  -b"), ("Service", "Nice", "1")],
        id="a line that goes on, over a comment",
    ),
    pytest.param(
        "[Service]\nExecStart=/bin/x \\\n; c\n -a",
        [("Service", "ExecStart", "/bin/x  -a")],
        id="a line that goes on, over the other comment",
    ),
    pytest.param("[Service]\nUser=a\\", [("Service", "User", "a")], id="a line that goes on where the file ends"),
    pytest.param("\ufeff[Service]\nUser=a", [("Service", "User", "a")], id="a byte order mark"),
    pytest.param("[Unit]\nAfter=a\n[Service]\nUser=b", [("Unit", "After", "a"), ("Service", "User", "b")], id="two"),
    pytest.param("nonsense\n=\n[Service\n", [], id="no assignment"),
]


@pytest.mark.parametrize(("text", "found"), LINES)
def test_assignments_are_read(text: str, found: list[tuple[str, str, str]]) -> None:
    assert list(assignments(text)) == found


def test_an_empty_value_resets_the_values_before() -> None:
    text = "[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\nDeviceAllow=x\nDeviceAllow=y\n[Unit]\nUser=no\n"
    assert service_settings(text) == {"ExecStart": ("/bin/b",), "DeviceAllow": ("x", "y")}


@pytest.mark.parametrize(("value", "shown"), [("true", "yes"), ("0", "no"), ("On", "yes"), ("strict", "strict")])
def test_booleans_are_written_as_systemctl_shows_them(value: str, shown: str) -> None:
    assert normal(value) == shown
