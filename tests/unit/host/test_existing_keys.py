"""What a host says of its keys before the first deployment: ids, types and four digits of a digest, but no secret."""

import pytest

from provision.host import scripts
from provision.host.transport.local import LocalTransport
from provision.keys import Key

HEX = "00112233445566778899AABBCCDDEEFF"
SECRET = bytes.fromhex(HEX)


def told(directive: str, line: str) -> str:
    """Return what the host says of a line of a key file."""
    script = f"{scripts.text('existing_files')}print_keys {directive} <<'END'\n{line}\nEND\n"
    output = LocalTransport().execute(script)
    assert (output.status, output.stderr) == (0, "")
    return output.stdout


@pytest.mark.parametrize(
    ("directive", "line", "key"),
    [
        ("keyfile", f"12 AES128 HEX:{HEX}", Key(12, "AES128", SECRET)),
        ("keyfile", f"  012\tAES128 HEX:{HEX.lower()} ", Key(12, "AES128", SECRET)),
        ("keyfile", "13 SHA1 ASCII:a-long-password", Key(13, "SHA1", b"a-long-password")),
        ("keyfile", "13 SHA256 a'long\"\\\\$password", Key(13, "SHA256", b"a'long\"\\\\$password")),
        ("keyfile", "13 a-long-password", Key(13, "MD5", b"a-long-password")),
        ("keyfile", f"4294967295 SHA512 HEX:{'AB' * 512}", Key(4294967295, "SHA512", b"\xab" * 512)),
        ("keyfile", "13 MD5 00112233445566778899", Key(13, "MD5", b"00112233445566778899")),
        ("keys", "13 M a-long-password", Key(13, "MD5", b"a-long-password")),
        ("keys", f"12 AES128CMAC {HEX} # of a device", Key(12, "AES128", SECRET)),
        ("keys", "12 AES short", Key(12, "AES128", b"short" + bytes(11))),
        ("keys", f"12 AES-256 {HEX}", Key(12, "AES256", SECRET + bytes(16))),
        ("keys", "12 AES twenty-characters-of", Key(12, "AES128", b"twenty-character")),
    ],
)
def test_the_short_digest_is_that_of_the_same_key_here(directive: str, line: str, key: Key) -> None:
    id_, type_, digest = told(directive, line).split()
    assert (id_, digest) == (f">{key.id}", key.short_digest)
    assert len(digest) == 4
    assert type_ not in key.secret.decode("latin-1")


@pytest.mark.parametrize(
    ("directive", "line", "said"),
    [
        ("keyfile", "12 AES128 HEX:00GG", ">12 AES128 \n"),
        ("keyfile", "12 AES128 HEX:001", ">12 AES128 \n"),
        ("keyfile", "12 MD5 Schlüsselwort", ">12 MD5 \n"),
        ("keyfile", "12 a-password with-blanks", ">12 unknown \n"),
        ("keyfile", "# 12 MD5 a-long-password", ""),
        ("keyfile", "x12 MD5 a-long-password", ""),
        ("keyfile", "12", ""),
        ("keys", "12 MD5 this-is-longer-than-twenty", ">12 MD5 \n"),
    ],
)
def test_without_a_readable_secret_there_is_no_digest(directive: str, line: str, said: str) -> None:
    assert told(directive, line) == said


def test_a_file_has_a_line_for_each_key() -> None:
    lines = told("keyfile", "\n".join(f"{id_} AES128 HEX:{id_:032X}" for id_ in range(1, 31))).splitlines()
    assert len(lines) == 30
    assert len({line.split()[2] for line in lines}) > 25
