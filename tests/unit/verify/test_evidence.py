"""What was seen of a running chronyd; the texts are of a real server, and of one that was stopped."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provision.common.errors import ParseError
from provision.verify.evidence import Port, parse_evidence
from tests.helpers.samples import CASES

SERVER = (CASES / "evidence" / "server.txt").read_text()
STOPPED = (CASES / "evidence" / "stopped.txt").read_text()
BUILD = "/opt/chrony/builds/chrony-4.9-nettle-3.10.2-48d8d26a6fd6"


def port(protocol: str, number: int, *, ours: bool = True) -> Port:
    return Port(protocol=protocol, number=number, ours=ours)


def test_a_server_is_read_whole() -> None:
    evidence = parse_evidence(SERVER)
    assert evidence.runs
    assert evidence.process["current"] == evidence.process["generation"] == "ff3107c3083169da"
    assert evidence.process["executable"] == f"{BUILD}/sbin/chronyd"
    assert (evidence.process["user"], evidence.process["seccomp"]) == ("_chrony", "2")
    assert evidence.ports == (
        port("udp", 123),
        port("udp", 323),
        port("udp6", 123),
        port("udp6", 323),
        port("tcp", 22, ours=False),
        port("tcp6", 22, ours=False),
    )
    assert [str(there) for there in evidence.ports[:2]] == ["udp/123", "udp/323"]
    assert evidence.build.missing_libraries == ()
    assert evidence.configure.found("CMAC in nettle")
    assert evidence.tracking is not None
    assert (evidence.tracking.stratum, evidence.tracking.synchronised) == (2, True)
    assert [source.name for source in evidence.sources if source.selected] == ["198.19.0.2"]
    assert evidence.access is True
    (asked,) = evidence.local_answers
    assert asked.address == "127.0.0.1"
    assert {name: request.outcome for name, request in asked.requests.items()} == {
        "plain": "answered",
        "key 1": "answered",
        "other-secret 1": "silent",
        "unknown id": "silent",
    }


def test_a_daemon_that_does_not_run_is_read_too() -> None:
    evidence = parse_evidence(STOPPED)
    assert not evidence.runs
    assert evidence.process == {"pid": "0", "current": "ff3107c3083169da", "build": BUILD}
    assert (evidence.ports, evidence.tracking, evidence.sources) == ((), None, ())
    assert (evidence.access, evidence.local_answers) == (None, ())


def test_without_its_folders_a_daemon_is_read_as_far_as_it_tells() -> None:
    text = SERVER.replace("==> missing folders\n", "==> missing folders\n/run/chrony\n/var/lib/chrony\n")
    for command in ("authdata", "accheck"):
        text = re.sub(rf"(==> {command}\n).*\n", r"\g<1>501 Not authorised\n", text)
    evidence = parse_evidence(text)
    assert evidence.missing_folders == ("/run/chrony", "/var/lib/chrony")
    assert (evidence.associations, evidence.access) == (None, None)
    assert evidence.tracking is not None


def test_denied_clients_are_named() -> None:
    assert parse_evidence(SERVER.replace("208 Access allowed", "209 Access denied")).access is False


LINES = SERVER.splitlines(keepends=True)


@pytest.mark.parametrize("count", range(len(LINES)))
def test_evidence_that_was_cut_off_is_refused(count: int) -> None:
    with pytest.raises(ParseError, match=r"^the evidence is incomplete; the host may have been cut off$"):
        parse_evidence("".join(LINES[:count]))


NONSENSE = [
    pytest.param("==> finished", "the evidence cannot be read: 'missing folders'", id="only its end"),
    pytest.param(SERVER.replace("pid=", "pid ", 1), "the evidence cannot be read", id="process"),
    pytest.param(SERVER.replace("0000:007B", "0000:xyz", 1), "the evidence cannot be read", id="port"),
    pytest.param(SERVER.replace("udp 0000", "udp0000", 1), "the evidence cannot be read", id="socket"),
    pytest.param(SERVER.replace("Features :", "Features"), "chrony's configure did not print", id="configure"),
    pytest.param(SERVER.replace("208 Access", "999 Access"), "chronyc accheck: unexpected answer", id="access"),
    pytest.param(SERVER.replace("plain\nanswered", "plain\nlate"), "the evidence cannot be read: 'late'", id="end"),
    pytest.param(SERVER.replace(",Normal", ",Abnormal"), "chronyc tracking", id="tracking"),
    pytest.param(SERVER.replace("^,*,", "^,"), "chronyc sources", id="sources"),
]


@pytest.mark.parametrize(("text", "words"), NONSENSE)
def test_nonsense_is_refused(text: str, words: str) -> None:
    with pytest.raises(ParseError, match=f"^{words}"):
        parse_evidence(text)


@pytest.mark.parametrize("name", ["current", "build", "generation", "user", "seccomp", "arguments"])
def test_a_value_of_the_process_that_is_missing_is_named(name: str) -> None:
    """The checks read these values, where their absence would be an internal error."""
    text = re.sub(rf"(?m)^{name}=.*\n", "", SERVER, count=1)
    with pytest.raises(ParseError, match=rf"^the evidence cannot be read: section process has no {name}$"):
        parse_evidence(text)


def test_a_section_that_one_check_reads_is_parsed_by_it() -> None:
    evidence = parse_evidence(SERVER.replace("==> finished", "==> leap seconds\n37\n==> finished"))
    assert evidence.read("leap seconds", int) == 37


@pytest.mark.parametrize(("section", "words"), [("accheck", "invalid literal"), ("no-such", "'no-such'")])
def test_a_section_that_is_missing_or_nonsense_is_refused(section: str, words: str) -> None:
    with pytest.raises(ParseError, match=f"^the evidence cannot be read: section {section}: {words}"):
        parse_evidence(SERVER).read(section, int)


PIECES = st.lists(st.sampled_from(LINES) | st.text(max_size=5)).map("".join)
DAMAGED = st.tuples(st.integers(0, len(SERVER)), st.integers(0, 40), st.text(max_size=5)).map(
    lambda cut: SERVER[: cut[0]] + cut[2] + SERVER[cut[0] + cut[1] :]
)


@given(st.text() | DAMAGED | PIECES | PIECES.map(lambda text: f"{text}\n==> finished\n"))
@example("==> end\n==> finished")
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    try:
        parse_evidence(text)
    except ParseError as error:
        assert "\n" not in str(error)


def test_the_findings_before_a_switch_are_reported() -> None:
    head = "==> answered before the switch\n"
    assert not parse_evidence(SERVER).before.answered
    assert parse_evidence(SERVER.replace(head, f"{head}yes\n")).before.answered
