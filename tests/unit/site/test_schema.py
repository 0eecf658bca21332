"""A site file as a whole: what is refused, the defaults, and the page that documents them."""

import re
from pathlib import Path

import msgspec
import pytest

from provision.common.errors import SiteError
from provision.site.decode import tables
from provision.site.schema import NEAR, Site, choose_sources, with_releases
from tests.helpers.samples import read_site
from tests.helpers.site_files import assert_refused, read, server

REPOSITORY = Path(__file__).parents[3]
CASES = Path(__file__).parents[2] / "cases" / "site"
REFUSED = [
    # Serving.
    pytest.param("[serve]\nrole = 'both'", "serve.role: 'both' is none of server, client", id="role"),
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
    pytest.param(
        "[service]\nmetrics_folder = '/var/run/chrony-metrics/'",
        "service.metrics_folder: the host writes the metrics there; a node_exporter that reads it needs no link",
        id="a link beside its file",
    ),
    pytest.param(
        "[service]\nmetrics = 'http'", "service.metrics: 'http' is none of none, textfile", id="no such way of metrics"
    ),
    pytest.param("[service]\nseccomp = 3", "service.seccomp: 3 is none of 0, 1, 2", id="seccomp level"),
    pytest.param(
        "[build]\nseccomp = false\n[service]\nseccomp = 1",
        "service.seccomp: 1 needs build.seccomp = true",
        id="a filter that is not built",
    ),
    pytest.param(
        "[build]\non = 'sandbox'\nconfirm = 2",
        'build.on: a sandbox is one builder, and build.confirm is 2; set build.on = "host"',
        id="two builders of which one is a sandbox",
    ),
    pytest.param("[build]\non = 'docker'", "build.on: 'docker' is none of host, sandbox, auto", id="no such place"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_site_is_refused_with_the_place_and_the_reason(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert_refused(tmp_path, text, message)


def test_an_empty_site_file_is_the_default_site(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read(tmp_path, b"\xef\xbb\xbf# saved on Windows\r\n") == read_site(None)


def test_the_default_server_never_serves_the_world() -> None:
    assert read_site(None).serve.allowed == NEAR
    assert not any(network.ip.is_global for network in NEAR)


def test_a_client_serves_no_time(tmp_path: Path) -> None:
    assert read(tmp_path, "[serve]\nrole = 'client'").serve.allowed == ()


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


def test_an_empty_list_with_a_local_clock_has_no_source(tmp_path: Path) -> None:
    site = read(tmp_path, "[time]\nservers = []\nlocal = {}")
    assert choose_sources(site, time_source="198.18.0.1", ec2=True) == ()


def test_a_local_clock_is_served_while_the_default_sources_are_unreachable(tmp_path: Path) -> None:
    site = read(tmp_path, "[time.local]")
    assert [source.line for source in choose_sources(site, time_source="198.18.0.1", ec2=False)] == [
        "server 198.18.0.1 iburst minpoll 0 maxpoll 4"
    ]


def test_the_command_line_chooses_other_releases_and_their_digests_go() -> None:
    site = with_releases(read_site(CASES / "full.toml"), chrony="4.9", nettle="3.10.1")
    assert (site.release.chrony, site.release.nettle, site.release.sha256.chrony) == ("4.9", "3.10.1", None)


def test_the_command_line_is_checked_like_the_site() -> None:
    with pytest.raises(SiteError, match=r"^time.extra\[2\]: leapseclist came with chrony 4.6, and the release is 4.3$"):
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
