"""``keys.export``: where the keys go, which servers a client gets, and what is refused before anything is written."""

import json
import stat
from pathlib import Path

import pytest
from invoke.context import Context
from invoke.exceptions import Exit

from provision.cli.key_tasks import export
from provision.keys import Key, Keys
from tests.helpers.command_secrets import make_secrets
from tests.helpers.prestarted import inv
from tests.helpers.samples import read_keys, write_keys

KEYS = Keys(tuple(Key(number, "AES128", bytes(range(number, number + 16))) for number in (1, 2, 9)))
SITE = """
keys.file = "chrony.keys"
[groups.gateways]
[groups.machines]
serve.role = "client"
time.follows = "gateways"
[hosts]
gw2 = { group = "gateways", host = "root@10.30.0.2" }
web1 = { group = "machines" }
gw1 = { group = "gateways", host = "gw1", address = "ntp1.example.com" }
other = { keys.file = "other.keys" }
"""


class Folder:
    """A folder with a site and its keys."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self.capsys = capsys
        (path / "site.toml").write_text(SITE)
        write_keys(path / "chrony.keys", KEYS)

    def export(self, ids: str, site: str = "site.toml", **options: object) -> str:
        """Export keys; return what was printed, in which standard error follows standard output."""
        export.body(Context(), secrets=make_secrets(), ids=ids, site=self.path / site, host=["gateways"], **options)
        said, errors = self.capsys.readouterr()
        return said + errors

    def refused(self, ids: str, **options: object) -> str:
        """Return the error of an export that is refused."""
        with pytest.raises(Exit) as caught:
            self.export(ids, **options)  # type: ignore[arg-type] # a site, too, is an option
        assert caught.value.code == 2
        assert self.capsys.readouterr() == ("", "")
        error = caught.value.message
        assert error is not None
        assert "\n" not in error
        return error


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Folder:
    return Folder(tmp_path, capsys)


def secret(id_: int) -> str:
    return next(key.secret.hex().upper() for key in KEYS if key.id == id_)


def test_a_file_is_private_and_its_client_gets_its_configuration(folder: Folder) -> None:
    to = folder.path / "client.keys"
    assert folder.export("2", format="ntp.keys", to=str(to)).splitlines() == [
        f"key 2 written to {to} (ntp.keys); who can read it has the keys",
        "# ntp.conf; the exported file is /etc/ntp.keys, which ntpd's account must be able to read",
        "keys /etc/ntp.keys",
        "trustedkey 2",
        "server 10.30.0.2 iburst key 2",
        "server ntp1.example.com iburst key 2",
    ]
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert to.read_text() == f"2 AES128CMAC {secret(2)}\n"


def test_a_file_is_replaced_only_with_force(folder: Folder) -> None:
    to = folder.path / "client.keys"
    to.write_text("precious")
    error = folder.refused("all", to=str(to))
    assert error == f"error: --to: {to} is there already; say --force to replace it, or another name"
    assert to.read_text() == "precious"
    folder.export("all", to=str(to), force=True)
    assert read_keys(to) == KEYS


OWN = [
    *("chrony.keys", "chrony.keys.state", "chrony.keys.bak", "link.keys", "link.keys.bak"),
    *("other.keys", "other.keys.state", "other.keys.bak", "site.toml"),
]


@pytest.mark.parametrize("name", OWN)
def test_a_file_of_the_site_is_not_overwritten(name: str, folder: Folder) -> None:
    folder.path.joinpath("link.keys").symlink_to("chrony.keys")
    folder.path.joinpath("link.keys.bak").symlink_to("chrony.keys.bak")
    to = folder.path / name
    error = folder.refused("2", to=str(to), force=True)
    assert error.startswith(f"error: --to: {to} is ")
    assert error.endswith(", which is never replaced; say another name")
    assert read_keys(folder.path / "chrony.keys") == KEYS
    assert not folder.path.joinpath("chrony.keys.state").exists()
    assert not folder.path.joinpath("chrony.keys.bak").exists()
    assert folder.path.joinpath("site.toml").read_text() == SITE


@pytest.mark.parametrize("first", ["-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"])
def test_a_private_key_of_another_program_is_not_overwritten(first: str, folder: Folder) -> None:
    to = folder.path / "id_ed25519"
    to.write_text(f"{first}\nb3BlbnNzaC1rZXk\n")
    error = folder.refused("2", to=str(to), force=True)
    assert error == f"error: --to: {to} is a private key, which is never replaced; say another name"
    assert to.read_text().startswith(first)


def test_a_key_file_in_the_folder_of_an_export_is_not_overwritten(folder: Folder) -> None:
    (folder.path / "site.toml").write_text(SITE.replace('"chrony.keys"', '"key-2.keys"'))
    write_keys(folder.path / "key-2.keys", KEYS)
    error = folder.refused("9,2", format="chrony", to_folder=folder.path, force=True)
    why = "is a key file of the site, which is never replaced; say another name"
    assert error == f"error: --to-folder: {folder.path}/key-2.keys {why}"
    assert read_keys(folder.path / "key-2.keys") == KEYS
    assert not folder.path.joinpath("key-9.keys").exists()


def test_a_hyphen_is_standard_output(folder: Folder) -> None:
    words = ("keys.export", "2", "--to", "-", "--host=gateways", f"--site={folder.path}/site.toml")
    done = inv(*words)
    assert done.stdout == f"2 AES128 HEX:{secret(2)}\n"
    assert "server 10.30.0.2 iburst key 2\n" in done.stderr
    assert secret(2) not in done.stderr
    assert not Path("-").exists()


def test_json_has_the_servers_and_no_configuration(folder: Folder) -> None:
    read = json.loads(folder.export("2", format="json", to="-"))
    assert [one["id"] for one in read["keys"]] == [2]
    assert read["servers"] == ["10.30.0.2", "ntp1.example.com"]


def test_each_device_has_a_header_of_its_own_with_all_servers(folder: Folder) -> None:
    to = folder.path / "devices"
    assert folder.export("2,9", format="coresntp", to_folder=to) == (
        f"keys 2, 9 written to {to} (coresntp), a file for each, such as key-2.h; "
        "who can read such a file has its key\n"
    )
    assert stat.S_IMODE(to.stat().st_mode) == 0o700
    assert sorted(file.name for file in to.iterdir()) == ["key-2.h", "key-9.h"]
    text = (to / "key-9.h").read_text()
    assert stat.S_IMODE((to / "key-9.h").stat().st_mode) == 0o600
    assert 'TIME_SERVERS                   "10.30.0.2", "ntp1.example.com"\n' in text
    assert "KEY_IDS         9, 9\n" in text
    assert text.count(secret(9)) == 2
    assert secret(2) not in text


def test_a_folder_has_the_configuration_beside_each_file(folder: Folder) -> None:
    to = folder.path / "clients"
    folder.export("2,9", format="ntpsec", to_folder=to)
    assert sorted(file.name for file in to.iterdir()) == ["key-2.conf", "key-2.keys", "key-9.conf", "key-9.keys"]
    assert "trustedkey 9\n" in (to / "key-9.conf").read_text()


def test_a_folder_gets_all_files_or_none(folder: Folder) -> None:
    to = folder.path / "devices"
    to.mkdir()
    (to / "key-9.h").write_text("precious")
    error = folder.refused("all", format="coresntp", to_folder=to)
    assert error == f"error: --to-folder: {to}/key-9.h is there already; say --force to replace it, or another name"
    assert [file.name for file in to.iterdir()] == ["key-9.h"]
    folder.export("all", format="coresntp", to_folder=to, force=True)
    assert len(list(to.iterdir())) == 3


def test_the_servers_of_the_command_line_replace_those_of_the_site(folder: Folder) -> None:
    said = folder.export("2", format="coresntp", to="-", server=["time.example.net", "192.0.2.7"])
    assert '"time.example.net", "192.0.2.7"\n' in said


def test_a_site_without_hosts_knows_no_server(folder: Folder) -> None:
    (folder.path / "plain.toml").write_text('keys.file = "chrony.keys"\n')
    options = {"secrets": make_secrets(), "site": folder.path / "plain.toml", "format": "coresntp", "to": "-"}
    with pytest.raises(Exit, match="no server of the site has these keys; say --server ADDRESS for each, in order"):
        export.body(Context(), ids="2", **options)
    export.body(Context(), ids="2", server=["10.0.0.1"], **options)
    assert '"10.0.0.1"' in folder.capsys.readouterr().out


REFUSED = [
    pytest.param("1", {}, "say where the keys go: --to FILE, --to - for standard output, or", id="no place"),
    pytest.param("1", {"to": "x", "to_folder": Path("y")}, "say where the keys go", id="two places"),
    pytest.param("1", {"to": "nope/x"}, "--to nope/x: cannot be written: No such file or directory", id="no folder"),
    pytest.param("1", {"to": "."}, "--to .: cannot be written: Is a directory", id="a folder"),
    pytest.param("1", {"to": "/dev/null", "force": True}, "--to /dev/null: not a regular file; ", id="a device"),
    pytest.param("1", {"to_folder": Path("nope/x")}, "--to-folder nope/x: cannot be made: No such", id="no parent"),
    pytest.param("1", {"to_folder": Path("tasks.py")}, "--to-folder tasks.py: cannot be used: Not a", id="a file"),
    pytest.param("all", {"to": "-", "format": "coresntp"}, "coresntp: a device has one key, and these", id="a fleet"),
]


@pytest.mark.parametrize(("ids", "options", "error"), REFUSED)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    ids: str, options: dict[str, object], error: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    Path("tasks.py").write_text("")
    before = sorted(folder.path.iterdir())
    assert folder.refused(ids, **options).startswith(f"error: {error}")
    assert sorted(folder.path.iterdir()) == before


def test_a_server_without_an_address_is_named(folder: Folder) -> None:
    alias = SITE.replace(', address = "ntp1.example.com"', "").replace('host = "gw1"', 'host = "local"')
    (folder.path / "alias.toml").write_text(alias)
    assert folder.refused("1", to="-", site="alias.toml") == (
        f"error: {folder.path}/alias.toml: hosts.gw1.address: is missing; say at which address it serves time, there "
        "or with --server"
    )
