"""The text about the time services of a host where nothing is deployed."""

from dataclasses import replace

from provision.chrony.chronyc.serverstats import Requests
from provision.output.existing import ExistingTime, RunningService, SeenSource, existing_text
from tests.helpers.status_samples import CLOCK, SOURCE

SEEN = SeenSource.of(SOURCE)
CHRONY = RunningService(
    name="chrony.service",
    program="chrony",
    version="4.3",
    configuration="/etc/chrony/chrony.conf",
    unread=(),
    key_ids=(12, 13),
    requests=Requests(received=42, dropped=1),
    clock=CLOCK,
    sources=(SEEN,),
)
TIMESYNCD = replace(
    CHRONY,
    name="systemd-timesyncd.service",
    program="systemd-timesyncd",
    version="",
    configuration="/etc/systemd/timesyncd.conf",
    unread=("/etc/x.conf",),
    key_ids=(),
    requests=None,
    clock=None,
    sources=(replace(SEEN, stratum=None, reach=None, last_answer_seconds=None, offset_seconds=None),),
)
TEXT = """
  service        chrony.service (chrony 4.3), not deployed by this tool
  configuration  /etc/chrony/chrony.conf
  key ids        12, 13
  NTP requests   42 received, 1 dropped
  reference      198.51.100.7, stratum 2, leap normal
  offset         -3 µs, error bound 5 ms
  frequency      -12.500 ppm, skew 0.250 ppm
  source                           state     stratum  poll  reach  last answer  offset   error  authentication
  ntp1.example.net (198.51.100.7)  selected  1        64 s  377    12 s ago     +1.2 ms  4 ms   key 7, valid
  service        systemd-timesyncd.service (systemd-timesyncd), not deployed by this tool
  configuration  /etc/systemd/timesyncd.conf
  not read       /etc/x.conf
  source                           state     stratum  poll  reach  last answer  offset  error  authentication
  ntp1.example.net (198.51.100.7)  selected  -        64 s  -      -            -       4 ms   key 7, valid
  UDP port 123  open
"""


def test_each_value_of_each_service_has_a_line() -> None:
    assert existing_text(ExistingTime(ntp_port_open=True, services=(CHRONY, TIMESYNCD))) == TEXT.strip("\n")


def test_a_source_of_chronyd_without_an_answer_has_no_measurement() -> None:
    silent = SeenSource.of(replace(SOURCE, last_answer_seconds=None, reach=0, stratum=0, offset_seconds=0.0))
    assert (silent.stratum, silent.offset_seconds, silent.error_seconds) == (None, None, None)
    existing = ExistingTime(ntp_port_open=True, services=(replace(CHRONY, sources=(silent,)),))
    assert "selected  -        64 s  000    never        -       -      key 7, valid" in existing_text(existing)


def test_sources_that_are_not_known_are_not_called_none() -> None:
    nothing = replace(CHRONY, configuration="", key_ids=(), requests=None, clock=None, sources=None)
    service = "  service  chrony.service (chrony 4.3), not deployed by this tool"
    for sources, port, words, known in ((None, None, "not known", "not known"), ((), False, "none", "closed")):
        existing = ExistingTime(ntp_port_open=port, services=(replace(nothing, sources=sources),))
        assert existing_text(existing).splitlines() == [service, f"  sources  {words}", f"  UDP port 123  {known}"]


def test_a_service_cannot_write_to_the_terminal() -> None:
    text = existing_text(ExistingTime(ntp_port_open=None, services=(replace(CHRONY, name="x\x1b[2J\n"),)))
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(TEXT.strip().splitlines()) - 5
