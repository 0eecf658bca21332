"""The account that chronyd runs as."""

import pytest

from provision.deploy.steps.account import ServiceUser
from tests.helpers.step_samples import ask

USERS = [pytest.param("root", "there", id="there"), pytest.param("no-such-account", "missing", id="missing")]


@pytest.mark.parametrize(("name", "seen"), USERS)
def test_an_account_is_looked_for(name: str, seen: str) -> None:
    assert ask(ServiceUser(name).look()) == seen
