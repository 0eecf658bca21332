"""The site file as text: what is no TOML, no key, or no value of its key is refused with its place."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from provision.common.errors import SiteError
from provision.site.decode import tables
from provision.site.schema import Site
from tests.helpers.samples import read_site
from tests.helpers.site_files import assert_refused, read, server

REFUSED = [
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
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_site_is_refused_with_the_place_and_the_reason(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert_refused(tmp_path, text, message)


def test_a_missing_site_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"^\S+/site\.toml: cannot be read: No such file or directory$"):
        read_site(tmp_path / "site.toml")


def test_a_folder_is_no_site_file(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"cannot be read: Is a directory$"):
        read_site(tmp_path)


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(), st.text().map(str.encode), toml_of_a_site()))
@example(data=b"[serve]\nallow=['\xd9\xa1/8']")
def test_no_bytes_make_reading_fail_in_another_way_than_with_a_one_line_site_error(tmp_path: Path, data: bytes) -> None:
    try:
        site = read(tmp_path, data)
    except SiteError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert site == read(tmp_path, data)
