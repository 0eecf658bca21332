"""The differences of two chrony.conf files in a few words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.chrony.differences import MOST_NAMED, MOST_PARTS, difference, summary
from provision.chrony.statement import statements
from provision.common.text import MINUS


def between(old: str, new: str) -> str:
    return difference(tuple(statements(old)), tuple(statements(new)))


DIFFERENCES = [
    pytest.param("server a\n", "server a\n", "", id="none"),
    pytest.param("# old\nserver a iburst\n\n", "server  a   IBURST\n# new\n", "", id="comments, blanks and case"),
    pytest.param("server a\nserver b\nrtcsync\n", "rtcsync\nserver b\nserver a\n", "", id="order"),
    pytest.param("server a iburst key 1\n", "server a key 1 iburst\n", "", id="order of options"),
    pytest.param("maxupdateskew 5\n", "maxupdateskew 5.0\n", "", id="a number in another form"),
    pytest.param("allow 10/8\nkeyfile /a\n", "deny all\nkeyfile /b\n", "", id="access and places are left out"),
    pytest.param(
        "pool 2.debian.pool.ntp.org iburst\n",
        "server 10.1.2.3 iburst key 12\n",
        "pool 2.debian.pool.ntp.org → 10.1.2.3 key 12",
        id="a pool is replaced",
    ),
    pytest.param("server a\n", "server a\nserver b nts\n", "+ b nts", id="a source comes"),
    pytest.param("server a\nrefclock SHM 0 refid GPS\n", "server a\n", f"{MINUS} refclock SHM 0", id="a refclock goes"),
    pytest.param("server a key 12\n", "server a key 15\n", "a: key 12 → 15", id="another key"),
    pytest.param("server a iburst\n", "server a prefer\n", f"a: {MINUS} iburst, + prefer", id="options come and go"),
    pytest.param(
        "server a minpoll 4\n", "server a minpoll 4 extfield F323\n", "a: + extfield F323", id="a value with a letter"
    ),
    pytest.param("server a novel x\n", "server a novel y\n", f"a: {MINUS} x, + y", id="an option that no chrony has"),
    pytest.param(
        "server a port 123\nserver a port 1123 iburst\n",
        "server a port 1123\nserver a port 123\n",
        f"a: {MINUS} iburst",
        id="two sources of one address",
    ),
    pytest.param("server a\nserver a port 1123\n", "server a\n", f"{MINUS} a", id="one of two of one address goes"),
    pytest.param("makestep 1 3\n", "makestep 0.1 3\n", "makestep 1 3 → 0.1 3", id="another value"),
    pytest.param("leapsecmode slew\n", "rtcsync\n", f"+ rtcsync; {MINUS} leapsecmode", id="directives come and go"),
    pytest.param(
        "hwtimestamp eth0\n", "hwtimestamp eth0\nhwtimestamp eth1\n", "hwtimestamp eth0 → eth0 and eth1", id="two lines"
    ),
    pytest.param("dumponexit\n", "dumponexit\ndumponexit\n", "", id="the same line twice"),
]


@pytest.mark.parametrize(("old", "new", "words"), DIFFERENCES)
def test_a_difference_is_named_by_its_statements(old: str, new: str, words: str) -> None:
    assert between(old, new) == words


def test_many_differences_are_counted() -> None:
    old = "".join(f"server s{number}\n" for number in range(MOST_NAMED + 3))
    assert between(old, "").endswith(f"s{MOST_NAMED - 1} and 3 more")
    keys = "".join(f"server s{number} key {number + 1}\n" for number in range(MOST_PARTS + 2))
    said = between(old.partition(f"server s{MOST_PARTS + 2}")[0], keys)
    assert said.endswith("; 2 more (--diff)")
    assert said.count("key") == MOST_PARTS


SUMMARIES = [
    pytest.param("server a key 1\nmakestep 1 3\n", "a key 1; 1 more directive", id="one more"),
    pytest.param("server a iburst\npool b\nallow\n", "a, pool b; 0 more directives", id="access is no directive"),
    pytest.param("rtcsync\ndriftfile /d\n", "no source; 2 more directives", id="no source"),
    pytest.param("peer a\nrefclock PPS /dev/pps0 prefer\n", "peer a, refclock PPS /dev/pps0 prefer; 0", id="refclock"),
]


@pytest.mark.parametrize(("conf", "words"), SUMMARIES)
def test_a_new_configuration_is_summed_up(conf: str, words: str) -> None:
    assert summary(tuple(statements(conf))).startswith(words)


LINES = st.sampled_from(
    ["server a", "server a port 9", "server b iburst key 2", "pool a", "refclock SHM 0", "rtcsync", "makestep nan 3"]
)


@given(st.lists(LINES))
def test_a_file_does_not_differ_from_itself(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert between(text, text) == ""
    assert between(text, f"{text}\nlog tracking") == "+ log tracking"
