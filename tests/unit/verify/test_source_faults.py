"""The layer at which a source fails, by the answers of chrony 4.9 on a host whose sources were all broken."""

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from provision.build.evidence import sections
from provision.chrony.chronyc.associations import Association, parse_associations
from provision.chrony.chronyc.selection import Selection
from provision.chrony.chronyc.sources import parse_sources
from provision.host import scripts
from provision.output.status import Layer, SourceFault
from provision.verify.source_faults import faults_text, source_faults
from provision.verify.source_faults.selection import UNSYNCHRONISED
from provision.verify.source_signs import PlainRequest, RequestOutcome, Signs, parse_signs
from tests.helpers.samples import CASES

SAID = sections((CASES / "source_faults" / "chrony-4.9.txt").read_text())
SILENT, SELECTED = parse_sources(
    "^,?,198.19.0.8,0,0,0,4294967295,0.0,0.0,0.0\n^,*,198.19.0.8,1,4,377,6,-0.000002,-0.000003,0.00002\n"
)
REACHED = replace(SILENT, reach=1)
PLAIN = Association(address="198.19.0.8", key=None, received=0, authenticated=False, sent=4)
KEYED = replace(PLAIN, key=7, key_bits=128)
NTS = replace(PLAIN, nts=True, key_bits=0, sent=0)
ANSWERED = PlainRequest(outcome=RequestOutcome.ANSWERED)


def recorded(**changes: str) -> Mapping[str, SourceFault]:
    """Return the faults of the recorded answers, of which sections are otherwise."""
    said = {**SAID, **{name.replace("_", " "): text for name, text in changes.items()}}
    associations = parse_associations(said["authdata"], said["ntpdata"])
    return source_faults(parse_sources(said["sources"]), associations, parse_signs(said))


FAULTS = recorded()
RECORDED = [
    pytest.param(10, Layer.FALSETICKER, id="its time is five seconds from that of the trusted source"),
    pytest.param(11, Layer.RATE, id="ratelimit with kod there"),
    pytest.param(12, Layer.KEY_REFUSED, id="another secret under the id there"),
    pytest.param(13, Layer.UNSYNCHRONISED, id="it has no time itself"),
    pytest.param(14, Layer.CLOSED_THERE, id="nothing listens there"),
    pytest.param(15, Layer.NO_ANSWER, id="a firewall there drops requests"),
    pytest.param(16, Layer.CLOSED_HERE, id="a firewall here drops requests"),
    pytest.param(17, Layer.NO_ROUTE, id="the route is unreachable"),
    pytest.param(18, Layer.NTS_EXPIRED, id="an expired certificate"),
    pytest.param(19, Layer.NTS_NAME, id="a certificate for another name"),
    pytest.param(20, Layer.NTS_CONNECTION, id="nothing listens at 4460"),
    pytest.param(21, Layer.NTS_CONNECTION, id="a firewall drops 4460"),
    pytest.param(22, Layer.NOSELECT, id="noselect"),
    pytest.param(24, Layer.OFFLINE, id="the option offline"),
    pytest.param(25, Layer.KEY_MISSING, id="the key file here lacks the key"),
    pytest.param(26, Layer.CLOSED_THERE, id="a chronyd that denies everybody opens no port"),
    pytest.param(27, Layer.NTS_UNTRUSTED, id="a certificate of an unknown authority"),
    pytest.param(28, Layer.MAC_WRONG, id="answers with a wrong MAC"),
    pytest.param(29, Layer.NTS_REFUSED, id="long NTP packets are dropped on the path"),
    pytest.param(30, Layer.DENIED, id="the kiss code DENY"),
    pytest.param(31, Layer.KEY_REFUSED, id="the id is unknown there"),
    pytest.param(32, Layer.NTS_TLS, id="the key of another certificate there"),
    pytest.param(33, Layer.NTS_EARLY, id="a certificate that is not valid yet"),
]


@pytest.mark.parametrize(("number", "layer"), RECORDED)
def test_the_layer_of_a_recorded_fault_is_named(number: int, layer: Layer) -> None:
    assert FAULTS[f"198.18.130.{number}"].layer is layer


def test_a_name_without_an_address_is_named_and_the_good_source_has_no_fault() -> None:
    assert FAULTS["nowhere.invalid"].layer is Layer.NAME
    assert "nowhere.invalid" in FAULTS["nowhere.invalid"].seen
    assert len(FAULTS) == len(RECORDED) + 1


def test_the_words_of_the_kernel_and_of_chronyd_are_shown() -> None:
    assert FAULTS["198.18.130.17"].seen == "the host has no route to it: No route to host"
    assert FAULTS["198.18.130.19"].seen.endswith("The name in the certificate does not match the expected")
    assert FAULTS["198.18.130.28"].seen.endswith("answers have no valid MAC of key 1")


def test_a_host_without_bash_reports_the_view_of_chronyd() -> None:
    found = recorded(plain_requests="")
    layers = {address.rpartition(".")[2]: fault.layer for address, fault in found.items()}
    assert (layers["13"], layers["28"], layers["30"]) == (Layer.UNSYNCHRONISED, Layer.MAC_WRONG, Layer.DENIED)
    assert (layers["12"], layers["17"]) == (Layer.NO_ANSWER, Layer.NO_ANSWER)
    assert "the host has no bash to send one" in found["198.18.130.17"].seen


def test_answers_without_fields_and_lists_that_differ_tell_nothing() -> None:
    found = recorded(selectdata="501 Not authorised", every_name="501 Not authorised")
    assert "nowhere.invalid" not in found
    assert found["198.18.130.22"].layer is Layer.UNKNOWN
    assert "nowhere.invalid" not in recorded(every_name=SAID["every name"].partition("\n")[2])


def test_a_pool_with_fewer_addresses_than_places_has_no_fault() -> None:
    line = "^,?,{},0,6,0,4294967295,0.0,0.0,0.0\n"
    places = line.format("198.19.0.7") + line.format("ID#0000000001")
    signs = parse_signs({"every source": places, "every name": line.format("pool.example") * 2})
    assert (signs.unresolved, signs.names["198.19.0.7"]) == ((), "pool.example")


def layer_of(association: Association, signs: Signs, *, source: object = SILENT) -> Layer | None:
    """Return the layer of the one source with these signs."""
    assert isinstance(source, type(SILENT))
    fault = source_faults((source,), (association,), signs).get(source.name)
    if fault is None:
        return None
    return fault.layer


def asked(said: str) -> Mapping[str, PlainRequest]:
    """Return what a line of the host's own requests says."""
    return parse_signs({"plain requests": f"198.19.0.8 {said}\n"}).plain_requests


HEAD = "head: error reading 'standard input': "
KERNEL = [
    ("environment: connect: Network is unreachable", Layer.NO_ROUTE),
    ("environment: connect: Permission denied", Layer.NO_ROUTE),
    ("environment: connect: Invalid argument", Layer.NO_ROUTE),
    ("environment: connect: Cannot assign requested address", Layer.NO_ROUTE),
    (f"{HEAD}No route to host", Layer.NO_ROUTE),
    ("environment: line 8: printf: write error: Operation not permitted", Layer.CLOSED_HERE),
    (f"{HEAD}Connection refused", Layer.CLOSED_THERE),
    ("", Layer.NO_ANSWER),
    ("bash: fork: retry: Resource temporarily unavailable", Layer.NO_ANSWER),
    ("24 01" + " 00" * 46, Layer.NOT_YET),
    ("e4 00" + " 00" * 46, Layer.UNSYNCHRONISED),
    ("24 10" + " 00" * 46, Layer.UNSYNCHRONISED),
    ("e4 02" + " 00" * 46, Layer.UNSYNCHRONISED),
    ("e4 00" + " 00" * 10 + " 52 41 54 45" + " 00" * 32, Layer.RATE),
    ("e4 00" + " 00" * 10 + " 52 53 54 52" + " 00" * 32, Layer.DENIED),
    ("e4 00" + " 00" * 10 + " 49 4e 49 54" + " 00" * 32, Layer.UNSYNCHRONISED),
]


@pytest.mark.parametrize(("said", "layer"), KERNEL)
def test_what_a_request_without_a_key_met_tells_the_layer(said: str, layer: Layer) -> None:
    assert layer_of(PLAIN, Signs(plain_requests=asked(said))) is layer


def test_a_key_that_is_not_answered_comes_with_the_command_that_tells_why() -> None:
    (fault,) = source_faults((SILENT,), (KEYED,), Signs(plain_requests={"198.19.0.8": ANSWERED})).values()
    assert "inv status --host CLIENT --host SERVER tells which" in fault.advice


OFFLINE = "Source 198.19.0.8 offline"
SIGNS = [
    pytest.param(KEYED, {}, Layer.KEY_REFUSED, id="a key that is not answered"),
    pytest.param(replace(KEYED, answers=2), {}, Layer.MAC_WRONG, id="answers with a wrong MAC"),
    pytest.param(replace(KEYED, key_bits=0, sent=0), {}, Layer.KEY_MISSING, id="no such key here"),
    pytest.param(replace(PLAIN, sent=0), {}, Layer.CLOSED_HERE, id="chronyd alone may not send"),
    pytest.param(replace(PLAIN, sent=0), {"offline": 1}, Layer.OFFLINE, id="the option offline"),
    pytest.param(PLAIN, {"offline": 2, "log": (OFFLINE,)}, Layer.OFFLINE, id="it was put offline"),
    pytest.param(
        PLAIN,
        {"offline": 2, "log": (OFFLINE, "Source 198.19.0.8 online")},
        Layer.NOT_YET,
        id="it was put online again",
    ),
    pytest.param(PLAIN, {"offline": 2, "log": ("Source 198.19.0.80 offline",)}, Layer.NOT_YET, id="another one was"),
    pytest.param(PLAIN, {"offline": 1}, Layer.OFFLINE, id="all sources are offline"),
    pytest.param(PLAIN, {"log": ("Received KoD RATE from 198.19.0.8",)}, Layer.RATE, id="RATE in the log"),
    pytest.param(PLAIN, {"log": ("Received KoD RATE from 198.19.0.80",)}, Layer.NOT_YET, id="RATE of another one"),
    pytest.param(NTS, {}, Layer.NTS_CONNECTION, id="NTS-KE, and the log says nothing"),
    pytest.param(
        NTS, {"log": ("NTS-KE not supported by 198.19.0.8:4460 (a)",)}, Layer.NTS_RESPONSE, id="no server with NTS"
    ),
    pytest.param(
        NTS,
        {"log": ("Received invalid NTS-KE response from ntp.example",), "names": {"198.19.0.8": "ntp.example"}},
        Layer.NTS_RESPONSE,
        id="a line with the name alone",
    ),
    pytest.param(NTS, {"log": ("Could not create TLS session : x",)}, Layer.NTS_CONNECTION, id="a line of no source"),
    pytest.param(
        replace(NTS, key_bits=256, sent=4, refused_cookies=3), {}, Layer.NTS_REFUSED, id="cookies that are refused"
    ),
]


@pytest.mark.parametrize(("association", "signs", "layer"), SIGNS)
def test_signs_tell_the_layer(association: Association, signs: dict[str, object], layer: Layer) -> None:
    all_signs = Signs(plain_requests={"198.19.0.8": ANSWERED}, **signs)  # type: ignore[arg-type]
    assert layer_of(association, all_signs) is layer


SELECTION = [
    ("N", Layer.NOSELECT),
    ("M", Layer.SAMPLES),
    ("s", UNSYNCHRONISED.layer),
    ("r", Layer.STRATUM),
    ("d", Layer.DISTANCE),
    ("~", Layer.JITTER),
    ("w", Layer.WAITS),
    ("W", Layer.WAITS),
    ("S", Layer.STALE),
    ("O", Layer.ORPHAN),
    ("T", Layer.NOT_TRUSTED),
    ("x", Layer.FALSETICKER),
    ("!", Layer.UNKNOWN),
    *((letter, None) for letter in "*+DLPU"),
]


@pytest.mark.parametrize(("letter", "layer"), SELECTION)
def test_a_source_that_answers_is_not_selected_for_a_reason(letter: str, layer: Layer | None) -> None:
    signs = Signs(selection={"198.19.0.8": Selection(state=letter, excluded=False)})
    assert layer_of(PLAIN, signs, source=REACHED) is layer


JUMP = "Forward time jump detected!"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        pytest.param([], "it has too few measurements yet", id="chronyd has just started"),
        pytest.param([JUMP], "chronyd saw the clock jump", id="the machine was paused"),
        pytest.param(["Selected source 198.19.0.8", JUMP], "chronyd saw the clock jump", id="it was good before"),
        pytest.param([JUMP, "Selected source 198.19.0.8"], "it has too few measurements yet", id="that is long ago"),
    ],
)
def test_a_jump_of_the_clock_is_why_measurements_are_missing(tmp_path: Path, log: list[str], words: str) -> None:
    reports = GOOD.replace(",*,", ",?,")
    said = sections(shown(tmp_path, reports, "1,0,0,0,0", journal="\n".join(log)))
    signs = replace(parse_signs(said), selection={"198.19.0.8": Selection(state="M", excluded=False)})
    fault = source_faults((REACHED,), (replace(PLAIN, received=4, answers=4),), signs)["198.19.0.8"]
    assert fault.layer is Layer.SAMPLES
    assert words in fault.seen


def test_authselectmode_excludes_a_source_without_a_key() -> None:
    line = "N,198.19.0.8,N,-,-,-,-,-,N,-,-,-,-,0,1.0,0.0,0.0,Normal\n"
    signs = parse_signs({"selectdata": line})
    assert layer_of(PLAIN, signs, source=REACHED) is Layer.EXCLUDED


def test_without_selectdata_the_state_tells_as_much_as_it_can() -> None:
    for state, layer in (("*", None), ("-", None), ("x", Layer.FALSETICKER), ("~", Layer.JITTER), ("?", Layer.UNKNOWN)):
        assert layer_of(PLAIN, Signs(), source=replace(REACHED, state=state)) is layer


def test_a_reference_clock_has_no_way_to_it_and_a_good_source_no_fault() -> None:
    clock = replace(SILENT, mode="#", name="PPS")
    selection = {"PPS": Selection(state="M", excluded=False)}
    assert source_faults((clock,), (), Signs(selection=selection))["PPS"].layer is Layer.SAMPLES
    assert layer_of(replace(PLAIN, received=4, answers=4), Signs(), source=SELECTED) is None


def test_where_chronyc_shows_no_counters_a_silent_source_has_no_answer() -> None:
    fault = source_faults((SILENT,), (), Signs())["198.19.0.8"]
    assert (fault.layer, fault.seen) == (Layer.NO_ANSWER, "it does not answer; chronyc shows no more of it")


def test_a_selected_source_whose_answers_end_has_a_fault() -> None:
    signs = Signs(plain_requests={"198.19.0.8": PlainRequest(outcome=RequestOutcome.SILENCE)})
    assert layer_of(replace(PLAIN, received=4), signs, source=replace(SELECTED, reach=0)) is Layer.NO_ANSWER


def test_a_text_names_three_faults() -> None:
    fault = SourceFault(layer=Layer.NO_ROUTE, seen="a", advice="b")
    assert faults_text({"1": fault}) == "1: no-route: a; b"
    assert faults_text(dict.fromkeys("12345", fault)).endswith("3: no-route: a; b; and 2 more")


def shown(folder: Path, reports: str, activity: str, journal: str = "") -> str:
    """Return what the script shows of sources with these reports; chronyc and journalctl say what they are asked.

    Or the latter says what is in the journal.
    """
    for name in ("chronyc", "journalctl"):
        program = folder / name
        program.write_text(f"#!/bin/sh\ncase $* in *activity) echo '{activity}' ;; *) echo {name} $* ;; esac\n")
        program.chmod(0o755)
    if journal:
        (folder / "journal").write_text(f"{journal}\n")
        (folder / "journalctl").write_text(f"#!/bin/sh\ncat {folder}/journal\n")
    text = f"PATH={folder}:$PATH\n{scripts.functions('print_status')}\nshow_source_faults chronyc 1"
    done = subprocess.run(["sh", "-c", text], input=reports, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


GOOD = f"{SAID['tracking'].strip()}\n^,*,127.0.0.2,1,4,377,6,-0.000002,-0.000003,0.00002\n"


@pytest.mark.parametrize("activity", ["1,0,0,0,0", "506 Cannot talk to daemon"])
def test_where_all_sources_give_time_only_a_count_is_asked_for(tmp_path: Path, activity: str) -> None:
    assert shown(tmp_path, GOOD, activity) == ""


def test_of_a_name_without_an_address_only_the_names_are_shown(tmp_path: Path) -> None:
    assert list(sections(shown(tmp_path, GOOD, "1,0,0,0,1"))) == ["activity", "every source", "every name"]


def test_a_silent_source_is_plain_requests(tmp_path: Path) -> None:
    ntpdata = ",".join(["127.0.0.2", "7F000002", "9", *["0"] * 24, "No", *["0"] * 6])
    odd = ntpdata.replace("127.0.0.2", "127.0.0.3;id")
    reports = f"{GOOD.replace(',377,', ',0,')}^,?,127.0.0.3;id,0,0,0,0,0,0,0\n{ntpdata}\n{odd}\n"
    said = sections(shown(tmp_path, reports, "1,0,0,0,0"))
    asked = said["plain requests"]
    # Nothing listens at port 9 of this machine.
    assert asked.startswith("127.0.0.2 ")
    assert "Connection refused" in asked
    assert "127.0.0.3" not in asked
    assert said["selectdata"] == "chronyc -c -n selectdata"


def test_a_reference_clock_and_a_source_without_a_valid_mac_are_looked_at(tmp_path: Path) -> None:
    clock = "#,?,PPS,0,4,0,4294967295,0.0,0.0,0.0\n"
    assert "selectdata" in sections(shown(tmp_path, GOOD + clock, "1,0,0,0,0"))
    ntpdata = ",".join(["127.0.0.2", "7F000002", "9", *["0"] * 24, "No", *["0"] * 6])
    keyed = f"{GOOD}127.0.0.2,SK,7,13,128,4294967295,0,0,0,0\n{ntpdata}\n"
    assert "127.0.0.2" in sections(shown(tmp_path, keyed, "1,0,0,0,0"))["plain requests"]


def test_a_source_without_a_key_here_and_one_that_answers_are_not_asked(tmp_path: Path) -> None:
    ntpdata = ",".join(["127.0.0.2", "7F000002", "9", *["0"] * 24, "No", *["0"] * 6])
    keyless = f"{GOOD}127.0.0.2,SK,7,0,0,4294967295,0,0,0,0\n{ntpdata}\n"
    falseticker = f"{GOOD.replace(',*,', ',x,')}{ntpdata}\n"
    for reports in (keyless, falseticker):
        said = sections(shown(tmp_path, reports, "1,0,0,0,0"))
        assert (said["selectdata"], said["plain requests"]) == ("chronyc -c -n selectdata", "")
