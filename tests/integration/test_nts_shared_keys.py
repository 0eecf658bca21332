"""Two servers with NTS behind one name: each accepts the cookies of the other, before, during and after a rotation."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Self

import pytest

from provision.host.sandbox.sandbox import Sandbox
from provision.keys.nts_keys import ServerKeys, parse_server_keys
from provision.verify.ntp.key_exchange import KeyExchange
from provision.verify.ntp.nts_client import Outcome
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.certificates import Authority
from tests.helpers.host_state import RESTART, arguments_seen, holders, journal
from tests.helpers.nts_requests import ask, exchange_with
from tests.helpers.operators import Operator, Ran
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

NAME = "ntp.nts.test"
SITE = f"""
service.sockets = true
[serve.nts]
certificate = "nts.crt"
key = "nts.key"
authority = "ca.pem"
names = ["{NAME}"]
shared_keys = "nts.keys"
[hosts]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two servers with the same certificate and the same keys of cookies."""

    hosts: tuple[Sandbox, ...]
    operator: Operator
    option: str
    authority: str
    first: Ran
    arguments: set[str]

    @property
    def file(self) -> Path:
        return self.operator.home / "site/nts.keys"

    @property
    def keys(self) -> ServerKeys:
        return parse_server_keys(self.file.read_text(), "nts.keys")

    def exchange(self, host: Sandbox) -> KeyExchange:
        """Make a key exchange with a server."""
        return exchange_with(host, NAME, self.authority)

    def shared(self, ran: Ran) -> list[tuple[bool | None, str]]:
        """Return the finding about the shared keys of each server."""
        return [
            (finding["holds"], finding["seen"])
            for report in ran.reports
            for finding in report["findings"]
            if finding["id"] == "client.nts-shared-keys"
        ]

    def rotate(self) -> str:
        """Rotate the keys; return what is printed."""
        process = self.operator.start_plainly("keys.rotate-nts", self.option, "--yes")
        said, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, ""), (said, errors)
        return said


@pytest.fixture(scope="module")
def pair(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Pair]:
    operator = Operator(tmp_path_factory.mktemp("shared"))
    # The build of the host that all tests share.
    operator.share_artifacts(deployed.operator.artifacts.resolve())
    authority = Authority.make()
    folder = operator.home / "site"
    folder.mkdir()
    authority.issue(NAME).write(folder)
    (folder / "ca.pem").write_text(authority.certificate)
    with ExitStack() as stack:
        names = [f"it-shared{number}-{worker_id}-{CHECKOUT}" for number in (1, 2)]
        hosts = tuple(stack.enter_context(booted(name)) for name in names)
        site = folder / "site.toml"
        site.write_text(SITE + "".join(f'ntp{n}.host = "sandbox:{name}"\n' for n, name in enumerate(names, start=1)))
        option = f"--site={site}"
        operator.key_file.parent.mkdir(parents=True, exist_ok=True)
        # Without a terminal, no first key is made in a default place.
        operator.use_keys(deployed.operator.keys)
        with arguments_seen() as arguments:
            process = operator.start_plainly("keys.rotate-nts", option, "--yes")
            said, errors = process.communicate(timeout=500)
        assert (process.returncode, errors) == (0, ""), (said, errors)
        first = operator.run("verify", option)
        yield Pair(
            hosts=hosts,
            operator=operator,
            option=option,
            authority=authority.certificate,
            first=first,
            arguments=arguments,
        )


@dataclass(slots=True)
class Client:
    """A client of both servers behind one name: its requests reach now the one and now the other."""

    pair: Pair
    outcomes: list[Outcome] = field(default_factory=list)
    _end: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        assert self._thread is not None
        self._thread.join(30)

    def _run(self) -> None:
        exchange = self.pair.exchange(self.pair.hosts[0])
        cookies = exchange.cookies
        turn = 0
        while not self._end.wait(0.05):
            turn += 1
            with suppress(ConnectionError):
                found = ask(self.pair.hosts[turn % 2], exchange, cookies)
                cookies = found.cookies or cookies
                self.outcomes.append(found.outcome)


def test_the_servers_are_deployed_with_keys_that_are_made_for_both(pair: Pair) -> None:
    assert pair.first.status == 0, pair.first
    names = ", ".join(key.name for key in pair.keys.keys)
    assert pair.shared(pair.first) == [(True, f"made with key {pair.keys.current.name}; accepted: {names}")] * 2
    assert (pair.file.stat().st_mode & 0o777, pair.keys.begun) == (0o600, None)


def test_a_cookie_of_one_server_is_accepted_by_the_other(pair: Pair) -> None:
    one, other = pair.hosts
    for first, second in ((one, other), (other, one)):
        exchange = pair.exchange(first)
        found = ask(second, exchange, exchange.cookies)
        assert found.outcome is Outcome.AUTHENTICATED
        assert ask(first, exchange, found.cookies).outcome is Outcome.AUTHENTICATED


def test_no_cookie_is_refused_while_the_keys_are_rotated(pair: Pair) -> None:
    before = pair.keys
    old = pair.exchange(pair.hosts[0])
    with Client(pair) as client:
        said = pair.rotate()
    assert set(client.outcomes) == {Outcome.AUTHENTICATED}, client.outcomes
    assert len(client.outcomes) > 10
    assert f"make cookies with key {before.keys[3].name}" in said.splitlines()[-1]
    assert [key.name for key in pair.keys.keys[:3]] == [key.name for key in before.keys[1:]]
    # Those of before the rotation are accepted by both, and so are those of after it.
    for host in pair.hosts:
        assert ask(host, old, old.cookies).outcome is Outcome.AUTHENTICATED
        exchange = pair.exchange(host)
        assert {cookie[:4].hex().upper() for cookie in exchange.cookies} == {before.keys[3].name}
        assert {ask(other, exchange, exchange.cookies).outcome for other in pair.hosts} == {Outcome.AUTHENTICATED}


def test_the_keys_are_files_of_the_generations_and_nowhere_else(pair: Pair) -> None:
    secrets = [key.secret.hex().upper() for key in pair.keys.keys]
    assert_nowhere(secrets[0], pair.first.output, pair.first.errors, str(pair.first.reports), *pair.arguments)
    assert_nowhere(secrets[0], *(path for path in pair.operator.home.iterdir() if path.name != "site"))
    for host in pair.hosts:
        files = {line.partition(" ")[::2] for line in holders(host, secrets[0])}
        assert {mode for _, mode in files} == {"0640 root:_chrony"}
        assert all(name.startswith("/opt/chrony/generations/") and name.endswith("/ntskeys") for name, _ in files)
        assert_nowhere(secrets[0], journal(host))


def test_a_server_with_other_keys_is_named(pair: Pair) -> None:
    host = pair.hosts[1]
    current = "/opt/chrony/current/ntskeys"
    login(host, f"cp -p {current} /root/kept; sed -i '3,6s/ ......../ 00000000/' {current}; {RESTART}")
    try:
        exchange = pair.exchange(pair.hosts[0])
        assert ask(host, exchange, exchange.cookies).outcome is Outcome.NAK
        ran = pair.operator.run("verify", pair.option, "--host=ntp2")
    finally:
        login(host, f"cp -p /root/kept {current}; rm /root/kept; {RESTART}")
    words = "its cookies are made with a key that is not shared: has chronyd read ntskeys?"
    assert (ran.status, pair.shared(ran)) == (1, [(False, words)])
