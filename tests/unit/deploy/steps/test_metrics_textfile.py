"""The metrics that a host writes for node_exporter: how a host differs, and what becomes of files that are not ours."""

import subprocess
from pathlib import Path

import pytest

from provision.common.errors import ParseError
from provision.deploy.steps.metrics_textfile import FILE, SCRIPT, SERVICE, TIMER, MetricsTextfile
from provision.host import scripts
from tests.helpers.step_samples import digest

FOLDER = "/srv/metrics"
LINK = f"{FOLDER}/chrony-provision.prom"
WANTED = MetricsTextfile(folder=FOLDER, service="s", timer="t", script="x")
OURS = f"{SERVICE} {digest('s')}\n{TIMER} {digest('t')}\n{SCRIPT} {digest('x')}"
FRESH = f"{OURS}\ntimer enabled active\nage 12\nlink ours"
MOVE = "not from this tool: move it away, or leave service.metrics out of the site"

DRIFTS = [
    pytest.param(MetricsTextfile(), "", None, id="none wanted and none there"),
    pytest.param(
        MetricsTextfile(), f"foreign {TIMER}\n{TIMER} {digest('y')}", None, id="the administrator's timer stays"
    ),
    pytest.param(MetricsTextfile(), OURS, f"not needed: {SCRIPT} {SERVICE} {TIMER}", id="none wanted"),
    pytest.param(WANTED, "timer disabled inactive\nlink missing", f"missing: {SCRIPT}", id="nothing yet"),
    pytest.param(WANTED, FRESH, None, id="as wanted"),
    pytest.param(WANTED, FRESH.replace(digest("t"), digest("y")), f"{TIMER} differs", id="another timer"),
    pytest.param(
        WANTED,
        FRESH.replace("enabled active", "enabled inactive"),
        "chronyd-metrics.timer is enabled, inactive",
        id="off",
    ),
    pytest.param(
        WANTED,
        FRESH.replace("age 12", "age 121"),
        f"{FILE} is 121 s old: see systemctl status chronyd-metrics.service",
        id="a stale file",
    ),
    pytest.param(WANTED, FRESH.replace("age 12", "age -7200"), None, id="a clock that was set back"),
    pytest.param(WANTED, FRESH.replace("age 12\n", ""), f"missing: {FILE}", id="no file"),
    pytest.param(WANTED, FRESH.replace("link ours", "link missing"), f"missing: {LINK}", id="no link"),
    pytest.param(WANTED, FRESH.replace("link ours", "link no-folder"), None, id="no node_exporter"),
    pytest.param(WANTED, FRESH.replace("link ours", "link foreign"), f"{LINK}: {MOVE}", id="another file"),
    pytest.param(
        WANTED, f"foreign {SERVICE}\nforeign {TIMER}", f"{SERVICE} {TIMER}: {MOVE}", id="units of the administrator"
    ),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: MetricsTextfile, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words


def test_an_age_that_is_no_number_could_not_be_read() -> None:
    with pytest.raises(ParseError):
        WANTED.drift(FRESH.replace("age 12", "age ?"))


def test_a_note_says_that_no_exporter_reads_the_metrics() -> None:
    assert WANTED.notes(FRESH) == ()
    (note,) = WANTED.notes(FRESH.replace("link ours", "link no-folder"))
    assert note.startswith(f"nothing reads the metrics in {FILE}: there is no {FOLDER}; install node_exporter")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Return a folder with our units, script, file and link, as on a host."""
    for name in ("units/timers.target.wants", "run", "node"):
        (tmp_path / name).mkdir(parents=True)
    file, link = tmp_path / "run/chrony.prom", tmp_path / "node/chrony-provision.prom"
    for name in ("chronyd-metrics.service", "chronyd-metrics.timer"):
        (tmp_path / "units" / name).write_text(f"# Managed by chrony-provision\nLink={link}\n")
    (tmp_path / "units/timers.target.wants/chronyd-metrics.timer").symlink_to("../chronyd-metrics.timer")
    for path in (file, tmp_path / "script"):
        path.write_text("x")
    link.symlink_to(file)
    return tmp_path


def remove(host: Path) -> list[str]:
    """Remove all; return what systemctl was told."""
    words = f"systemctl() {{ echo \"$*\"; }}\nremove_metrics '{host}/units' '{host}/script' '{host}/run/chrony.prom'"
    script = f"{scripts.functions('remove_metrics')}{scripts.code('remove_metrics')}{words}"
    done = subprocess.run(["sh", "-euc", script], check=True, capture_output=True, text=True, timeout=20)
    return done.stdout.splitlines()


def files(host: Path) -> list[str]:
    return sorted(str(path.relative_to(host)) for path in host.rglob("*") if not path.is_dir())


def test_all_deployed_files_are_removed_and_a_second_removal_is_no_error(host: Path) -> None:
    remove(host)
    assert files(host) == []
    remove(host)


def test_a_service_that_is_stopped_while_it_writes_is_not_left_as_a_failed_one(host: Path) -> None:
    told = remove(host)
    assert told.index("stop chronyd-metrics.timer") < told.index("stop chronyd-metrics.service")
    assert told[-1] == "reset-failed chronyd-metrics.service"


def test_foreign_files_stay(host: Path) -> None:
    link = host / "node/chrony-provision.prom"
    link.unlink()
    link.write_text("mine")
    (host / "units/chronyd-metrics.timer").write_text("[Timer]\n")
    remove(host)
    assert files(host) == [
        "node/chrony-provision.prom",
        "units/chronyd-metrics.timer",
        "units/timers.target.wants/chronyd-metrics.timer",
    ]


def look(host: Path) -> list[str]:
    paths = (f"{host}/units/chronyd-metrics.service", f"{host}/units/chronyd-metrics.timer", f"{host}/script")
    words = (*paths, f"{host}/run/chrony.prom", f"{host}/node/chrony-provision.prom")
    script = f"systemctl() {{ echo active; }}\n{scripts.load('look_metrics', *words)}"
    done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True, timeout=20)
    return [line for line in done.stdout.splitlines() if not line.startswith(str(host))]


def test_the_look_tells_the_timer_the_age_and_the_link(host: Path) -> None:
    timer, age, link = look(host)
    assert (timer, age.split()[0], link) == ("timer enabled active", "age", "link ours")
    assert 0 <= int(age.split()[1]) < 60


@pytest.mark.parametrize("kind", ["missing", "foreign", "no-folder"])
def test_the_look_recognises_a_foreign_link(host: Path, kind: str) -> None:
    link = host / "node/chrony-provision.prom"
    link.unlink()
    if kind == "foreign":
        link.symlink_to("/nowhere")
    elif kind == "no-folder":
        link.parent.rmdir()
    assert look(host)[-1] == f"link {kind}"
