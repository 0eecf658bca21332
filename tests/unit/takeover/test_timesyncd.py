"""timesyncd.conf as lines of chrony."""

import pytest

from provision.common.results import Fate
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.timesyncd import assignments, seconds, translated


def service(*texts: str) -> ExistingService:
    files = [ConfigFile(path=f"/etc/systemd/timesyncd{number}.conf", text=text) for number, text in enumerate(texts)]
    return ExistingService(program=Program.TIMESYNCD, unit="systemd-timesyncd.service", files=tuple(files))


def lines(*texts: str) -> list[str]:
    found, _ = translated(service(*texts))
    return [statement.text for statement in found][:-2]


@pytest.mark.parametrize(
    ("text", "span"),
    [("30", 30), ("1min 30s", 90), ("500ms", 0.5), ("2h", 7200), ("soon", None), ("1 week", None), ("", None)],
)
def test_time_spans(text: str, span: float | None) -> None:
    assert seconds(text) == span


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Time]\nNTP=a b\n", ["server a iburst", "server b iburst"]),
        ("[Time]\nFallbackNTP=c\n", ["server c iburst"]),
        ("[Time]\nNTP=a\nNTP=\nNTP=b\n", ["server b iburst"]),
        ("\ufeff[Time]\nNTP=a\n", ["server a iburst"]),
        ("[Time]\nNTP=a \\\n# comment\n  b \\\n c\n", ["server a iburst", "server b iburst", "server c iburst"]),
        ("[Time]\nNTP=a \\", ["server a iburst"]),
        ("[Other]\nNTP=a\n[Time]\n#NTP=b\n;NTP=c\n", []),
        ("[Time]\nNTP=a\nRootDistanceMaxSec=1min\n", ["server a iburst", "maxdistance 60"]),
        ("[Time]\nNTP=a\nPollIntervalMinSec=64\n", ["server a iburst minpoll 6"]),
        # minpoll is 6 in chrony, and 5 in systemd-timesyncd.
        ("[Time]\nNTP=a\nPollIntervalMaxSec=32\n", ["server a iburst maxpoll 5 minpoll 5"]),
    ],
)
def test_settings(text: str, expected: list[str]) -> None:
    assert lines(text) == expected


def test_files_of_a_folder_add_servers() -> None:
    assert lines("[Time]\nNTP=a\n", "[Time]\nNTP=b\n") == ["server a iburst", "server b iburst"]


def test_servers_of_a_link_are_among_them() -> None:
    network = "[Match]\nName=eth0\n[Network]\nDHCP=yes\nNTP=c d\nNTP=\n[DHCPv4]\nUseNTP=no\n"
    assert lines("[Time]\nNTP=a\n", network) == ["server a iburst", "server c iburst", "server d iburst"]


def test_it_sets_the_clocks() -> None:
    found, _ = translated(service("[Time]\nNTP=a\n"))
    assert [(one.text, one.file, one.line) for one in found[-2:]] == [
        ("rtcsync", "/etc/systemd/timesyncd0.conf", 0),
        ("makestep 1 3", "/etc/systemd/timesyncd0.conf", 0),
    ]


@pytest.mark.parametrize(
    ("text", "fate", "words"),
    [
        ("NTP=a\nFallbackNTP=b", Fate.LOST, "only if NTP= names none"),
        ("NTP=a\nSaveIntervalSec=60", Fate.LOST, "no such setting"),
        ("NTP=a\nPollIntervalMinSec=soon", Fate.LOST, "is no time span"),
        ("NTP=a\nRootDistanceMaxSec=infinity", Fate.LOST, "is no time span"),
        ("NTP=a\nPollIntervalMaxSec=1h", Fate.CHANGED, "maxpoll 12, 4096 s"),
        ("", Fate.CHANGED, "no server is named"),
    ],
)
def test_what_has_no_counterpart_is_named(text: str, fate: Fate, words: str) -> None:
    _, (remark,) = translated(service(f"[Time]\n{text}\n"))
    assert remark.fate is fate
    assert words in remark.why


def test_without_a_file_the_unit_is_named() -> None:
    _, (remark,) = translated(service())
    assert (remark.place, remark.line) == ("systemd-timesyncd.service", "NTP=")


def test_assignments_have_their_place() -> None:
    (found,) = assignments(service("[Time]\nNTP=a b\n"))
    assert (found.words, found.place) == (("NTP", "a", "b"), "/etc/systemd/timesyncd0.conf:2")
