"""What the binaries of a build say of themselves; the text is that of a real build."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.build.compile import judge_build
from provision.build.evidence import parse_build, sections
from provision.common.errors import BuildRefused, ParseError
from tests.helpers.samples import CASES, RECIPE

TEXT = (CASES / "evidence" / "build.txt").read_text()
FOUND = "chronyc does not make AES128 and AES256 keys alone"
D = "chronyd (chrony) version 4.9 (+CMDMON +REFCLOCK +RTC +PRIVDROP +SCFILTER -SIGND +NTS +SECHASH +IPV6 -DEBUG)"
C = "chronyc (chrony) version 4.9 (+READLINE +SECHASH +IPV6 -DEBUG)"
UNKNOWN = "Unknown hash function or cipher AES999"


def test_a_good_build_has_no_fault() -> None:
    build = parse_build(TEXT)
    assert build.programs == {"chronyd": D, "chronyc": C}
    assert build.keygen_output == f"1 AES128 HEX:(not shown); 1 AES256 HEX:(not shown); {UNKNOWN}"
    assert list(build.faults("4.9")) == []
    judge_build(build, RECIPE)


DAMAGED = [
    pytest.param(
        TEXT.replace("version 4.9", "version 4.3", 1),
        f"chronyd is not 4.9 with SECHASH ({D.replace('4.9', '4.3')})",
        id="another version",
    ),
    pytest.param(TEXT.replace(D, C), f"chronyd is not 4.9 with SECHASH ({C})", id="chronyc in the place of chronyd"),
    pytest.param(
        TEXT.replace("+READLINE +SECHASH", "+READLINE -SECHASH"),
        f"chronyc is not 4.9 with SECHASH ({C.replace('+SECHASH', '-SECHASH')})",
        id="no SECHASH",
    ),
    pytest.param(
        TEXT.replace(f"{D}\n", "sbin/chronyd: error while loading shared libraries: libcap.so.2\n"),
        "chronyd is not 4.9 with SECHASH (sbin/chronyd: error while loading shared libraries: libcap.so.2)",
        id="it does not start",
    ),
    pytest.param(
        TEXT.replace(f"{C}\n", ""), "chronyc is not 4.9 with SECHASH (it printed nothing)", id="it says nothing"
    ),
    pytest.param(
        re.sub(r"(?s)(==> ldd\n).*?(?===> )", r"\1", TEXT),
        "libraries are missing (ldd listed no library)",
        id="ldd printed nothing",
    ),
    pytest.param(
        re.sub(r"(libedit\.so\.2 =>) .*", r"\1 not found", TEXT),
        "libraries are missing (libedit.so.2 => not found)",
        id="a library is missing",
    ),
    pytest.param(
        TEXT.replace("1 AES128 HEX:(not shown)", "Unknown hash function or cipher AES128"),
        f"{FOUND} (Unknown hash function or cipher AES128; 1 AES256 HEX:(not shown); {UNKNOWN})",
        id="no AES128",
    ),
    pytest.param(
        TEXT.replace(UNKNOWN, "1 AES999 HEX:(not shown)"),
        f"{FOUND} (1 AES128 HEX:(not shown); 1 AES256 HEX:(not shown); 1 AES999 HEX:(not shown))",
        id="a keygen that makes anything",
    ),
    pytest.param(
        TEXT.replace("1 AES128 HEX", "1 AES128 hex").replace("1 AES256 HEX", "2 AES256 HEX"),
        f"{FOUND} (1 AES128 hex:(not shown); 2 AES256 HEX:(not shown); {UNKNOWN})",
        id="other keys than were asked for",
    ),
]


@pytest.mark.parametrize(("text", "words"), DAMAGED)
def test_a_bad_build_is_refused_with_the_evidence(text: str, words: str) -> None:
    assert text != TEXT
    with pytest.raises(BuildRefused, match=f"^{re.escape(words)}$"):
        judge_build(parse_build(text), RECIPE)


LINES = TEXT.splitlines(keepends=True)


@pytest.mark.parametrize("count", range(len(LINES)))
def test_a_build_that_was_not_looked_at_to_the_end_is_refused(count: int) -> None:
    with pytest.raises(ParseError, match=r"^the output about the build is incomplete$"):
        parse_build("".join(LINES[:count]))


def test_a_question_that_was_left_out_is_no_answer() -> None:
    with pytest.raises(ParseError, match=r"^the output about the build has no section keygen AES256$"):
        parse_build(TEXT.replace("==> keygen AES256\n", ""))


SECTIONS = [
    pytest.param("", {}, id="nothing"),
    pytest.param("noise\n==> a\n1\n\n2\n==> b\n==> c d\n3", {"a": "1\n\n2", "b": "", "c d": "3"}, id="in order"),
    pytest.param("==> a\n1\n==> b\n2\n==> a\n3\n", {"a": "1\n3", "b": "2"}, id="a name twice goes on"),
    pytest.param("==> a\n ==> b\n", {"a": " ==> b"}, id="only at the beginning of a line"),
]


@pytest.mark.parametrize(("text", "found"), SECTIONS)
def test_sections(text: str, found: dict[str, str]) -> None:
    assert sections(text) == found


PIECES = st.lists(st.sampled_from(LINES) | st.text(max_size=5)).map("".join)


@given(st.text() | PIECES | PIECES.map(lambda text: f"{text}\n==> end\n"))
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    assert all("\n==> " not in f"\n{body}" for body in sections(text).values())
    try:
        assert len(tuple(parse_build(text).faults("4.9"))) <= 4
    except ParseError as error:
        assert "\n" not in str(error)
