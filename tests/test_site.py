import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from provision.errors import SiteError
from provision.site import NEAR, Site, choose_sources, with_releases
from provision.site.decode import tables
from provision.site.source import Pool, Server, Source
from provision.site.values import Address, Network
from tests.sample import read_site

REPOSITORY = Path(__file__).parent.parent
CASES = Path(__file__).parent / "cases" / "site"


def read(folder: Path, text: str | bytes) -> Site:
    path = folder / "site.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_site(path)


def server(options: str) -> str:
    return f'[time]\nservers = [{{ address = "ntp1.example.net", {options} }}]'


REFUSED = [
    # What no site may hold.
    pytest.param(
        "[time\n", "is not TOML: Expected ']' at the end of a table declaration (at line 1, column 6)", id="TOML"
    ),
    pytest.param("a = 1\na = 2\n", "is not TOML: Cannot overwrite a value (at line 2, column 6)", id="a key twice"),
    pytest.param(b'x = "\xff"', "is not UTF-8 (byte 5); save it as UTF-8", id="another encoding"),
    pytest.param("x = " + "9" * 5000, "is not TOML: ", id="a number without end"),
    pytest.param("x = " + "[" * 5000, "arrays are nested too deeply", id="arrays without end"),
    pytest.param("x." * 3000 + "x = 1", "tables are nested too deeply", id="tables without end"),
    pytest.param("[serv]", "serv: unknown key; did you mean 'serve'?", id="unknown table, with the nearest"),
    pytest.param("[time]\ncolour = 1", "time.colour: unknown key", id="unknown key"),
    pytest.param(
        "[time]\nmaxupdatescew = 1", "time.maxupdatescew: unknown key; did you mean 'maxupdateskew'?", id="typo"
    ),
    pytest.param(
        server("ibrust = true"), "time.servers[0].ibrust: unknown key; did you mean 'iburst'?", id="typo in a list"
    ),
    pytest.param(server("maxsources = 2"), "time.servers[0].maxsources: unknown key", id="maxsources is for pools"),
    pytest.param(r'"a\nb` - at `$.time" = 1', r"'a\nb` - at `$.time': unknown key", id="a key that is no word"),
    pytest.param("[time]\nservers = [{}]", "time.servers[0].address: is missing", id="a key is missing"),
    pytest.param("[serve]\nallow = ['10/8', 5]", "serve.allow[1]: expected str, got int", id="wrong type in a list"),
    pytest.param("time = 5", "time: expected table, got int", id="a value instead of a table"),
    pytest.param("[time]\nlog = 'tracking'", "time.log: expected array, got str", id="a value instead of an array"),
    pytest.param("[time]\nlocal = true", "time.local: expected table, got bool", id="true instead of a table"),
    pytest.param("[time]\nrtcsync = 1", "time.rtcsync: expected bool, got int", id="a number instead of a boolean"),
    pytest.param(server("key = 2026-11-22"), "time.servers[0].key: expected int, got date", id="a date"),
    pytest.param("[time]\nmaxupdateskew = inf", "time.maxupdateskew: inf is no number to work with", id="inf"),
    pytest.param("[time]\nmaxupdateskew = nan", "time.maxupdateskew: nan is no number to work with", id="nan"),
    pytest.param(
        'time.extra = ["hwtimestamp *\\nallow all"]',
        r"time.extra[0]: the character '\n' cannot be part of a value",
        id="a newline cannot smuggle a second line in",
    ),
    pytest.param(
        '[time]\nservers = [{ address = """a\nb""" }]',
        r"time.servers[0].address: the character '\n' cannot be part of a value",
        id="a newline in a multi-line string",
    ),
    pytest.param(
        'time.log = ["tracking", "\\u0085"]',
        r"time.log[1]: the character '\x85' cannot be part of a value",
        id="C1",
    ),
    # Sources.
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
    # The clock.
    pytest.param(
        "[time]\nmakestep = { threshold = -1 }", "time.makestep.threshold: -1 is below 0", id="makestep threshold"
    ),
    pytest.param("[time]\nmakestep = { limit = -2 }", "time.makestep.limit: -2 is below -1", id="makestep limit"),
    pytest.param("[time]\nmaxupdateskew = 0", "time.maxupdateskew: 0 is not above 0", id="maxupdateskew"),
    pytest.param("[time.local]\nstratum = 16", "time.local.stratum: 16 is above 15", id="local stratum"),
    pytest.param(
        "[time]\nlog = ['tracking', 'measurement']",
        "time.log[1]: 'measurement' is none of "
        "rawmeasurements, measurements, selection, statistics, tracking, rtc, refclocks, tempcomp",
        id="a log that chrony does not write",
    ),
    pytest.param(
        "[time]\nauthselectmode = 'always'",
        "time.authselectmode: 'always' is none of require, prefer, mix, ignore",
        id="authselectmode",
    ),
    pytest.param(
        "[time]\nleapsectz = 'right UTC'",
        "time.leapsectz: 'right UTC' is not a time zone such as 'right/UTC'",
        id="zone",
    ),
    pytest.param(
        "[time]\ndriftfile = 'drift'",
        "time.driftfile: 'drift' is no absolute path without blanks and without '..'",
        id="a relative path on the host",
    ),
    pytest.param(
        "[time]\ndriftfile = '/etc/chrony.drift'",
        "time.driftfile: must be below /var/lib/chrony, the one folder where the service keeps state",
        id="a drift file that the service could not write",
    ),
    pytest.param(
        "[time]\nlogdir = '/var/log'",
        "time.logdir: must be /var/log/chrony or below, the one folder where the service writes logs",
        id="a log folder that the service could not write",
    ),
    # Lines of the operator's own.
    pytest.param("[time]\nextra = ['']", "time.extra[0]: '' is no directive of chrony.conf", id="an empty line"),
    pytest.param(
        "[time]\nextra = ['# note']", "time.extra[0]: '# note' is no directive of chrony.conf", id="a comment"
    ),
    pytest.param(
        "[time]\nextra = ['Allow all']",
        "time.extra[0]: allow is not for extra lines: use serve.allow",
        id="a key of the site",
    ),
    pytest.param(
        "[time]\nextra = ['dumpdir /srv']",
        "time.extra[0]: dumpdir is not for extra lines: measurements are kept where the service keeps state",
        id="a folder that the service could not write",
    ),
    pytest.param(
        "[time]\nextra = ['include /etc/chrony/more']",
        "time.extra[0]: include is not for extra lines: "
        "the deployment validates and switches one file; write its lines in time.extra",
        id="a second file",
    ),
    pytest.param(
        "[time]\nextra = ['linux_hz 100']",
        "time.extra[0]: linux_hz is not for extra lines: chrony no longer supports it",
        id="a directive of the past",
    ),
    pytest.param(
        "[time]\nextra = ['lock_all', 'hwtimestmp *']",
        "time.extra[1]: chrony 4.9 knows no directive 'hwtimestmp'; did you mean 'hwtimestamp'?",
        id="a directive that chrony does not know",
    ),
    pytest.param(
        "[release]\nchrony = '4.3'\n[time]\nextra = ['leapseclist /usr/share/zoneinfo/leap-seconds.list']",
        "time.extra[0]: leapseclist came with chrony 4.6, and the site builds 4.3",
        id="a directive of a later chrony",
    ),
    pytest.param(
        "[build]\nnts = false\n[time]\nextra = ['ntsserverkey /etc/chrony/k']",
        "time.extra[0]: ntsserverkey needs build.nts = true",
        id="a directive that the build would ignore",
    ),
    pytest.param(
        "[time]\nextra = ['rtcfile /var/lib/chrony/rtc']",
        "time.extra[0]: rtcfile cannot go with time.rtcsync; set that to false",
        id="rtcfile and rtcsync",
    ),
    pytest.param(
        f"[time]\nextra = ['hwtimestamp {'x' * 2100}']",
        "time.extra[0]: is longer than the 2046 bytes that chronyd reads",
        id="a line longer than chronyd reads",
    ),
    # Serving.
    pytest.param("[serve]\nrole = 'both'", "serve.role: 'both' is none of server, client", id="role"),
    pytest.param(
        "[serve]\nallow = ['10.0.0.0/33']",
        "serve.allow[0]: '10.0.0.0/33' is no network; write it like 192.168.0.0/16 or fd00::/8",
        id="a network with too long a prefix",
    ),
    pytest.param(
        "[serve]\nallow = ['10.0.0.7/8']",
        "serve.allow[0]: '10.0.0.7/8' has bits set behind the prefix; did you mean '10.0.0.0/8'?",
        id="a network with host bits",
    ),
    pytest.param(
        "[serve]\ndeny = ['fe80::%eth0/64']",
        "serve.deny[0]: 'fe80::%eth0/64' names a network interface, which chrony does not take",
        id="a network with a zone",
    ),
    pytest.param(
        "[serve]\nallow = ['all']",
        "serve.allow[0]: 'all' is no network; write it like 192.168.0.0/16 or fd00::/8",
        id="chrony's word for the world",
    ),
    pytest.param(
        "[serve]\nrole = 'client'\nallow = ['10/8']",
        'serve.allow: a client serves nobody; remove this, or set serve.role = "server"',
        id="a client that serves",
    ),
    pytest.param(
        "[serve]\nallow = []",
        'serve.allow: a server that nobody may ask; set serve.role = "client", or leave this out for the default',
        id="a server that does not serve",
    ),
    pytest.param("[serve]\ndeny = ['10/8']", "serve.deny[0]: 10.0.0.0/8 is allowed, too", id="allowed and denied"),
    # Releases, keys, service.
    pytest.param(
        "[release]\nchrony = 'latest'", "release.chrony: 'latest' is not a version such as '4.9'", id="version"
    ),
    pytest.param(
        "[release]\nnettle = 'none'",
        "release.nettle: 'none' is not a version such as '3.10.2', nor 'system'",
        id="Nettle",
    ),
    pytest.param(
        "[release.sha256]\nchrony = 'abc'", "release.sha256.chrony: 'abc' is not a sha256, 64 hex digits", id="digest"
    ),
    pytest.param("[keys]\nfile = ''", "keys.file: is empty; leave it out for the default", id="an empty path"),
    pytest.param("[keys]\nfile = '~nobody-of-that-name/k'", "keys.file: '~nobody-of-that-name/k': ", id="no such home"),
    pytest.param("[service]\nseccomp = 3", "service.seccomp: 3 is none of 0, 1, 2", id="seccomp level"),
    pytest.param(
        "[build]\nseccomp = false\n[service]\nseccomp = 1",
        "service.seccomp: 1 needs build.seccomp = true",
        id="a filter that is not built",
    ),
    pytest.param(
        "[time]\nextra = ['mailonchange root 0.5']",
        "time.extra[0]: mailonchange is not for extra lines: the service has no right to start sendmail",
        id="mail, for which the service would need rights",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_site_is_refused_with_the_place_and_the_reason(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SiteError) as refused:
        read(tmp_path, text)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path}/site.toml: {message}")
    assert message.endswith(": ") or said == f"{tmp_path}/site.toml: {message}"
    assert said.isprintable()


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "a b",
        "a;b",
        "$(reboot)",
        "-a",
        "a-",
        "a..b",
        ".a",
        "10.0.0",
        "10.0.0.256",
        "fe80::1%eth0",
        "a/b",
        "é.net",
        "x" * 64,
    ],
)
def test_an_address_is_a_host_name_or_an_ip_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(SiteError, match=r"time\.servers\[0\]\.address: '.*' (is neither|names a network interface)"):
        read(tmp_path, f"[time]\nservers = [{{ address = '{address}' }}]")


@pytest.mark.parametrize("address", ["ntp1", "_ntp.example.net", "0.pool.ntp.org", "a.b.", "192.0.2.1", "2001:db8::1"])
def test_an_address_is_kept_as_it_is_written(address: str) -> None:
    assert Address(address) == address


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("0/0", "0.0.0.0/0"),
        ("10/8", "10.0.0.0/8"),
        ("192.168/16", "192.168.0.0/16"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("FD00:0::/8", "fd00::/8"),
        ("::1", "::1/128"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_written_in_full(written: str, full: str) -> None:
    assert Network(written) == full


def test_a_missing_site_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"^\S+/site\.toml: cannot be read: No such file or directory$"):
        read_site(tmp_path / "site.toml")


def test_a_folder_is_no_site_file(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"cannot be read: Is a directory$"):
        read_site(tmp_path)


def test_an_empty_site_file_is_the_default_site(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read(tmp_path, b"\xef\xbb\xbf# saved on Windows\r\n") == read_site(None)


def test_the_default_server_never_serves_the_world() -> None:
    assert read_site(None).serve.allowed == NEAR
    assert not any(network.ip.is_global for network in NEAR)


def test_a_client_serves_nobody(tmp_path: Path) -> None:
    assert read(tmp_path, "[serve]\nrole = 'client'").serve.allowed == ()


def test_a_minpoll_above_the_default_maxpoll_is_possible_because_chrony_raises_maxpoll(tmp_path: Path) -> None:
    (source,) = read(tmp_path, server("minpoll = 11")).time.servers or ()
    assert source.minpoll == 11


def test_a_directive_that_is_newer_than_this_package_is_left_to_chronyd(tmp_path: Path) -> None:
    site = read(tmp_path, "[release]\nchrony = '9.0'\n[time]\nextra = ['brandnew 1']")
    assert site.time.extra == ("brandnew 1",)


@pytest.mark.parametrize(
    ("written", "place"),
    [("keys/chrony.keys", "{folder}/keys/chrony.keys"), ("/srv/chrony.keys", "/srv/chrony.keys"), ("~/k", "{home}/k")],
    ids=["relative to the site file", "absolute", "in the operator's home"],
)
def test_the_key_file_is_found(tmp_path: Path, written: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/operator")
    site = read(tmp_path, f"[keys]\nfile = '{written}'")
    assert site.keys.file == Path(place.format(folder=tmp_path, home="/home/operator"))


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("", 2),
        ("[service]\nseccomp = 1", 1),
        ("[build]\nseccomp = false", 0),
    ],
    ids=["2 is the default", "as the site says", "none where none is built"],
)
def test_the_system_call_filter_is_one_that_chronyd_can_have(tmp_path: Path, text: str, level: int) -> None:
    assert read(tmp_path, text).seccomp == level


@pytest.mark.parametrize(
    ("time_source", "ec2", "line"),
    [
        (None, False, "pool pool.ntp.org iburst maxsources 4"),
        (None, True, "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4"),
        ("198.18.0.1", False, "server 198.18.0.1 iburst minpoll 0 maxpoll 4"),
        ("198.18.0.1", True, "server 198.18.0.1 iburst minpoll 0 maxpoll 4"),
    ],
    ids=["the pool", "Amazon's on EC2", "the sandbox's", "the sandbox's, also on EC2"],
)
def test_a_site_without_sources_gets_those_of_its_place(time_source: str | None, ec2: bool, line: str) -> None:  # noqa: FBT001 -- a column of the table
    sources = choose_sources(read_site(None), time_source=time_source, ec2=ec2)
    assert [source.line for source in sources] == [line]


def test_named_sources_are_the_only_ones(tmp_path: Path) -> None:
    site = read(tmp_path, server("key = 1"))
    assert [source.line for source in choose_sources(site, time_source="198.18.0.1", ec2=True)] == [
        "server ntp1.example.net iburst key 1"
    ]


def test_an_empty_list_with_a_local_clock_asks_nobody(tmp_path: Path) -> None:
    site = read(tmp_path, "[time]\nservers = []\nlocal = {}")
    assert choose_sources(site, time_source="198.18.0.1", ec2=True) == ()


def test_a_local_clock_alone_is_what_is_served_while_the_default_sources_are_away(tmp_path: Path) -> None:
    site = read(tmp_path, "[time.local]")
    assert [source.line for source in choose_sources(site, time_source="198.18.0.1", ec2=False)] == [
        "server 198.18.0.1 iburst minpoll 0 maxpoll 4"
    ]


def test_the_command_line_chooses_other_releases_and_their_digests_go() -> None:
    site = with_releases(read_site(CASES / "full.toml"), chrony="4.9", nettle="3.10.1")
    assert (site.release.chrony, site.release.nettle, site.release.sha256.chrony) == ("4.9", "3.10.1", None)


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        pytest.param("refclock PPS /dev/pps0 lock NMEA", True, id="PPS"),
        pytest.param("Refclock  PPS /dev/pps0", True, id="as chrony reads directives"),
        pytest.param("refclock PHC /dev/ptp0:extpps", False, id="pulses by way of a network card"),
        pytest.param("refclock SHM 0 refid PPS", False, id="PPS by name only"),
        pytest.param("refclock", False, id="a line that was cut"),
    ],
)
def test_the_build_knows_pulses_where_a_line_reads_them(line: str, needed: bool, tmp_path: Path) -> None:  # noqa: FBT001 -- a column of the table
    assert read(tmp_path, f"[time]\nextra = ['{line}']").needs_pps == needed


def test_the_command_line_is_checked_like_the_site() -> None:
    with pytest.raises(
        SiteError, match=r"^time.extra\[2\]: leapseclist came with chrony 4.6, and the site builds 4.3$"
    ):
        with_releases(read_site(CASES / "full.toml"), chrony="4.3")
    with pytest.raises(SiteError, match=r"^release: 'x' is not a version such as '3.10.2', nor 'system'$"):
        with_releases(read_site(None), nettle="x")


@pytest.mark.parametrize("example", sorted((REPOSITORY / "examples").glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_can_be_read(example: Path) -> None:
    assert read_site(example) != read_site(None)


# The documentation.

HEADING = re.compile(r"^## (?P<tables>`\[.+)$")
ROW = re.compile(r"^\| `(?P<key>\w+)` \| [^|]+ \| (?P<default>[^|]+) \|")


def documented() -> dict[str, dict[str, str]]:
    """Return the default of every key of every table, as docs/site.md has them."""
    found: dict[str, dict[str, str]] = {}
    named: list[str] = []
    for line in (REPOSITORY / "docs" / "site.md").read_text().splitlines():
        if heading := HEADING.match(line):
            named = re.findall(r"\[+([\w.]+)\]+", heading["tables"])
        if row := ROW.match(line):
            for table in named:
                found.setdefault(table, {})[row["key"]] = row["default"].strip("` ")
    return found


def as_documented(default: object) -> str:
    match default:
        case msgspec.NODEFAULT:
            return "must be given"
        case msgspec.Struct():
            return "see below"
        case None:
            return "none"
        case tuple():
            return str(list(default))
        case str():
            return f'"{default}"'
    return str(default).lower()


def test_every_key_is_documented_with_its_default_and_no_other() -> None:
    declared = {
        name: {
            field.name: as_documented(field.default)
            for field in msgspec.structs.fields(kind)
            if f"{name}.{field.name}" != "release.sha256"
        }
        for name, kind in tables(Site)
        if name
    }
    assert documented() == declared


# Properties.


@st.composite
def toml_of_a_site(draw: st.DrawFn) -> bytes:
    """Sites with known keys and any values: these come further than random bytes do."""
    names = [(name, key) for name, kind in tables(Site) if name for key in kind.__struct_fields__]
    name, key = draw(st.sampled_from(names))
    value = draw(
        st.one_of(
            st.integers().map(str),
            st.floats().map(str),
            st.booleans().map(lambda value: str(value).lower()),
            st.text().map(lambda text: "'" + text.replace("'", "") + "'"),
            st.ip_addresses().map(lambda address: f"'{address}/8'"),
        )
    )
    shape = draw(
        st.sampled_from(["[{table}]\n{key} = {value}", "[[{table}]]\n{key} = {value}", "[{table}]\n{key} = [{value}]"])
    )
    return shape.format(table=name, key=key, value=value).encode("utf-8", "surrogatepass")


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(), st.text().map(str.encode), toml_of_a_site()))
@example(data=b"[serve]\nallow=['\xd9\xa1/8']")
def test_no_bytes_make_reading_fail_in_another_way_than_with_a_one_line_site_error(tmp_path: Path, data: bytes) -> None:
    try:
        site = read(tmp_path, data)
    except SiteError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert isinstance(site, Site)


def sources() -> st.SearchStrategy[Source]:
    polls = st.none() | st.integers(6, 24)
    label = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)
    common = {
        "address": (label | st.ip_addresses().map(str)).map(Address),
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
        assert value is None or float(words[words.index(option) + 1]) == value
