"""The step that opens a local firewall: when it is due, what it writes down as ours, and who may ask for it."""

from pathlib import Path

import pytest

from provision.common.errors import CommandFailed, SiteError
from provision.deploy.steps.firewall import FirewallOpen
from provision.host import scripts
from provision.host.host import Host
from provision.host.transport import Output
from provision.host.transport.local import LocalTransport
from provision.verify.firewall.firewall import State, parse_firewall
from tests.helpers.samples import read_site
from tests.unit.verify.firewall.test_firewall import SEEN, text


@pytest.mark.parametrize("case", [case for case, state, _ in SEEN if state in {State.CLOSED, State.LIMITED}])
def test_what_is_shut_is_drift(case: str) -> None:
    assert FirewallOpen().drift(text(case)) == parse_firewall(text(case)).shut


@pytest.mark.parametrize("case", [case for case, state, _ in SEEN if state is State.OPEN])
def test_an_open_firewall_is_left_alone(case: str) -> None:
    assert FirewallOpen().drift(text(case)) is None


def test_a_firewall_that_we_do_not_understand_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FirewallOpen, "look", lambda _: "echo pf")
    with pytest.raises(CommandFailed, match=r"it could not be told .*: the host did not say; open it by hand"):
        FirewallOpen().apply(Host(LocalTransport()))


def opened(folder: Path, opening: str, line: str) -> Output:
    script = scripts.load("firewall_open", str(folder), opening, line)
    return LocalTransport().execute(script)


def test_a_door_that_was_opened_is_written_down_once(tmp_path: Path) -> None:
    for _ in range(2):
        assert opened(tmp_path, "ufw", "echo Rule added").status == 0
    assert (tmp_path / "made").read_text() == "firewall ufw\n"


@pytest.mark.parametrize("said", ["echo Skipping adding existing rule", "echo Warning: ALREADY_ENABLED: ntp >&2"])
def test_a_rule_that_was_there_before_is_not_ours(tmp_path: Path, said: str) -> None:
    (tmp_path / "made").write_text("account _chrony\n")
    assert opened(tmp_path, "ufw", said).status == 0
    assert (tmp_path / "made").read_text() == "account _chrony\n"


def test_a_door_that_does_not_open_is_not_ours(tmp_path: Path) -> None:
    output = opened(tmp_path, "ufw", "echo no such thing >&2; exit 3")
    assert (output.status, output.last_words) == (3, "no such thing")
    assert (tmp_path / "made").read_text() == ""


def test_a_client_has_no_port_to_open(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[serve]\nrole = "client"\nfirewall = "open"\n')
    with pytest.raises(SiteError, match=r"site\.toml: serve\.firewall: a client needs no open port; remove this"):
        read_site(site)


def test_a_firewall_is_left_alone_unless_the_site_says_otherwise(tmp_path: Path) -> None:
    assert read_site(None).serve.firewall == "leave"
    site = tmp_path / "site.toml"
    site.write_text('[serve]\nfirewall = "open"\n')
    assert read_site(site).serve.firewall == "open"
