"""The first keys are made only where somebody reads where they are kept."""

import io
from pathlib import Path

import pytest

from provision.cli.first_keys import refuse_unattended
from provision.cli.options import Options
from provision.common.errors import SiteError
from provision.host.target import Target
from provision.keys import Keys, make_key
from provision.keys.reader import KeyReader
from provision.site.settings import Settings, settings_of_hosts
from tests.helpers.prestarted import inv
from tests.helpers.samples import write_keys


class Terminal(io.StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path


SITE = "[hosts]\nntp1 = {}\n"
REFUSED = [
    pytest.param(SITE, id="a server"),
    pytest.param(
        "[hosts]\nweb1 = { serve.role = 'client', time.servers = [{ address = 'a', key = 1 }] }", id="a client"
    ),
]
ACCEPTED = [
    pytest.param(f'keys.file = "mine.keys"\n{SITE}', id="a place for the first keys"),
    pytest.param(f'keys.command = "cat our.keys"\n{SITE}', id="a command"),
    pytest.param("serve.role = 'client'\n[hosts]\nweb1 = {}", id="a client without keys"),
]


def of_site(folder: Path, text: str) -> tuple[tuple[Target, Settings], ...]:
    write_keys(folder / "our.keys", Keys((make_key(1, "AES128"),)))
    (folder / "site.toml").write_text(text)
    options = Options(site=folder / "site.toml").run_options
    return tuple(settings_of_hosts([], options, KeyReader(), address_of=str))


@pytest.mark.parametrize("text", REFUSED)
def test_without_a_terminal_no_keys_are_made_in_a_home_folder(folder: Path, text: str) -> None:
    with pytest.raises(
        SiteError, match=r"chrony\.keys: no keys yet, and without a terminal .*: make them \(inv keys.add"
    ):
        refuse_unattended(of_site(folder, text))


@pytest.mark.parametrize("text", ACCEPTED)
def test_keys_whose_place_the_site_names_are_accepted(folder: Path, text: str) -> None:
    refuse_unattended(of_site(folder, text))


def test_keys_that_are_there_are_accepted(folder: Path) -> None:
    write_keys(folder / "config/chrony-provision/chrony.keys", Keys((make_key(1, "AES128"),)))
    refuse_unattended(of_site(folder, SITE))


def test_at_a_terminal_the_first_keys_may_be_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    refuse_unattended(of_site(folder, SITE))


@pytest.mark.parametrize("task", ["deploy", "plan"])
def test_a_pipeline_gets_the_error_before_any_host_is_touched(task: str, tmp_path: Path) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    done = inv(task, "--host=nosuchhost.invalid", env=env)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}/config/chrony-provision/chrony.keys: no keys yet")
    assert not (tmp_path / "config").exists()
