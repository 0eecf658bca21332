"""The keys of cookies that servers share: read as chronyd reads them, rotated, and in no message."""

import re
from dataclasses import replace
from datetime import date

import pytest

from provision.common.errors import SiteError
from provision.keys.nts_keys import SECRET_BYTES, ServerKeys, make_server_keys, parse_server_keys

TODAY = date(2026, 11, 28)
KEYS = make_server_keys(TODAY)
SECRET = KEYS.keys[0].secret.hex().upper()


def test_new_keys_are_as_chronyd_wants_them() -> None:
    assert KEYS.text.startswith("NKS0\n15 0.0\n")
    assert [key.id % 4 for key in KEYS.keys] == [0, 1, 2, 3]
    assert {len(key.secret) for key in KEYS.keys} == {SECRET_BYTES}
    assert len({key.secret for key in KEYS.keys}) == 4
    assert KEYS.current == KEYS.keys[2]
    assert KEYS.begun == TODAY


def test_a_file_is_read_again_with_its_rotation() -> None:
    assert parse_server_keys(KEYS.own_text(), "nts.keys") == KEYS
    assert parse_server_keys(KEYS.text, "nts.keys") == replace(KEYS, begun=None)
    assert replace(KEYS, begun=None).own_text() == KEYS.text


def test_the_lines_behind_the_keys_stay_when_the_keys_change() -> None:
    edited = f"{KEYS.own_text()}# for the servers of the park\n\n"
    after = KEYS.rotated(date(2027, 1, 1))
    assert after.own_text(edited) == f"{after.text}# rotation begun 2027-01-01\n# for the servers of the park\n\n"
    assert replace(after, begun=None).own_text(edited) == f"{after.text}# for the servers of the park\n\n"


def test_a_file_of_chronyd_4_4_and_later_is_read() -> None:
    lines = KEYS.text.splitlines()
    newer = "\n".join(["NKS1", "604800.3", *(f"{line} 15" for line in lines[2:])]) + "\n"
    assert parse_server_keys(newer, "ntskeys") == replace(KEYS, begun=None)


def test_after_a_rotation_the_next_key_is_the_current_one() -> None:
    after: ServerKeys = KEYS
    for _ in range(5):
        before, after = after, after.rotated(TODAY)
        assert after.keys[:3] == before.keys[1:]
        assert after.current == before.keys[3]
        assert after.keys[3].secret not in {key.secret for key in before.keys}
        assert parse_server_keys(after.text, "nts.keys").keys == after.keys


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no keys of NTS servers for AES-SIV-CMAC-256: the file has to begin as chronyd's ntskeys does"),
        (KEYS.text.replace("15 0.0", "30 0.0"), "no keys of NTS servers for AES-SIV-CMAC-256"),
        (KEYS.text.replace("NKS0\n15", "NKS1\n"), "no keys of NTS servers"),
        ("".join(KEYS.text.splitlines(keepends=True)[:5]), "has 3 keys, and not 4"),
        (KEYS.text.replace(SECRET, SECRET[:-2]), "line 3 is no key of 32 bytes for AES-SIV-CMAC-256"),
        (KEYS.text.replace(SECRET, f"{SECRET} 15"), "line 3 is no key of 32 bytes for AES-SIV-CMAC-256"),
        (KEYS.text.replace(KEYS.keys[1].name, KEYS.keys[0].name), "line 4: the two lowest bits of the ids"),
        (f"{KEYS.text}# rotation begun yesterday\n", "the line of the rotation has no date"),
    ],
)
def test_what_chronyd_would_not_load_is_refused_without_its_secrets(text: str, words: str) -> None:
    with pytest.raises(SiteError, match=re.escape(words)) as error:
        parse_server_keys(text, "nts.keys")
    assert str(error.value).startswith("nts.keys: ")
    assert not any(key.secret.hex().upper()[:20] in str(error.value) for key in KEYS.keys)


def test_no_repr_has_a_secret() -> None:
    assert "secret" not in repr(KEYS)
