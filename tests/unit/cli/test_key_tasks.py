"""The tasks about keys, as their user runs them: what they print, what they refuse, and that no key gets out."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from provision.keys import Keys
from tests.helpers.booted_hosts import ROOT, assert_nowhere
from tests.helpers.prestarted import inv
from tests.helpers.samples import read_keys


class Home:
    """An operator's home with a key file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
        self.file = folder / "config" / "chrony-provision" / "chrony.keys"

    @property
    def keys(self) -> Keys:
        keys = read_keys(self.file)
        assert keys is not None
        return keys

    def said(self, *words: str, status: int = 0) -> str:
        """Run ``inv``; return what it printed, in which no key may stand."""
        done = inv(*words, env=self.env)
        assert done.returncode == status, done
        assert "Traceback" not in done.stderr
        if self.file.exists():
            for secret in self.keys.secrets:
                assert_nowhere(secret, done.stdout, done.stderr)
        return done.stdout + done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_life_of_keys(home: Home) -> None:
    assert home.said("keys", status=2) == (
        f"error: {home.file}: no keys yet; inv keys.add makes one, and so does the first deployment\n"
    )
    one = home.said("keys.add", "--type=AES256")
    assert one == f"key 1 (AES256) added to {home.file}; hosts get it by inv deploy\n"
    assert stat.S_IMODE(home.file.stat().st_mode) == 0o600
    more = home.said("keys.add", "--count=3", "--id=70", "--label=weather stations")
    assert more == f"keys 70-72 (AES128) added to {home.file}; hosts get them by inv deploy\n"
    head, *rows = home.said("keys").splitlines()[1:]
    assert head.split() == ["id", "type", "fingerprint", "age", "role", "used", "by", "label"]
    assert [row.split()[0] for row in rows] == ["1", "70", "71", "72"]
    assert all("0 days  device" in row for row in rows)
    assert rows[1].endswith("  weather stations")
    gone = home.said("keys.retire", "70,72")
    kept = f"which is kept as it was in {home.file}.bak"
    assert gone == f"keys 70, 72 removed from {home.file}, {kept}; hosts accept them until inv deploy\n"
    assert "70 AES128 " in home.file.with_name(f"{home.file.name}.bak").read_text()
    assert home.keys.ids == (1, 71)
    assert home.said("keys.lint", str(home.file)) == f"{home.file}: 2 keys, no findings\n"
    assert "no key would be left" in home.said("keys.retire", "all", status=2)


def test_a_task_sees_what_an_earlier_one_of_the_command_line_has_changed(home: Home) -> None:
    home.said("keys.add", "--count=2")
    site = home.folder / "site.toml"
    site.write_text(f'keys.file = "{home.file}"\n')
    again = f"--site={site}"
    listed = home.said("keys", "keys.add", "keys.retire", "1", "keys", again)
    before, after = listed.split(f"{home.file}\n")[1:]
    ids = [[line.split()[0] for line in part.splitlines() if line[:1].isdigit()] for part in (before, after)]
    assert ids == [["1", "2"], ["2", "3"]], listed


def test_a_command_that_prints_keys_runs_once_for_all_tasks(home: Home) -> None:
    script = home.folder / "print-keys"
    script.write_text("#!/bin/sh\necho run >>runs\necho 1 AES128 HEX:7EA62AE64D190114D46D5A082F948EC1\n")
    script.chmod(0o700)
    site = home.folder / "site.toml"
    site.write_text('keys.command = "./print-keys"\n')
    home.said("keys", f"--site={site}", "keys.export", "1", f"--to={home.folder}/exported", f"--site={site}")
    assert (home.folder / "exported").exists()
    assert (home.folder / "runs").read_text() == "run\n"


def test_a_key_is_as_long_as_its_client_reads(home: Home) -> None:
    home.said("keys.add", "--type=SHA1")
    home.said("keys.add", "--type=SHA1", "--length=16")
    assert [len(key.secret) for key in home.keys] == [20, 16]


BAD = [
    pytest.param(["keys.add", "--type=DES"], "error: --type 'DES': there are MD5", id="bad key type"),
    pytest.param(["keys.add", "--id=-1"], "error: --id -1: expected a key id from 1 to 4294967295", id="bad key id"),
    pytest.param(["keys.add", "--type=aes128"], "error: --type 'aes128': there are MD5", id="key type in lower case"),
    pytest.param(["keys.add", "--length=0"], "error: --length 0: expected a number of bytes", id="no length"),
    pytest.param(
        ["keys.add", "--length=20"], "error: an AES128 key has 16 bytes", id="another length than the cipher's"
    ),
    pytest.param(["keys.add", "--count=many"], "error: --count many: expected a number of keys", id="bad count"),
    pytest.param(["keys.add", "--host=ntp1"], "error: --host is for the hosts of a site", id="no such host"),
    pytest.param(["keys.lint", "no-such-file"], "error: no-such-file: no such file", id="no file to check"),
    pytest.param(["keys", "--addresses"], "error: --addresses is for --usage", id="addresses of what has none"),
    pytest.param(["keys.retire", "7", "--addresses"], "error: --addresses is for --unused-for", id="nobody is asked"),
    pytest.param(["keys.rotate", "--addresses"], "error: --addresses is for --unused-for", id="nor in a rotation"),
    pytest.param(["keys", "--json=-"], "error: --json is for --usage", id="a report of what has none"),
    pytest.param(
        ["keys.retire", "7", "--unused-for=1"], "error: --unused-for 1: expected days or hours, such as", id="no unit"
    ),
    pytest.param(["keys", "--site=no.toml"], "error: no.toml: cannot be read", id="no site"),
]


@pytest.mark.parametrize(("words", "error"), BAD)
def test_bad_input_ends_in_one_line_and_leaves_nothing(words: list[str], error: str, home: Home) -> None:
    said = home.said(*words, status=2)
    assert said.startswith(error)
    assert said.count("\n") == 1
    assert list(home.folder.iterdir()) == []


def test_lint_ends_with_1_when_something_is_wrong_and_says_all_of_it(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "bad.keys"
    file.write_text("1 SHA1 HEX:00\n2 SHA1 HEX:7EA62AE64D190114D46D5A082F948EC1\n")
    file.chmod(0o640)
    lines = home.said("keys.lint", str(file), status=1).splitlines()
    assert [line.removeprefix(f"{file}: ").partition(" ")[0] for line in lines] == ["others", "line", "line"]
    file.write_text("2 SHA1 HEX:7EA62AE64D190114D46D5A082F948EC1\n")
    file.chmod(0o600)
    assert home.said("keys.lint", str(file)).startswith(f"{file}: line 1: warning: key 2 (SHA1): ")


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("x\n", 1, "-: line 1: expected ID TYPE KEY"),
        ("1 AES128 HEX:7EA62AE64D190114D46D5A082F948EC1\n", 0, "-: 1 key, no findings\n"),
    ],
)
def test_standard_input_is_checked_too(text: str, status: int, said: str) -> None:
    words = [sys.executable, "-m", "invoke", "keys.lint", "-"]
    done = subprocess.run(words, cwd=ROOT, input=text, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.startswith(said)


def test_a_reader_that_goes_away_is_no_bug(home: Home) -> None:
    home.said("keys.add", "--count=5000")
    line = f"{sys.executable} -m invoke keys | head -n 1"
    done = subprocess.run(
        ["sh", "-c", line],
        check=False,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **home.env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (f"{home.file}\n", "")


def test_a_command_that_fails_is_an_error_before_any_host_is_touched(home: Home, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('keys.command = "cat no-such-file"\n')
    said = home.said("deploy", "--host=nosuchhost.invalid", f"--site={site}", status=2)
    assert said == (
        "error: keys.command 'cat no-such-file': exit status 1: cat: no-such-file: No such file or directory\n"
    )
    assert not (tmp_path / "state").exists()


def test_a_command_runs_once_for_many_hosts_and_is_not_written_to(home: Home, tmp_path: Path) -> None:
    home.said("keys.add", "--count=2")
    script = tmp_path / "print-keys"
    script.write_text(f"#!/bin/sh\necho ran >>ran\ncat {home.file}\n")
    script.chmod(0o700)
    site = tmp_path / "site.toml"
    hosts = "".join(f'web{n} = {{ group = "machines" }}\n' for n in range(5))
    site.write_text(
        'keys.command = "./print-keys"\n[groups.servers]\n[groups.machines]\ntime.follows = "servers"\n'
        f'[hosts]\nntp1 = {{ group = "servers" }}\n{hosts}'
    )
    (tmp_path / "ran").unlink(missing_ok=True)
    assert home.said("keys", f"--site={site}").splitlines()[2].split()[5:] == [
        "machine", "web0,", "web1,", "web2,", "web3,", "web4",
    ]  # fmt: skip
    assert (tmp_path / "ran").read_text() == "ran\n"
    said = home.said("keys.add", f"--site={site}", status=2)
    assert said.startswith("error: the keys come from keys.command './print-keys': change them there")
    assert "key 1: used by web0, web1" in home.said("keys.retire", "1", f"--site={site}", status=2)
