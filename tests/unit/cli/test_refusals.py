"""Files that are refused before any host is touched, as the operator sees it: status, one line, no secret."""

from pathlib import Path

import pytest

from tests.helpers.operators import Operator, Ran
from tests.helpers.prestarted import inv

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


def deploy(operator: Operator, *words: str) -> Ran:
    done = inv("deploy", HOST, *words, env=operator.environment)
    return Ran(status=done.returncode, output=done.stdout, errors=done.stderr, reports=[])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[time\n", "site.toml: ", id="bad TOML"),
        pytest.param('release.chrony = "9.9"\n', "release.sha256.chrony", id="a version without a pin"),
    ],
)
def test_a_site(operator: Operator, text: str, words: str) -> None:
    ran = deploy(operator, operator.site(text))
    assert ran.status == 2
    assert words in ran.error
    assert ran.output == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("1 AES128 HEX:XYZ\n", "line 1: behind HEX: stand pairs of hex digits", id="bad hex"),
        pytest.param(f"1 AES128 HEX:{SECRET[:-2]}\n", "line 1: an AES128 key has 16 bytes", id="wrong length"),
        pytest.param(f"1 AES128 HEX:{SECRET}\n" * 2, "line 2: key 1 is already on line 1", id="duplicate id"),
    ],
)
def test_a_key_file(operator: Operator, text: str, words: str) -> None:
    write_keys(operator, text)
    ran = deploy(operator)
    assert ran.status == 2
    assert f"{operator.key_file}: {words}" in ran.error
    assert SECRET[:-2] not in ran.error
    assert ran.output == ""


def test_a_key_file_that_others_may_read(operator: Operator) -> None:
    write_keys(operator, f"1 AES128 HEX:{SECRET}\n", mode=0o644)
    ran = deploy(operator)
    assert ran.status == 2
    assert f"chmod 600 {operator.key_file}" in ran.error
