"""The operator's key file: what is refused, how it is read and written, and that no secret gets out."""

import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision import keys
from provision.errors import SiteError
from provision.keys import Key, Keys, add_key, parse_keys, read_keys, write_keys

HEX = "7EA62AE64D190114D46D5A082F948EC1"
KEY = Key(1, "AES128", bytes.fromhex(HEX))
LINE = f"1 AES128 HEX:{HEX}"
PASSWORD = "correct-horse"  # noqa: S105 -- a password of no use

ACCEPTED = [
    pytest.param(LINE, KEY, id="as keygen prints it"),
    pytest.param(f"\t1  AES128\tHEX:{HEX.lower()} \r", KEY, id="blanks, CRLF and small digits"),
    pytest.param(f"001 AES128 HEX:{HEX}", KEY, id="zeros before the id"),
    pytest.param(f"4294967295 SHA3-512 {PASSWORD}", Key(2**32 - 1, "SHA3-512", PASSWORD.encode()), id="a password"),
    pytest.param(f"5 SHA1 ASCII:{PASSWORD}", Key(5, "SHA1", PASSWORD.encode()), id="ASCII:"),
    pytest.param(f"5 {PASSWORD}", Key(5, "MD5", PASSWORD.encode()), id="MD5 where no type stands"),
    pytest.param("6 AES256 0123456789abcdef0123456789abcdef", Key(6, "AES256", b"0123456789abcdef" * 2), id="AES256"),
]


@pytest.mark.parametrize(("line", "key"), ACCEPTED)
def test_a_line_is_read_as_chronyd_reads_it(line: str, key: Key) -> None:
    assert tuple(parse_keys(line, "keys")) == (key,)


S = "5ECRE7BEEF5ECRE7BEEF"
REFUSED = [
    pytest.param(f"{S}", "expected ID TYPE KEY", id="one word"),
    pytest.param(
        f"1 SHA1 {S} {S}", "expected ID TYPE KEY, such as '1 AES128 HEX:' and 32 hex digits; found 4", id="four"
    ),
    pytest.param(f"0 SHA1 {S}", "a key id is a number from 1 to 4294967295", id="id 0"),
    pytest.param(f"4294967296 SHA1 {S}", "a key id is a number", id="id too large"),
    pytest.param(f"1.5 SHA1 {S}", "a key id is a number", id="id with a fraction"),
    pytest.param(f"-1 SHA1 {S}", "a key id is a number", id="id below zero"),
    pytest.param(f"{'9' * 2000} SHA1 {S}", "a key id is a number", id="id without end"),
    pytest.param(f"HEX:{S} AES128", "a key id is a number", id="no id"),
    pytest.param(f"1 {S} AES128", "unknown key type; there are MD5, SHA1,", id="words exchanged"),
    pytest.param(f"1 sha256 {S}", "a key type is written in capitals: SHA256", id="small type"),
    pytest.param(f"1 TIGER {S}", "TIGER is not in a chrony built with Nettle; choose AES128", id="LibTomCrypt's type"),
    pytest.param(f"1 RMD160 {S}", "unknown key type", id="a type of old"),
    pytest.param(f"1 AES128 HEX:{HEX}00", "an AES128 key has 16 bytes (32 hex digits), not 17", id="AES128 too long"),
    pytest.param(f"1 AES256 HEX:{HEX}", "an AES256 key has 32 bytes (64 hex digits), not 16", id="AES256 too short"),
    pytest.param(f"1 SHA1 HEX:{S[:-3]}", "behind HEX: stand pairs of hex digits", id="not hex"),
    pytest.param(f"1 SHA1 HEX:{HEX}0", "behind HEX: stand pairs of hex digits", id="odd hex"),
    pytest.param("1 SHA1 HEX:", "behind HEX: stand pairs of hex digits", id="no digit"),
    pytest.param(f"1 SHA1 hex:{HEX}", "write HEX: in capitals, or chronyd takes all of it as a password", id="hex:"),
    pytest.param(f"1 SHA1 Ascii:{S}", "write ASCII: in capitals", id="Ascii:"),
    pytest.param("1 SHA1 HEX:112233445566778899", "a key has 10 to 512 bytes, not 9", id="72 bits"),
    pytest.param(f"1 SHA1 HEX:{'00' * 513}", "a key has 10 to 512 bytes, not 513", id="too long"),
    pytest.param(f"1 SHA1 {S}\xe9", "only printable ASCII can stand here; write the key as HEX:", id="not ASCII"),
    pytest.param(f"1 SHA1 {S}\x00", "only printable ASCII", id="NUL"),
    pytest.param(f"1 SHA1 {' ' * 2040}{S}", "longer than 2047 characters", id="a line that chronyd would cut"),
    pytest.param(f"{LINE}\n1 SHA1 {S}", "key 1 is already on line 3; remove one", id="an id twice"),
]


@pytest.mark.parametrize(("lines", "words"), REFUSED)
def test_a_wrong_line_is_named_and_not_shown(lines: str, words: str) -> None:
    with pytest.raises(SiteError) as caught:
        parse_keys(f"# our keys\n\n{lines}\n", "chrony.keys")
    said = str(caught.value)
    assert said.startswith(f"chrony.keys: line {3 + lines.count(chr(10))}: {words}")
    assert S[:8] not in said
    assert "\n" not in said


@pytest.mark.parametrize("text", ["", "\n \n", "# a\n% b\n! c\n ; d\n"])
def test_a_file_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(SiteError, match=r"^chrony\.keys: no key in it"):
        parse_keys(text, "chrony.keys")


def test_comments_and_order_make_no_difference() -> None:
    one = parse_keys(f"# ours\n2 SHA1 ASCII:{PASSWORD}\n{LINE}\n", "a")
    other = parse_keys(f"{LINE}\n2 SHA1 {PASSWORD}  \n; theirs", "b")
    assert one == other
    assert one.text == f"{LINE}\n2 SHA1 HEX:{PASSWORD.encode().hex().upper()}\n"
    assert one.digest == other.digest
    assert one.ids == (1, 2)


def test_another_secret_has_another_digest_and_guessing_it_is_slow() -> None:
    one, other = (Keys((Key(1, "SHA1", password),)) for password in (b"0123456789", b"0123456780"))
    start = time.process_time()
    assert one.digest != other.digest
    assert (time.process_time() - start) / 2 > 0.01
    assert len(one.digest) == 32


SECRETS = Keys((KEY, Key(2, "SHA1", PASSWORD.encode())))


@pytest.mark.parametrize(
    "shown", [repr(SECRETS), str(SECRETS), *map(repr, SECRETS), *map(str, SECRETS), SECRETS.digest]
)
def test_no_secret_is_shown(shown: str) -> None:
    assert not any(secret.lower() in shown.lower() for secret in SECRETS.secrets)


def test_what_redacts_knows_every_way_to_write_a_secret() -> None:
    assert set(SECRETS.secrets) >= {HEX, HEX.lower(), PASSWORD, PASSWORD.encode().hex()}


AES = st.builds(Key, st.integers(1, 2**32 - 1), st.just("AES128"), st.binary(min_size=16, max_size=16))
HASH = st.builds(Key, st.integers(1, 2**32 - 1), st.sampled_from(keys.HASHES), st.binary(min_size=10, max_size=512))


@given(st.lists(AES | HASH, min_size=1, max_size=5, unique_by=lambda key: key.id))
def test_what_is_put_on_the_host_reads_back_as_the_same_keys(some: list[Key]) -> None:
    wanted = Keys(tuple(sorted(some, key=lambda key: key.id)))
    assert parse_keys(wanted.text, "keys") == wanted
    assert max(map(len, wanted.text.split("\n"))) <= keys.MAX_LINE


WORDS = st.sampled_from(
    ["1", "2", "AES128", "SHA1", "TIGER", "HEX:", "hex:", HEX, f"HEX:{HEX}", "#", "\n", " ", "\xa0"]
)


@given(st.text() | st.lists(WORDS | st.text(max_size=3)).map(" ".join))
def test_no_text_raises_anything_but_a_site_error(text: str) -> None:
    try:
        assert len(parse_keys(text, "keys")) > 0
    except SiteError as error:
        assert "\n" not in str(error)
        assert HEX not in str(error)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "chrony.keys"


def test_written_keys_are_private_and_read_back(path: Path) -> None:
    write_keys(path, SECRETS)
    assert read_keys(path) == SECRETS
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert [file.name for file in path.parent.iterdir()] == ["chrony.keys"]


def test_an_existing_file_is_never_overwritten(path: Path) -> None:
    write_keys(path, SECRETS)
    with pytest.raises(SiteError, match="there is a file by now, and it was not overwritten"):
        write_keys(path, Keys((KEY,)))
    assert read_keys(path) == SECRETS
    assert [file.name for file in path.parent.iterdir()] == ["chrony.keys"]


def test_a_folder_that_cannot_be_made_is_told(path: Path) -> None:
    path.parent.write_text("a file")
    with pytest.raises(SiteError, match=r"chrony\.keys: cannot write the keys: File exists"):
        write_keys(path, SECRETS)


def test_a_key_is_added_under_the_first_free_id_and_what_was_there_stays(path: Path) -> None:
    write_keys(path, SECRETS)
    path.write_text(f"# ours\n{SECRETS.text}".rstrip("\n"))
    added = add_key(path, id=None, type="AES256")
    assert (added.id, added.type, len(added.secret)) == (3, "AES256", 32)
    assert read_keys(path) == Keys((*SECRETS, added))
    assert path.read_text() == f"# ours\n{SECRETS.text}{added.line}\n"


def test_the_first_key_makes_the_file(path: Path) -> None:
    assert read_keys(path) is None
    added = add_key(path, id=7, type="SHA3-256")
    assert read_keys(path) == Keys((added,))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


REFUSED_KEYS = [
    pytest.param(1, "AES128", "there is a key 1 already; choose another --id", id="an id twice"),
    pytest.param(0, "AES128", "a key id is a number from 1", id="id 0"),
    pytest.param(None, "aes128", "a key type is written in capitals: AES128", id="small type"),
]


@pytest.mark.parametrize(("id_", "type_", "words"), REFUSED_KEYS)
def test_a_key_that_cannot_be_added_leaves_the_file_alone(path: Path, id_: int | None, type_: str, words: str) -> None:
    write_keys(path, SECRETS)
    with pytest.raises(SiteError, match=words):
        add_key(path, id=id_, type=type_)
    assert path.read_text() == SECRETS.text


def test_no_file_is_no_error(path: Path) -> None:
    assert read_keys(path) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_a_file_that_others_may_use_is_refused_with_the_way_out(path: Path, mode: int) -> None:
    write_keys(path, SECRETS)
    path.chmod(mode)
    with pytest.raises(SiteError, match=f"others than its owner may use it .mode {mode:04o}.: chmod 600 {path}"):
        read_keys(path)


def test_a_symlink_is_followed(path: Path) -> None:
    write_keys(path, SECRETS)
    link = path.with_name("link")
    link.symlink_to(path)
    assert read_keys(link) == SECRETS


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="cannot read the keys: Is a directory"):
        read_keys(tmp_path)


def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SiteError, match="not a regular file"):
        read_keys(tmp_path / "pipe")


def test_a_path_below_a_file_is_told(path: Path) -> None:
    write_keys(path, SECRETS)
    with pytest.raises(SiteError, match="cannot read the keys: Not a directory"):
        read_keys(path / "more")


def test_bytes_that_are_no_text_are_refused_with_their_line(path: Path) -> None:
    write_keys(path, SECRETS)
    path.write_bytes(f"# Schlüssel\n1 SHA1 {S}".encode() + b"\xff\n")
    with pytest.raises(SiteError, match=r"chrony\.keys: line 2: only printable ASCII"):
        read_keys(path)
