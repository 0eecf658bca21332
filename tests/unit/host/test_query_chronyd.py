"""The clients of query_chronyd.sh and query_nts.sh: how long they are awaited, and that none is left."""

import pytest

from provision.host import scripts
from provision.host.transport.local import LocalTransport

LIBRARY = scripts.functions("query_chronyd") + scripts.text("query_chronyd")


def said(script: str) -> str:
    """Return the standard output of a script with the functions."""
    return LocalTransport().execute(f"{LIBRARY}{script}").stdout.strip()


def test_a_command_that_succeeds_is_not_awaited_any_longer() -> None:
    assert said('await_until "$(uptime_in 60)" true; echo done') == "done"


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_a_command_that_never_succeeds_is_awaited_until_the_uptime(seconds: str) -> None:
    assert said(f'await_until "$(uptime_in {seconds})" false; echo done') == "done"


def test_all_clients_of_a_folder_are_ended() -> None:
    begin = 'cd "$(mktemp -d)" && mkdir asked; for one in 1 2; do sleep 60 & echo $! >"asked/$one.job"; done\n'
    end = 'running="1 2 3"; end_asking 2>/dev/null; echo "left:$running$(jobs -p)"; rm -r "$PWD"\n'
    assert said(begin + end) == "left:"
