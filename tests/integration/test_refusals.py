"""What is refused before any host is touched: by the command line alone, and fast."""

from pathlib import Path

import pytest

from tests.integration.operators import Operator

HOST = "--host=root@198.19.255.254"
SECRET = "7EA62AE64D190114D46D5A082F948EC1"  # noqa: S105 -- chrony.conf(5)'s example


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def write_keys(operator: Operator, text: str, mode: int = 0o600) -> None:
    operator.key_file.parent.mkdir(parents=True)
    operator.key_file.touch()
    operator.key_file.chmod(mode)
    operator.key_file.write_text(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[time\n", "site.toml: ", id="bad TOML"),
        pytest.param("time.colour = 1\n", "time.colour: unknown key", id="unknown key"),
        pytest.param("serve.allow = [1]\n", "serve.allow[0]: expected str, got int", id="wrong type"),
        pytest.param('[[time.servers]]\naddress = "a\\nallow"\n', "time.servers[0].address: ", id="newline in a value"),
        pytest.param(
            '[[time.servers]]\naddress = "a"\nminpoll = 8\nmaxpoll = 6\n',
            "time.servers[0].minpoll: 8 is above maxpoll 6",
            id="impossible value",
        ),
        pytest.param('release.chrony = "9.9"\n', "release.sha256.chrony", id="a version without a pin"),
        pytest.param('release.chrony = "4.8"\nrelease.nettle = "4.0"\n', "4.9", id="Nettle 4 with an older chrony"),
        pytest.param('release.nettle = "3.4.1"\n', "CMAC", id="a Nettle without CMAC"),
    ],
)
def test_a_site(operator: Operator, text: str, words: str) -> None:
    ran = operator.run("deploy", HOST, operator.site(text))
    assert ran.status == 2
    assert words in ran.error
    assert ran.output == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("1 AES128 HEX:XYZ\n", "line 1: behind HEX: stand pairs of hex digits", id="bad hex"),
        pytest.param(f"1 AES128 HEX:{SECRET[:-2]}\n", "line 1: an AES128 key has 16 bytes", id="wrong length"),
        pytest.param(f"1 AES128 HEX:{SECRET}\n" * 2, "line 2: key 1 is already on line 1", id="duplicate id"),
        pytest.param(f"0 AES128 HEX:{SECRET}\n", "line 1: a key id is a number from 1 to 4294967295", id="id 0"),
    ],
)
def test_a_key_file(operator: Operator, text: str, words: str) -> None:
    write_keys(operator, text)
    ran = operator.run("deploy", HOST)
    assert ran.status == 2
    assert f"{operator.key_file}: {words}" in ran.error
    assert SECRET[:-2] not in ran.error
    assert ran.output == ""


def test_a_key_file_that_others_may_read(operator: Operator) -> None:
    write_keys(operator, f"1 AES128 HEX:{SECRET}\n", mode=0o644)
    ran = operator.run("deploy", HOST)
    assert ran.status == 2
    assert f"chmod 600 {operator.key_file}" in ran.error


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param((), "no host", id="no host"),
        pytest.param((HOST, "--site=/nonexistent.toml"), "/nonexistent.toml: cannot be read", id="no such site"),
        pytest.param((HOST, "--sources=/nonexistent"), "--sources /nonexistent: no such folder", id="no such folder"),
    ],
)
def test_a_command_line(operator: Operator, words: tuple[str, ...], told: str) -> None:
    ran = operator.run("deploy", *words)
    assert ran.status == 2
    assert told in ran.error
    assert ran.output == ""
