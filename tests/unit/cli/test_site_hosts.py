"""The tasks ``site`` and ``access``, as their user runs them, for hosts that nobody can reach."""

import json
from pathlib import Path

import pytest

from provision.keys import Keys, make_key
from tests.helpers.prestarted import inv
from tests.helpers.samples import write_keys

SITE = """
keys.file = "chrony.keys"

[groups.servers]
serve.allow = ["10.0.0.0/8", "10.1.0.0/16"]
serve.deny = ["10.0.0.0/15"]
time.servers = [{ address = "192.0.2.1" }, { address = "192.0.2.2" }]

[groups.machines]
serve.role = "client"
time.follows = "servers"

[hosts]
web1 = { group = "machines" }
ntp1 = { group = "servers", host = "admin@ntp1.invalid" }
"""


class Folder:
    """A folder with a site and its keys."""

    def __init__(self, path: Path, site: str) -> None:
        self.path = path
        self.site = path / "site.toml"
        self.site.write_text(site)
        write_keys(path / "chrony.keys", Keys((make_key(1, "AES128"),)))

    def run(self, *words: str, status: int = 0) -> str:
        """Return the output of a command line, or its error if nothing else is printed."""
        done = inv(*words, "--site", str(self.site), env={"XDG_CONFIG_HOME": str(self.path)})
        assert done.returncode == status, done
        return done.stdout or done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, SITE)


def test_each_address_has_a_line_that_names_the_line_that_decides(folder: Folder) -> None:
    assert folder.run("access", "--host=ntp1", "10.1.2.3", "10.0.0.1", "192.0.2.1", "fd00::1", status=1) == (
        '10.1.2.3: allowed by "allow 10.1.0.0/16"\n'
        '10.0.0.1: denied by "deny 10.0.0.0/15"\n'
        "192.0.2.1: denied: no line allows it\n"
        "fd00::1: denied: no line allows it\n"
    )


def test_the_status_is_0_if_all_may_ask(folder: Folder) -> None:
    assert folder.run("access", "10.1.2.3", "10.9.9.9", "--host", "ntp1") == (
        '10.1.2.3: allowed by "allow 10.1.0.0/16"\n10.9.9.9: allowed by "allow 10.0.0.0/8"\n'
    )


def test_of_several_hosts_each_is_named(folder: Folder) -> None:
    assert folder.run("access", "10.9.9.9", status=1) == (
        'ntp1\n  10.9.9.9: allowed by "allow 10.0.0.0/8"\nweb1\n  10.9.9.9: denied by "port 0": it serves no time\n'
    )


def test_the_answers_may_be_json(folder: Folder) -> None:
    answer = {"address": "10.9.9.9", "allowed": True, "line": "allow 10.0.0.0/8"}
    answer["reason"] = 'allowed by "allow 10.0.0.0/8"'
    document = {"version": 1, "exit_status": 0, "hosts": [{"host": "ntp1", "addresses": [answer]}]}
    assert json.loads(folder.run("access", "10.9.9.9", "--host=ntp1", "--json=-")) == document
    file = folder.path / "answers.json"
    assert folder.run("access", "10.9.9.9", "--host=ntp1", f"--json={file}").startswith("10.9.9.9: allowed")
    assert json.loads(file.read_text()) == document


REFUSED = [
    pytest.param(["ntp1"], "error: ntp1: expected an IP address; a name is not resolved here\n", id="a name"),
    pytest.param(["fe80::1%eth0"], "error: fe80::1%eth0: expected an IP address without a zone\n", id="a zone"),
    pytest.param([], "error: access needs 'addresses' (inv --help access shows how)\n", id="nothing"),
]


@pytest.mark.parametrize(("words", "error"), REFUSED)
def test_a_text_that_is_no_address_is_refused(words: list[str], error: str, folder: Folder) -> None:
    assert folder.run("access", *words, status=2) == error


def test_the_site_shows_the_conf_of_each_host(folder: Folder) -> None:
    plain = folder.run("site")
    assert "chrony.conf" not in plain
    assert (
        "  may be asked by: 10.0.0.0/8, 10.1.0.0/16\n  but not by: 10.0.0.0/15 (the narrowest network decides)\n"
        in plain
    )
    shown = folder.run("site", "--conf")
    ntp1, web1 = shown.split("\n\nweb1: ")
    assert "\n  chrony.conf:\n" in ntp1
    assert "\n    allow 10.0.0.0/8\n    deny 10.0.0.0/15\n    allow 10.1.0.0/16\n" in ntp1
    assert "\n    server ntp1.invalid iburst key 1\n" in web1
    assert "\n    port 0\n" in web1
    assert "assumed" not in shown


def test_the_lint_shows_each_line_with_another_effect_than_intended(tmp_path: Path) -> None:
    folder = Folder(
        tmp_path,
        'keys.file = "chrony.keys"\ntime.servers = [{ address = "192.0.2.1" }]\ntime.makestep = { threshold = 0 }\n',
    )
    shown = folder.run("site", "--lint", status=1)
    assert "\n  lint: server 192.0.2.1 iburst: it follows one server alone, 192.0.2.1: " in shown
    assert "\n  lint: makestep 0 3: steps the clock at each update" in shown
    assert shown.endswith("[clock.always-steps; chrony.conf(5), makestep]\n")
    assert "lint" not in folder.run("site")


def test_the_lint_says_that_it_found_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 'keys.file = "chrony.keys"\n')
    assert folder.run("site", "--lint").endswith("\n  lint: no findings\n")


def test_a_site_without_hosts_shows_the_settings_of_any_host(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 'keys.file = "chrony.keys"\ntime.rtcsync = false\n')
    first, second, third, *_ = folder.run("site", "--conf").splitlines()
    assert (first, second) == ("any host: server", '  keys.file = "chrony.keys"  (defaults)')
    assert third == "  time.rtcsync = false  (defaults)"
    assert folder.run("site", "--host=ntp7").startswith("ntp7: server\n")
    assert folder.run("access", "10.9.9.9") == '10.9.9.9: allowed by "allow 10.0.0.0/8"\n'


# Each of them is an error of plan before it contacts a host.
FAULTS = [
    pytest.param("time.servers = [{ address = 'a', key = 9 }]\n", "key 9 is not in ", id="a key that is not there"),
    pytest.param("release.chrony = '4.99'\n", "4.99", id="a release that is not pinned"),
    pytest.param("time.authselectmode = 'require'\n", "the default sources have none", id="sources without keys"),
]


@pytest.mark.parametrize("hosts", ["", "[hosts]\nntp1 = {}\n"], ids=["without hosts", "with a host"])
@pytest.mark.parametrize(("site", "words"), FAULTS)
def test_what_plan_refuses_without_a_host_is_refused(site: str, words: str, hosts: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path, f'keys.file = "chrony.keys"\n{site}{hosts}')
    error = folder.run("site", status=2)
    assert words in error
    assert folder.run("plan", "--host=ntp1", status=2).endswith(error)


def test_first_keys_without_a_terminal_are_refused_after_the_settings(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "[hosts]\nntp1 = {}\n")
    done = inv("site", "--site", str(folder.site), env={"XDG_CONFIG_HOME": str(tmp_path / "none")})
    assert done.returncode == 2
    assert done.stdout.startswith("ntp1: server, reached at ntp1\n")
    assert "no keys yet, and without a terminal" in done.stderr
