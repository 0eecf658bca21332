"""Keys of chrony, ntpd and NTPsec."""

import pytest

from provision.common.errors import SiteError
from provision.common.results import Fate
from provision.keys import Key
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.key_files import FoundKeys, keys_of, merged

SECRET = "00112233445566778899AABBCCDDEEFF"  # noqa: S105 -- a key of no use
AES = Key(12, "AES128", bytes.fromhex(SECRET))


def service(program: Program, conf: str, *key_files: str) -> ExistingService:
    files = [ConfigFile(path=f"/etc/keys{number}", text=text) for number, text in enumerate(key_files)]
    main = ConfigFile(path="/etc/x.conf", text=conf)
    return ExistingService(program=program, files=(main,), key_files=tuple(files))


def chrony(*key_files: str) -> FoundKeys:
    return keys_of(service(Program.CHRONY, "", *key_files))


def ntpd(conf: str, *key_files: str) -> FoundKeys:
    return keys_of(service(Program.NTPSEC, conf, *key_files))


def test_keys_of_chrony_keep_their_ids() -> None:
    found = chrony(f"# phones\n12 AES128 HEX:{SECRET}\n1 SHA1 ASCII:a-long-password\n")
    assert found.keys == (AES, Key(1, "SHA1", b"a-long-password"))
    assert (found.ids, found.remarks) == ((1, 12), ())


COMMENTS = [
    pytest.param("# of the file\n\n# phones\n  ! floor 2", ("# phones", "! floor 2"), id="all lines"),
    pytest.param("# of the file\n#\n# phones", ("# phones",), id="a paragraph of a larger comment"),
    pytest.param("# of key 7\n7 SHA1 ASCII:a-long-password\n# phones", ("# phones",), id="that of another key"),
    pytest.param("# Schlüssel", ("# Schlüssel",), id="other letters"),
    pytest.param(f"#{'x' * 3000}\n# phones", ("# phones",), id="a line that chronyd would split"),
    pytest.param("# a\x07b\n# phones", ("# phones",), id="control characters"),
    pytest.param("# added 2026-11-23: phones", ("# added 2026-11-23: phones",), id="a note of keys.add"),
    pytest.param("# phones\n\n", (), id="a blank line between"),
    pytest.param("# old\n#11 AES128 HEX:0011\n# phones", ("# phones",), id="a key that is commented out"),
    pytest.param("#%; 11 password\n# phones", ("# phones",), id="a key of two words"),
    pytest.param("# before: 11 SHA1 a-long-password", (), id="a key behind other words"),
    pytest.param("# was ASCII:a-long-password", (), id="a secret with its prefix"),
    pytest.param("# was 00112233445566778899AABB", (), id="hex digits"),
]


@pytest.mark.parametrize(("above", "carried"), COMMENTS)
def test_the_comment_above_a_key_goes_with_it(above: str, carried: tuple[str, ...]) -> None:
    found = chrony(f"{above}\n12 AES128 HEX:{SECRET}\n1 SHA1 ASCII:a-long-password\n")
    assert found.comments.get(12, ()) == carried
    assert 1 not in found.comments
    # No message and no repr has any of them.
    assert not any(line in repr(found) for line in above.split("\n") if line)


def test_the_comment_above_a_key_of_ntpd_goes_with_it() -> None:
    found = ntpd("trustedkey 12", f"# phones\n# floor 2\n12 AES {SECRET}\n")
    assert found.comments == {12: ("# phones", "# floor 2")}


def test_a_line_that_chronyd_does_not_use_is_named_without_its_text() -> None:
    found = chrony("13 AES128 HEX:0011\n")
    (remark,) = found.remarks
    assert (remark.fate, remark.place, remark.line) == (Fate.LOST, "/etc/keys0:1", "a key")
    assert remark.why.startswith("chronyd does not use it as it looks: an AES128 key has 16 bytes")
    assert "0011" not in remark.why


def test_two_keys_with_one_id_are_refused() -> None:
    with pytest.raises(SiteError, match="/etc/keys1:1: key 12 is another key on /etc/keys0:1") as caught:
        chrony(f"12 AES128 HEX:{SECRET}\n", "12 SHA1 ASCII:a-long-password\n")
    assert "password" not in str(caught.value)
    assert chrony(f"12 AES128 HEX:{SECRET}\n" * 2).keys == (AES,)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (f"12 AES {SECRET}", AES),
        (f"12 AES128CMAC {SECRET}", AES),
        ("12 M ten-letters", Key(12, "MD5", b"ten-letters")),
        (
            "12 SHA1 0011223344556677889900112233445566778899",
            Key(12, "SHA1", bytes.fromhex("00112233445566778899" * 2)),
        ),
        ("12 AES short-key", Key(12, "AES128", b"short-key" + bytes(7))),
    ],
)
def test_keys_of_ntpd(line: str, key: Key) -> None:
    assert ntpd("trustedkey 12", f"{line}  # of a device\n").keys == (key,)


@pytest.mark.parametrize(
    ("conf", "line", "why"),
    [
        ("", f"12 AES {SECRET}", "no trustedkey names it, so ntpd does not use it"),
        ("trustedkey 12", f"12 RIPEMD160 {SECRET}", "chrony built with Nettle has no such type of key"),
        ("trustedkey 12", "12 AES this-is-longer-than-twenty", "is longer than 20 characters, and no pairs of hex"),
        ("trustedkey 12", "12 M short", "a key has 10 to 512 bytes, not 5"),
    ],
)
def test_a_key_of_ntpd_that_is_not_carried(conf: str, line: str, why: str) -> None:
    found = ntpd(conf, f"{line}\nshort line\n")
    (remark,) = found.remarks
    assert found.keys == ()
    assert (remark.place, remark.line) == ("/etc/keys0:1", "key 12")
    assert remark.why.startswith(why)


def test_a_client_without_keys() -> None:
    assert keys_of(service(Program.TIMESYNCD, "[Time]")) == FoundKeys()


def test_hosts_share_their_keys() -> None:
    other = Key(3, "AES128", bytes(range(16)))
    keys = merged({"a": FoundKeys((AES,)), "b": FoundKeys((other, AES))})
    assert keys.ids == (3, 12)


def test_hosts_whose_keys_contradict_each_other_are_refused() -> None:
    with pytest.raises(SiteError, match=r"key 12 of b is not key 12 of a: .* folder of its own with --to"):
        merged({"a": FoundKeys((AES,)), "b": FoundKeys((Key(12, "AES128", bytes(range(16))),))})


def test_secrets_are_not_in_the_repr() -> None:
    assert SECRET[2:10] not in repr(chrony(f"# 12 AES128 HEX:{SECRET}\n12 AES128 HEX:{SECRET}\n"))
