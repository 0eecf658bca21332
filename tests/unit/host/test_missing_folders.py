"""The folders of chronyd that are missing, or in which others could change its files."""

import getpass
from pathlib import Path

import pytest

from provision.host import scripts
from provision.host.transport.local import LocalTransport

USER = getpass.getuser()


@pytest.mark.parametrize(
    ("mode", "user", "is_named"),
    [
        (0o750, USER, False),
        (0o755, USER, False),
        (0o770, USER, True),
        (0o757, USER, True),
        (0o1777, USER, True),
        (0o750, "another", True),
        (0o750, "", False),
        (None, USER, True),
    ],
)
def test_what_is_missing_or_open_to_others_is_named(
    mode: int | None,
    user: str,
    is_named: bool,  # noqa: FBT001 -- a case
    tmp_path: Path,
) -> None:
    folder = tmp_path / "chrony"
    if mode is not None:
        folder.mkdir()
        folder.chmod(mode)
        (tmp_path / "link").symlink_to(folder)
    unit = tmp_path / "unit"
    said = f"User={user}\n" if user else ""
    up = "/".join([".."] * 3)
    unit.write_text(f"{said}StateDirectory={up}{tmp_path}/chrony\nLogsDirectory={up}{tmp_path}/link\n")
    ran = LocalTransport().execute(f"{scripts.text('missing_folders')}\nmissing_folders {unit}")
    assert len(ran.stdout.splitlines()) == 2 * is_named
