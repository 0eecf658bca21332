"""Whether the name of a server leads to it alone, by what the host resolves."""

import pytest

from provision.host import scripts
from provision.host.transport.local import LocalTransport

ANSWERS = [
    pytest.param("127.0.0.1       STREAM ntp1.example\\n127.0.0.1       DGRAM\\n", True, id="its own address"),
    pytest.param("192.0.2.1 STREAM ntp1.example\\n", False, id="another machine"),
    pytest.param("127.0.0.1 STREAM a\\n192.0.2.1 STREAM\\n", False, id="another machine, too"),
    pytest.param("127.0.0.10 STREAM a\\n", False, id="an address that begins alike"),
    pytest.param("", False, id="none"),
]


@pytest.mark.parametrize(("answer", "leads"), ANSWERS)
def test_a_name_leads_to_the_server_alone(answer: str, leads: bool) -> None:  # noqa: FBT001 -- a parameter of a case
    script = f"{scripts.text('query_nts')}printf '{answer}' | is_address 127.0.0.1\n"
    assert (LocalTransport().execute(script).status == 0) is leads
