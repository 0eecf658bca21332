"""Work that grows with its input, and not with the square of it: counted, or bounded by a length."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pytest

from provision.chrony import access, access_rules
from provision.chrony.access import Access
from provision.chrony.access_rules import AccessRules
from provision.chrony.socket_unit import socket_unit
from provision.common.errors import SiteError
from provision.common.text import nearest
from provision.deploy.history_records import events, parse_history
from provision.host.target import LONGEST, parse_target
from provision.host.transport import LONGEST_WORDS, Output
from provision.output.history import history_text
from provision.output.log import LONGEST_LINE, Log
from provision.site import text_types
from provision.site.inventory import read_inventory
from provision.site.schema import Serve
from provision.site.text_types import Network, Refused

pytestmark = pytest.mark.slow


def rules(count: int) -> Access:
    """Return rules of which each that denies lies in one that allows, and some that allow in one that denies."""
    allow = [ip_network(f"10.{number >> 8}.{number & 255}.0/24") for number in range(count)]
    deny = [ip_network(f"10.{number >> 8}.{number & 255}.0/26") for number in range(0, count, 4)]
    inner = [ip_network(f"10.{number >> 8}.{number & 255}.0/30") for number in range(0, count, 8)]
    return Access((*allow, *inner), tuple(deny))


def test_rules_in_words_take_no_more_for_each_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    within = access.within
    calls = 0

    def counted(inner: IPv4Network, outer: IPv4Network) -> bool:
        nonlocal calls
        calls += 1
        return within(inner, outer)

    monkeypatch.setattr(access, "within", counted)
    words = rules(4000).in_words()
    assert calls < 20 * 4000
    assert words.startswith("10.0.0.0/24, 10.0.1.0/24")
    assert words.endswith("(the narrowest decides)")


def test_the_lines_about_access_of_a_site_are_evaluated_once_for_all_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    widened = access_rules.widened
    calls = 0

    def counted(old: AccessRules, new: AccessRules) -> tuple[IPv4Network | IPv6Network, ...]:
        nonlocal calls
        calls += 1
        return widened(old, new)

    monkeypatch.setattr(access_rules, "widened", counted)
    for number in range(50):
        # Which servers a host follows may differ.
        unit = socket_unit(chrony="4.9", conf=f"server 192.0.2.{number}\nallow 10.78.0.0/16\ndeny 10.78.9.0/24\n")
        assert unit is not None
        assert unit.ntp == ("0.0.0.0:123",)
    assert calls == 1


def test_a_rule_of_a_site_is_read_once_for_all_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def counted(text: str, *, strict: bool = True) -> IPv4Network | IPv6Network:
        nonlocal calls
        calls += 1
        return ip_network(text, strict=strict)

    monkeypatch.setattr(text_types, "ip_network", counted)
    rules = [f"10.77.{number}.0/24" for number in range(200)]
    hosts = "".join(f"[hosts.ntp{number}]\n" for number in range(50))
    file = tmp_path / "site.toml"
    file.write_text(f"[serve]\nallow = {rules}\n{hosts}")
    assert len(read_inventory(file).members) == 50
    assert 200 <= calls < 2 * 200


class Counted(Network):
    """A network that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str(self) == other

    __hash__ = Network.__hash__


def test_a_network_that_is_allowed_and_denied_is_looked_up() -> None:
    networks = [Network(f"10.{number >> 8}.{number & 255}.0/24") for number in range(2000)]
    allow = tuple(networks[:1000])
    deny = tuple(map(Counted, [*networks[1000:], networks[999]]))
    with pytest.raises(Refused, match=r"10\.3\.231\.0/24 is allowed, too"):
        Serve(allow=allow, deny=deny)
    assert Counted.compared < 5000


@pytest.mark.parametrize("text", [":" * 100_000 + "!", "a:" * 50_000, "1" * 100_000, "a." * 50_000, "a@" * 50_000])
def test_a_target_of_any_length_is_judged_at_once(text: str) -> None:
    with pytest.raises(SiteError, match="characters are too many") as caught:
        parse_target(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("part", [":", "a:", "1.", "[", "@", "::1"])
def test_the_longest_target_is_judged_at_once(part: str) -> None:
    text = (part * LONGEST)[: LONGEST - 1] + "!"
    with pytest.raises(SiteError, match="not a host"):
        parse_target(text)


def test_near_names_are_not_looked_for_with_a_long_one() -> None:
    assert nearest("ntp1x", ["ntp1"]) == "; did you mean 'ntp1'?"
    assert nearest("ntp1" * 25_000, ["ntp1" * 25_000]) == ""


def test_a_line_of_a_log_is_cut_and_no_part_of_a_secret_is_left_at_the_cut(tmp_path: Path) -> None:
    secret = "0123456789ABCDEF"  # noqa: S105 -- of nobody
    log = Log("ntp1", tmp_path)
    log.hide([secret])
    log.write("x" * (LONGEST_LINE - 8) + secret + "y" * 1_000_000)
    log.close()
    (file,) = tmp_path.iterdir()
    text = file.read_text()
    assert len(text) <= LONGEST_LINE + 1
    assert "0123" not in text


def test_what_a_message_quotes_of_a_host_is_short() -> None:
    assert len(Output(1, "x" * 1_000_000).last_words) == LONGEST_WORDS


def test_one_wide_cell_does_not_widen_a_thousand_rows() -> None:
    lines = [f"2026-11-27T00:00:00Z alice@laptop {number:012x} active" for number in range(1000)]
    lines.append(f"2026-11-27T00:00:00Z {'x' * 100_000} 0 active")
    assert len(history_text(events(parse_history("\n".join(lines)), "0", None))) < 1_000_000
