"""What is wrong with a key file: all of it, each with its line, and no part of any secret."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.keys import TYPES, Keys, make_key
from provision.keys.lint import OLD_TYPES, problems

HEX = "7EA62AE64D190114D46D5A082F948EC1"
GUESS = "one packet is enough to guess it, at leisure"
OTHER = "00112233445566778899AABBCCDDEEFF"
GOOD = f"1 AES128 HEX:{HEX}"

FILES = [
    pytest.param(f"# ours\n\n{GOOD}\n2 AES128 HEX:{OTHER}\n", [], id="nothing"),
    pytest.param("# ours\n", ["no key in it"], id="no key"),
    pytest.param(
        f"x AES128 HEX:{OTHER}\n2 aes128 HEX:{OTHER}\n3 AES128 hex:{OTHER}\n4 AES999 HEX:{OTHER}\n5 AES128 HEX:00\n",
        [
            "line 1: a key id is a number from 1 to 4294967295",
            "line 2: a key type is written in capitals: AES128",
            "line 3: write HEX: in capitals, or chronyd takes all of it as a password",
            f"line 4: unknown key type; there are {', '.join(TYPES)}",
            "line 5: an AES128 key has 16 bytes (32 hex digits), not 1",
        ],
        id="all lines that chronyd would ignore or take otherwise",
    ),
    pytest.param(
        f"{GOOD}\n1 AES128 HEX:{OTHER}", ["line 2: key 1 is already on line 1; chronyd takes either"], id="an id twice"
    ),
    pytest.param(
        f"{GOOD}\n2 AES128 HEX:{HEX.lower()}", ["line 2: key 2 is the same secret as key 1 on line 1"], id="a key twice"
    ),
    pytest.param(f"{GOOD}\n{GOOD}", ["line 2: key 1 is already on line 1; chronyd takes either"], id="a line twice"),
    pytest.param(
        "1 SHA256 correct-horse",
        [f"line 1: key 1 (SHA256): a password of 104 bits, fewer than the 128 that chrony.conf(5) recommends: {GUESS}"],
        id="a short password",
    ),
    pytest.param(
        f"1 AES128 HEX:{'AB' * 16}",
        ["line 1: key 1 (AES128): a pattern, not random bytes: one packet is enough to guess it, at leisure"],
        id="a pattern",
    ),
    pytest.param(
        f"5 SHA1 HEX:{HEX}\n6 HEX:{OTHER}",
        [
            f"line 1: warning: key 5 (SHA1): {OLD_TYPES['SHA1']}",
            f"line 2: warning: key 6 (MD5): {OLD_TYPES['MD5']}",
        ],
        id="old types, as warnings",
    ),
    pytest.param(
        f"1 AES256 {HEX}\n2 AES128 HEX:{HEX}",
        ["line 1: key 1 (AES256): hex digits without HEX: before them, which chronyd takes as a password"],
        id="hex that chronyd takes as text",
    ),
    pytest.param(
        f"# {'x' * 3000}\n{GOOD}",
        ["line 1: longer than 2047 characters, which chronyd would read as two lines"],
        id="a comment of which chronyd would read the rest as a key",
    ),
]


@pytest.mark.parametrize(("text", "said"), FILES)
def test_all_that_is_wrong_is_said(text: str, said: list[str]) -> None:
    found = list(problems(text))
    assert [str(problem) for problem in found] == said
    assert [problem.is_warning for problem in found] == ["warning" in line for line in said]


SECRET = "5ECRE7BEEF5ECRE7"  # noqa: S105 -- a key of no use
PARTS = st.sampled_from(["1", "2", "AES128", "SHA1", "TIGER", "HEX:", "hex:", "ASCII:", SECRET, "#", "\n", " ", "\xa0"])


@given(st.lists(PARTS | st.text(max_size=3)).map("".join))
def test_no_part_of_a_secret_is_shown_for_any_file(text: str) -> None:
    for problem in problems(text):
        assert SECRET[:4] not in str(problem)
        assert "\n" not in str(problem)


@pytest.mark.slow
def test_the_file_of_a_fleet_is_checked_in_seconds() -> None:
    fleet = Keys(tuple(make_key(n, "AES128") for n in range(1, 20_001)))
    begun = time.process_time()
    assert list(problems(fleet.text)) == []
    assert time.process_time() - begun < 5
