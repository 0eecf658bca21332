"""Keys in an agent, which may refuse to sign."""

from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable
from tests.helpers.ssh_home import KEY, OTHER, connect, host, reached
from tests.helpers.ssh_server import fake_agent, ssh_server


def test_the_next_key_is_tried_when_the_agent_refuses_to_sign(home: Path, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    more = f"  IdentityAgent {agent}\n  IdentityFile none\n"
    with ssh_server([KEY, OTHER]) as server, fake_agent(agent, [KEY, OTHER], refuses=[KEY]):
        with reached(home, host(home, server, more)) as transport:
            assert transport.execute("echo in").stdout == "in\n"
        assert len(server.tried) == 2
    agent.unlink()
    refused = pytest.raises(HostUnreachable, match="the agent refused to sign with its key key 0")
    with ssh_server([KEY]) as server, fake_agent(agent, [KEY], refuses=[KEY]), refused:
        connect(home, host(home, server, more))
