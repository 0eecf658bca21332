"""Keys: what of a key file is refused, how it is read, and that no secret gets out."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from provision import keys
from provision.common.errors import SiteError
from provision.keys import Key, Keys, make_key, parse_keys

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
    pytest.param(f"1 AES128CMAC {HEX}", "this key type is called AES128 in chrony", id="ntp.org's name"),
    pytest.param(f"1 AES-128 {HEX}", "this key type is called AES128 in chrony", id="NTPsec's name"),
    pytest.param(f"1 AES-256-CMAC {HEX}", "this key type is called AES256 in chrony", id="a standard's name"),
    pytest.param(f"1 SHA-256 HEX:{HEX}", "this key type is called SHA256 in chrony", id="SHA-256"),
    pytest.param(f"1 SHA3_512 HEX:{HEX}", "this key type is called SHA3-512 in chrony", id="SHA3_512"),
    pytest.param(f"1 M {S}", "this key type is called MD5 in chrony", id="ntpd's M"),
    pytest.param(f"1 sha {S}", "this key type is called SHA1 in chrony", id="ntpd's SHA"),
    pytest.param(f"1 AES128 {HEX}", "HEX: is missing before the 32 hex digits of this AES128 key", id="no HEX:"),
    pytest.param(f"1 AES256 {HEX * 2}", "HEX: is missing before the 64 hex digits", id="no HEX:, AES256"),
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


ENCODINGS = [
    pytest.param(f"\ufeff{LINE}\n", "begins with a byte order mark, with which chronyd cannot read it", id="a key"),
    pytest.param(f"\ufeff# ours\n{LINE}\n", "begins with a byte order mark", id="a comment, no comment for chronyd"),
    pytest.param(f"{LINE}\n".encode("utf-16").decode(errors="surrogateescape"), "the file is UTF-16", id="UTF-16"),
    pytest.param(
        b"\xfe\xff".decode(errors="surrogateescape") + f"{LINE}\n", "the file is UTF-16", id="UTF-16, other order"
    ),
]


@pytest.mark.parametrize(("text", "words"), ENCODINGS)
def test_a_file_of_an_editor_of_windows_is_named(text: str, words: str) -> None:
    with pytest.raises(SiteError, match=f"^keys: line 1: {words}.*: save .* as plain ASCII$"):
        parse_keys(text, "keys")


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


def test_the_digest_of_keys_is_the_same_in_each_release() -> None:
    # It is a part of the name of a generation: another digest would restart the daemon of each host.
    assert Keys((KEY,)).digest == "f2328e78ea2b5c6c4e242335f5ebecae"


@pytest.mark.parametrize("comment", ["#1", "%1", "!1", ";1", "# 1"])
def test_a_key_that_was_commented_out_is_not_read(comment: str) -> None:
    assert parse_keys(f"{comment} SHA1 {PASSWORD}\n2 SHA1 {PASSWORD}\n", "keys").ids == (2,)


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


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    text = (f"# Schlüssel\n1 SHA1 {S}".encode() + b"\xff\n").decode(errors="surrogateescape")
    with pytest.raises(SiteError, match=r"^keys: line 2: only printable ASCII"):
        parse_keys(text, "keys")


FINGERPRINTS = [
    pytest.param(Key(1, "AES128", bytes(range(16))), "aac6f3aa7b0e", id="random bytes"),
    pytest.param(Key(9, "AES128", bytes(range(16))), "aac6f3aa7b0e", id="under whatever id"),
    pytest.param(Key(1, "SHA256", bytes(range(16))), "", id="as another type"),
    pytest.param(Key(1, "SHA1", b"correct-horse-battery-staple"), None, id="a password, however long"),
    pytest.param(Key(1, "SHA1", bytes(range(15))), None, id="too short"),
    pytest.param(Key(1, "AES256", b"\xff\x00" * 16), None, id="a pattern"),
]


@pytest.mark.parametrize(("key", "shown"), FINGERPRINTS)
def test_a_fingerprint_is_shown_where_it_helps_no_guesser(key: Key, shown: str | None) -> None:
    if shown == "":
        assert key.fingerprint not in {None, "aac6f3aa7b0e"}
        return
    assert key.fingerprint == shown


@given(AES)
def test_a_fingerprint_is_not_a_part_of_the_key(key: Key) -> None:
    fingerprint = key.fingerprint
    assume(fingerprint is not None)
    assert fingerprint is not None
    assert fingerprint.upper() not in key.secret.hex().upper()


SAMPLES = [(100, 3, (1, 50, 100)), (3, 50, (1, 2, 3)), (51, 50, (*range(1, 50), 51))]


@pytest.mark.parametrize(("there", "most", "ids"), SAMPLES)
def test_a_sample_has_the_first_and_the_last(there: int, most: int, ids: tuple[int, ...]) -> None:
    keys_there = Keys(tuple(Key(n, "AES128", bytes(16)) for n in range(1, there + 1)))
    assert keys_there.sample(most).ids == ids


@pytest.mark.slow
def test_the_keys_of_a_fleet_are_parsed_and_written_in_seconds() -> None:
    # 100,000 take 0.6 s where this was written; what takes each key times all others takes minutes for these.
    begun = time.process_time()
    fleet = Keys(tuple(make_key(n, "AES128") for n in range(1, 20_001)))
    assert parse_keys(fleet.text, "keys") == fleet
    assert hash(fleet) == hash(parse_keys(fleet.text, "keys"))
    assert time.process_time() - begun < 5


LENGTHS = [
    pytest.param("AES128", None, 16, id="AES128"),
    pytest.param("AES256", None, 32, id="AES256"),
    pytest.param("MD5", None, 16, id="MD5"),
    pytest.param("SHA1", None, 20, id="SHA1, as much as BusyBox reads"),
    pytest.param("SHA512", None, 32, id="SHA512, as much as ntpd reads"),
    pytest.param("SHA1", 16, 16, id="a shorter one"),
    pytest.param("SHA3-512", 512, 512, id="the longest one"),
    pytest.param("AES128", 16, 16, id="the only length of a cipher"),
]


@pytest.mark.parametrize(("type_", "length", "made"), LENGTHS)
def test_a_new_key_has_the_given_length_or_the_default(type_: str, length: int | None, made: int) -> None:
    assert len(make_key(1, type_, length).secret) == made


@pytest.mark.parametrize(
    ("type_", "length", "words"),
    [
        ("SHA1", 15, r"a key of 15 bytes can be guessed from one packet; make it 16 bytes or longer"),
        ("SHA1", 513, r"a key has 10 to 512 bytes, not 513"),
        ("AES128", 32, r"an AES128 key has 16 bytes \(32 hex digits\), not 32"),
        ("AES256", 16, r"an AES256 key has 32 bytes \(64 hex digits\), not 16"),
    ],
)
def test_a_length_that_weakens_or_breaks_a_key_is_refused(type_: str, length: int, words: str) -> None:
    with pytest.raises(SiteError, match=words):
        make_key(1, type_, length)
