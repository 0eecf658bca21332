"""The sources of a site: what none can be, and the line of each."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.site.directive import SourceOptions
from provision.site.source import Pool, Server, Source, not_a_server
from provision.site.text_types import Address
from tests.helpers.site_files import NTP_CONF_CLOCK, assert_refused, read, server

REFUSED = [
    pytest.param(
        server("minpoll = 8, maxpoll = 6"), "time.servers[0].minpoll: 8 is above maxpoll 6", id="polls crossed"
    ),
    pytest.param(
        server("maxpoll = 4"),
        "time.servers[0].maxpoll: 4 is below minpoll, which is 6 unless you set it, too",
        id="chrony would raise this maxpoll to its default minpoll",
    ),
    pytest.param(server("minpoll = -8"), "time.servers[0].minpoll: -8 is below -7", id="minpoll too low"),
    pytest.param(server("maxpoll = 25"), "time.servers[0].maxpoll: 25 is above 24", id="maxpoll too high"),
    pytest.param(server("port = 0"), "time.servers[0].port: 0 is below 1", id="port 0"),
    pytest.param(server("port = 65536"), "time.servers[0].port: 65536 is above 65535", id="port too high"),
    pytest.param(server("key = 0"), "time.servers[0].key: 0 is below 1", id="key 0"),
    pytest.param(server("key = 4294967296"), "time.servers[0].key: 4294967296 is above 4294967295", id="key too high"),
    pytest.param(
        server("key = 1, nts = true"),
        "time.servers[0].key: cannot go with nts: a source is authenticated in one way",
        id="key and NTS",
    ),
    pytest.param(server("ntsport = 4460"), "time.servers[0].ntsport: needs nts = true", id="ntsport without NTS"),
    pytest.param(
        server("nts = true") + "\n[build]\nnts = false",
        "time.servers[0].nts: needs build.nts = true",
        id="NTS with a build that has none",
    ),
    pytest.param(
        server("prefer = true, noselect = true"),
        "time.servers[0].prefer: cannot go with noselect: the source is never selected",
        id="prefer and noselect",
    ),
    pytest.param(
        server("options = 'copy minpoll 4'"),
        "time.servers[0].options: minpoll has a key of its own: write minpoll = …",
        id="an option with a key",
    ),
    pytest.param(
        server("options = 'copy COPY'"), "time.servers[0].options: copy is named twice", id="one option twice"
    ),
    pytest.param(
        server("options = 'offline'"),
        "time.servers[0].options: offline: chronyd would not ask the source until chronyc online",
        id="an option that no site can have",
    ),
    pytest.param(
        server("options = 'HEX:00112233'"),
        "time.servers[0].options: has a secret in it, so it is not shown; keys are in the file of keys.file",
        id="a secret among options",
    ),
    pytest.param(server("version = 5"), "time.servers[0].version: 5 is above 4", id="NTP version"),
    pytest.param(server("maxdelay = 0"), "time.servers[0].maxdelay: 0 is not above 0", id="maxdelay 0"),
    pytest.param(
        "[time]\npools = [{ address = 'p.example.net', maxsources = 17 }]",
        "time.pools[0].maxsources: 17 is above 16",
        id="maxsources",
    ),
    pytest.param(
        "[time]\nservers = [{ address = 'FD00::1' }, { address = 'fd00:0::1' }]",
        "time.servers[1].address: fd00::1 is named twice, first in time.servers[0]",
        id="one address, written in two ways",
    ),
    pytest.param(
        "[time]\npools = [{ address = 'ntp.example.net' }]\nservers = [{ address = 'NTP.example.net.' }]",
        "time.servers[0].address: NTP.example.net. is named twice, first in time.pools[0]",
        id="one name, as pool and as server",
    ),
    pytest.param(
        "[time]\nservers = []",
        "time.servers: no source is named, and there is no time.local; leave the empty list out for the defaults",
        id="no source at all",
    ),
    # What chronyd accepts, and with which a host would never have the time.
    *(
        pytest.param(
            f"[time]\nservers = [{{ address = '{address}' }}]",
            f"time.servers[0].address: {address} {NTP_CONF_CLOCK}",
            id=f"ntp.conf's clock {address}",
        )
        for address in ("127.127.1.0", "127.127.28.0")
    ),
    *(
        pytest.param(
            f"[time]\nservers = [{{ address = '{address}' }}]",
            f"time.servers[0].address: {address} is no address of a server",
            id=f"the address {address}",
        )
        for address in (str(ip_address(0)), "::", "224.0.1.1", "ff05::101", "255.255.255.255")
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_site_is_refused_with_the_place_and_the_reason(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert_refused(tmp_path, text, message)


def test_a_minpoll_above_the_default_maxpoll_is_possible_because_chrony_raises_maxpoll(tmp_path: Path) -> None:
    (source,) = read(tmp_path, server("minpoll = 11")).time.servers or ()
    assert source.minpoll == 11


def test_options_without_a_key_follow_those_with_one(tmp_path: Path) -> None:
    (source,) = read(tmp_path, server("key = 3, options = ' copy  extfield F323 '")).time.servers or ()
    assert source.line == "server ntp1.example.net iburst key 3 copy extfield F323"
    assert source.options is not None
    assert source.options.names == ["copy", "extfield"]


@pytest.mark.parametrize(
    ("options", "chrony", "why"),
    [
        ("certset 4", "4.0", "certset came with chrony 4.1, and the release is 4.0"),
        ("extfield F325", "4.9", "extfield: 'f325' is none of F323, F324, 10A"),
        ("extfeild F323", "4.9", "no option 'extfeild'; did you mean 'extfield'?"),
        ("filter", "4.9", "filter: needs a value (integer)"),
    ],
)
def test_options_that_the_release_would_not_apply(options: str, chrony: str, why: str) -> None:
    assert list(Server(address=Address("a"), options=SourceOptions(options)).faults(chrony)) == [why]


def sources() -> st.SearchStrategy[Source]:
    polls = st.none() | st.integers(6, 24)
    label = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)
    common = {
        "address": (label | st.ip_addresses().filter(lambda ip: not_a_server(str(ip)) is None).map(str)).map(Address),
        "iburst": st.booleans(),
        "require": st.booleans(),
        "minpoll": st.none() | st.integers(-7, 6),
        "maxpoll": polls,
        "key": st.none() | st.integers(1, 2**32 - 1),
        "maxdelay": st.none() | st.floats(min_value=1e-9, max_value=1000),
        "offset": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    }
    return st.builds(Server, **common) | st.builds(Pool, maxsources=st.none() | st.integers(1, 16), **common)


@given(source=sources())
def test_every_source_is_one_line_that_says_all_of_it(source: Source) -> None:
    words = source.line.split(" ")
    assert source.line.isprintable()
    assert words[:2] == [type(source).__name__.lower(), source.address]
    assert ("iburst" in words, "require" in words) == (source.iburst, source.require)
    for option in ("minpoll", "maxpoll", "key", "maxdelay", "offset"):
        value = getattr(source, option)
        assert (value is None) == (option not in words)
        if value is not None:
            assert float(words[words.index(option) + 1]) == value
