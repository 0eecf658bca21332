from ipaddress import IPv4Network, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from provision.chrony.access import Access
from provision.chrony.access_rules import AccessRules
from provision.chrony.statement import statements
from provision.deploy.render import chrony_conf, render
from provision.site.schema import Serve, Site, choose_sources
from provision.site.text_types import Network
from tests.helpers.samples import read_site

REPOSITORY = Path(__file__).parents[3]
CASES = Path(__file__).parents[2] / "cases"
KEYFILE = "/etc/chrony/chrony.keys"


def rendered(site: Site) -> str:
    return chrony_conf(site, sources=choose_sources(site, time_source=None, ec2=False), keyfile=KEYFILE)


@pytest.mark.parametrize("case", ["client", "full"])
def test_a_site_renders_to_this_file(case: str) -> None:
    assert rendered(read_site(CASES / "site" / f"{case}.toml")) == (CASES / "site" / f"{case}.conf").read_text()


def test_the_default_site_renders_to_this_file() -> None:
    assert rendered(read_site(None)) == (CASES / "site" / "default.conf").read_text()


NETWORKS = st.lists(
    st.builds(
        lambda bits, length: str(IPv4Network((bits << 20, length), strict=False)),
        st.integers(0, 4095),
        st.integers(1, 12),
    ),
    max_size=5,
    unique=True,
)


@given(NETWORKS, NETWORKS, st.lists(st.integers(0, 4095), min_size=1, max_size=8))
@example(["10.1.0.0/16"], ["10.0.0.0/15"], [161])
def test_the_narrowest_network_of_the_site_decides(allow: list[str], deny: list[str], asking: list[int]) -> None:
    """chronyd lets the later of two lines decide if their networks share four bits of an address."""
    allow = [*allow, "10.1.0.0/16"]
    deny = [network for network in deny if network not in allow]
    site = Site(serve=Serve(allow=tuple(map(Network, allow)), deny=tuple(map(Network, deny))))
    rules = AccessRules.of(statements(rendered(site)))
    wanted = Access(tuple(map(ip_network, allow)), tuple(map(ip_network, deny)))
    for bits in asking:
        address = str(IPv4Network((bits << 20, 32)).network_address)
        assert rules.decide(address).allowed is wanted.admits(address)


NTS = """\
[serve.nts]
certificate = "nts.crt"
key = "nts.key"
[time]
trusted_certificates = ["ca.pem"]
servers = [{ address = "ntp1.example", nts = true }]
"""


def with_nts(folder: Path, more: str = "", *, site: str = NTS, boots_without_time: bool = False) -> list[str]:
    path = folder / "site.toml"
    path.write_text(site + more)
    read = read_site(path)
    sources = choose_sources(read, time_source=None, ec2=False)
    conf = chrony_conf(read, sources=sources, keyfile=KEYFILE, boots_without_time=boots_without_time)
    return [line for line in conf.splitlines() if line.startswith(("nts", "nocert"))]


SERVES = [
    "ntsservercert /run/credentials/chronyd.service/nts.crt",
    "ntsserverkey /run/credentials/chronyd.service/nts.key",
    "ntsdumpdir /var/lib/chrony",
]
TRUSTS = "ntstrustedcerts /opt/chrony/current/trusted.pem"


def test_certificates_are_files_of_the_generation(tmp_path: Path) -> None:
    assert with_nts(tmp_path) == [TRUSTS, *SERVES]


def test_keys_of_cookies_that_servers_share_are_read_from_the_generation(tmp_path: Path) -> None:
    shared = NTS.replace("[time]", 'shared_keys = "nts.keys"\n[time]')
    lines = ["ntsdumpdir /opt/chrony/current", "ntsrotate 0"]
    assert with_nts(tmp_path, site=shared) == [TRUSTS, *SERVES[:2], *lines]


def test_a_host_without_a_clock_that_runs_while_it_is_off_accepts_any_dates_at_first(tmp_path: Path) -> None:
    assert with_nts(tmp_path, boots_without_time=True) == [TRUSTS, "nocerttimecheck 1", *SERVES]
    own = 'extra = ["nocerttimecheck 3"]\n'
    assert "nocerttimecheck 1" not in with_nts(tmp_path, own, boots_without_time=True)
    plain = read_site(None)
    sources = choose_sources(plain, time_source=None, ec2=False)
    assert "nocerttimecheck" not in chrony_conf(plain, sources=sources, keyfile=KEYFILE, boots_without_time=True)


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'access' is undefined"):
        render("chrony.conf", sources=[], selection=[], local=[])


def directives(text: str) -> set[tuple[str | float, ...]]:
    """Return the directives of a chrony.conf; numbers as numbers, the two ways to write all of IPv4 as one."""
    lines = (line.strip() for line in text.splitlines())
    return {
        tuple(normal("0.0.0.0/0" if word == "0/0" else word) for word in line.split())
        for line in lines
        if line and not line.startswith("#")
    }


def normal(word: str) -> str | float:
    try:
        return float(word)
    except ValueError:
        return word


def test_the_guide_is_rendered_directive_for_directive() -> None:
    # The place of the key file is ours to choose; here it is the guide's, so that nothing needs an exception.
    # The guide's daemon forgets its measurements at each restart; ours keeps them. The guide allows IPv4 alone, and its
    # own script, which asks localhost, then fails where localhost is ::1.
    guide = directives((CASES / "guide" / "chrony.conf").read_text())
    ours = directives(rendered(read_site(REPOSITORY / "examples" / "guide.toml")))
    assert ours == guide | {("dumpdir", "/run/chrony"), ("allow", "::/0")}
