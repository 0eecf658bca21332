"""Reference ids: names of clocks, kiss codes, and addresses of servers."""

import pytest

from provision.chrony.reference_id import kiss_code, reference_name

NAMES = [
    pytest.param("47505300", "GPS", "GPS", id="a reference clock"),
    pytest.param("C6130002", "", "198.19.0.2", id="a server behind the source"),
    pytest.param("00000000", "", "", id="no reference"),
]


@pytest.mark.parametrize(("hexadecimal", "printed", "name"), NAMES)
def test_a_reference_id_has_a_name(hexadecimal: str, printed: str, name: str) -> None:
    assert reference_name(hexadecimal, printed) == name


@pytest.mark.parametrize(("reference_id", "code"), [(b"RATE", "RATE"), (b"GPS\0", ""), (b"\xc6\x13\0\x02", "")])
def test_a_kiss_code_is_four_letters(reference_id: bytes, code: str) -> None:
    assert kiss_code(reference_id) == code
