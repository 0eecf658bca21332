"""The script that lets chronyd serve with a renewed certificate, with fakes of systemctl and of the trial."""

import getpass
import subprocess
from pathlib import Path

import pytest

from provision.host import scripts

ANSWERED = "==> nts right\nanswered\n"
REFUSED = "==> nts right\nrefused\nThe certificate and the given key do not match\n"
SYSTEMCTL = """#!/bin/sh
if flock -n {home}/root/locks/switch true; then echo "beside a switch"; else echo restarted; fi >>{home}/restarts
[ ! -e {home}/before-restart ] || . {home}/before-restart
cp {home}/nts.crt {home}/nts.key {home}/served
"""
FLOCK = """#!/bin/sh
[ "$1" != -w ] || [ ! -e {home}/during-wait ] || . {home}/during-wait
PATH=${{PATH#*:}} exec flock "$@"
"""
"""It lets a switch pass before the lock is there, if the hook says so."""
TRIAL = """
cat "$1/../credentials/nts.crt" >>{home}/tried
sh -c "$3"
[ ! -e {home}/during-trial ] || . {home}/during-trial
cat {home}/outcome
"""
"""In place of as_builder: it notes what is tried, and prints what a rehearsal would."""


class Host:
    """The files of a host, and the script with their paths; each hook is sh that runs once, at its time."""

    def __init__(self, home: Path, address: str = "127.0.0.1") -> None:
        self.home = home
        for folder in ("served", "root/current", "root/locks", "bin"):
            (home / folder).mkdir(parents=True)
        (home / "root/current/chronyd.service").write_text(f"LoadCredential=nts.crt:{home}/nts.crt\n")
        self.put("old", home / "served")
        self.put("new")
        self.trial_says(ANSWERED)
        programs = {"systemctl": SYSTEMCTL, "flock": FLOCK, "sleep": "#!/bin/sh\n", "unshare": "#!/bin/sh\nexit 1\n"}
        for name, text in programs.items():
            (home / "bin" / name).write_text(text.format(home=home))
            (home / "bin" / name).chmod(0o755)
        values = {
            "root": f"{home}/root",
            "certificate": f"{home}/nts.crt",
            "key": f"{home}/nts.key",
            "name": "ntp1.example",
            "address": address,
            "authority": "PEM",
            "other_name": "other.example",
            "other_authority": "PEM",
            "account": getpass.getuser(),
            "rehearse": f'printf "<%s>" "$@" >{home}/words',
            "as_builder": TRIAL.format(home=home),
        }
        self.script = home / "nts-renewal"
        self.script.write_text(self.here(scripts.load_with("nts_renewal", values)))

    def here(self, text: str) -> str:
        """Return a script with the paths and programs of this host."""
        text = text.replace("/run/chrony-nts-renewal", f"{self.home}/run").replace(
            "PATH=/usr", f"PATH={self.home}/bin:/usr"
        )
        return text.replace("/run/credentials/chronyd.service", f"{self.home}/served")

    def put(self, name: str, folder: Path | None = None) -> None:
        """Write a pair that has a name."""
        for file in ("nts.crt", "nts.key"):
            ((folder or self.home) / file).write_text(f"{file} {name}\n")

    def trial_says(self, text: str) -> None:
        """Set the output of each trial."""
        (self.home / "outcome").write_text(text)

    def hook(self, name: str, *lines: str) -> None:
        """Let these lines run once, ``during-trial``, ``during-wait`` for the lock, or ``before-restart``."""
        path = self.home / name
        path.write_text("\n".join((f"rm {path}", *lines, "")))

    def run(self) -> int:
        """Run the script, as its service does; return its exit status."""
        words = ["dash", str(self.script)]
        done = subprocess.run(words, check=False, capture_output=True, timeout=60, start_new_session=True)
        return done.returncode

    def read(self, name: str) -> str:
        """Return a file of the host; empty if it does not exist."""
        path = self.home / name
        return path.read_text() if path.exists() else ""

    @property
    def refusal(self) -> str:
        """The reason that the host shows for the files that it has now."""
        script = f"{self.here(scripts.text('nts_files'))}\nrefusal_of {self.home}/nts.crt {self.home}/nts.key"
        return subprocess.run(["dash", "-c", script], check=True, capture_output=True, text=True).stdout.strip()


LOADED = "==> ask 127.0.0.1 plain\nanswered\n==> daemon\nrunning\n==> log\nInitial frequency 0.0 ppm\n==> finished\n"
FAULT = "Could not set credentials : The certificate and the given key do not match"
"""What chronyd says of a pair that it cannot load; it runs on without it."""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_good_pair_is_tried_once_and_served(host: Host) -> None:
    assert host.run() == 0
    assert (host.read("tried"), host.read("restarts")) == ("nts.crt new\n", "restarted\n")
    assert host.read("served/nts.key") == "nts.key new\n"
    assert not (host.home / "run/trial").exists()


def test_a_bad_pair_is_refused_with_the_reason_until_a_good_one_comes(host: Host) -> None:
    host.trial_says(REFUSED)
    assert host.run() == 1
    assert host.refusal == "The certificate and the given key do not match"
    assert (host.read("restarts"), host.read("served/nts.crt")) == ("", "nts.crt old\n")
    host.trial_says(ANSWERED)
    assert host.run() == 0
    assert host.read("run/refused") == ""


def test_files_that_change_during_their_trial_are_tried_again_as_systemd_does_not_see_it(host: Host) -> None:
    home = host.home
    host.trial_says(REFUSED)
    host.hook(
        "during-trial",
        f"cat {home}/outcome",
        f"printf '{ANSWERED}' >{home}/outcome",
        f"echo 'nts.key later' >{home}/nts.key",
        "exit",
    )
    assert host.run() == 0
    assert (host.read("run/refused"), host.read("served/nts.key")) == ("", "nts.key later\n")


def test_only_files_that_were_tried_are_given_to_chronyd(host: Host) -> None:
    host.hook("during-trial", f"echo 'nts.crt later' >{host.home}/nts.crt")
    assert host.run() == 0
    assert (host.read("tried"), host.read("restarts")) == ("nts.crt new\nnts.crt later\n", "restarted\n")


def test_a_pair_that_chronyd_got_without_a_trial_is_tried_and_named_if_it_is_bad(host: Host) -> None:
    home = host.home
    host.hook("before-restart", f"echo 'nts.crt half' >{home}/nts.crt", f"printf '{REFUSED}' >{home}/outcome")
    assert host.run() == 1
    assert host.read("served/nts.crt") == "nts.crt half\n"
    assert host.refusal == "The certificate and the given key do not match"
    # The timer looks at it again, and it is still refused, until it is good after all.
    assert host.run() == 1
    assert host.refusal == "The certificate and the given key do not match"
    host.trial_says(ANSWERED)
    assert (host.run(), host.refusal) == (0, "")
    assert host.read("restarts") == "restarted\n"


def test_a_switch_that_has_given_the_files_to_chronyd_meanwhile_is_not_followed_by_a_restart(host: Host) -> None:
    home = host.home
    host.hook("during-wait", f"cp {home}/nts.crt {home}/nts.key {home}/served")
    assert (host.run(), host.read("restarts"), host.refusal) == (0, "", "")


def test_a_generation_without_the_files_to_which_a_switch_was_made_meanwhile_is_left_alone(host: Host) -> None:
    host.hook("during-wait", f"echo >{host.home}/root/current/chronyd.service")
    assert (host.run(), host.read("restarts"), host.refusal) == (0, "", "")


def test_the_reason_is_that_of_these_files_alone(host: Host) -> None:
    host.trial_says(REFUSED)
    assert host.run() == 1
    host.put("good after all")
    assert host.refusal == ""


def test_a_script_that_is_stopped_during_a_trial_leaves_no_copy_of_the_key(host: Host) -> None:
    # As systemd does: it sends the signal to all processes of the service.
    host.hook("during-trial", "kill -TERM 0")
    assert host.run() != 0
    copies = [path for path in host.home.rglob("credentials") if path.is_dir()]
    assert copies == []


def test_without_the_output_of_a_trial_nothing_is_served(host: Host) -> None:
    host.hook("during-trial", f"rm {host.home}/run/trial/said")
    assert host.run() == 1
    assert (host.read("restarts"), host.refusal) == ("", "the trial has left no output")


def test_files_that_never_rest_are_refused_in_the_end(host: Host) -> None:
    # Not removed: it runs each time.
    (host.home / "during-trial").write_text(f"echo more >>{host.home}/nts.key\n")
    assert host.run() == 1
    assert "changes again and again" in host.refusal
    assert host.read("restarts") == ""


@pytest.mark.parametrize("changes", [0, 3, 4])
def test_files_that_rest_at_one_of_the_five_tries_are_served_and_not_refused(host: Host, changes: int) -> None:
    home = host.home
    (home / "during-trial").write_text(f"[ $(wc -l <{home}/tried) -gt {changes} ] || echo more >>{home}/nts.key\n")
    assert (host.run(), host.refusal, host.read("run/refused")) == (0, "", "")
    assert host.read("tried") == "nts.crt new\n" * (changes + 1)
    assert host.read("restarts") == "restarted\n"
    assert host.read("served/nts.key") == host.read("nts.key") == "nts.key new\n" + "more\n" * changes


def test_files_that_chronyd_got_in_place_of_those_of_the_last_try_are_not_taken_for_good(host: Host) -> None:
    home = host.home
    (home / "during-trial").write_text(f"[ $(wc -l <{home}/tried) -gt 4 ] || echo more >>{home}/nts.key\n")
    host.hook("before-restart", f"echo 'nts.crt half' >{home}/nts.crt")
    assert host.run() == 1
    assert "changes again and again" in host.refusal


@pytest.mark.parametrize(
    "meanwhile", ["echo >{home}/root/current/chronyd.service", "rm {home}/served/nts.crt {home}/served/nts.key"]
)
def test_a_switch_or_a_stop_of_chronyd_during_the_last_try_is_no_refusal(host: Host, meanwhile: str) -> None:
    home = host.home
    (home / "during-trial").write_text(f"[ $(wc -l <{home}/tried) -gt 4 ] || echo more >>{home}/nts.key\n")
    host.hook("during-wait", f"[ $(wc -l <{home}/tried) -lt 5 ] || {meanwhile.format(home=home)}")
    assert (host.run(), host.refusal, host.read("restarts")) == (0, "", "")


def test_a_stopped_daemon_reads_the_files_when_it_starts(host: Host) -> None:
    for name in ("nts.crt", "nts.key"):
        (host.home / "served" / name).unlink()
    assert (host.run(), host.read("tried"), host.read("restarts")) == (0, "", "")


def test_a_missing_file_is_named(host: Host) -> None:
    (host.home / "nts.key").unlink()
    assert host.run() == 1
    assert host.refusal.endswith("nts.key is missing")


def test_the_rehearsal_is_told_whom_its_clients_ask(host: Host) -> None:
    assert host.run() == 0
    trial = f"{host.home}/run/trial"
    words = (f"{host.home}/root/current", "", "0", f"{trial}/credentials")
    asked = ("127.0.0.1", "ntp1.example", "PEM", "other.example", "PEM")
    assert host.read("words") == "".join(f"<{word}>" for word in (*words, *asked))


def test_without_an_address_chronyd_has_to_load_the_files_and_nobody_asks_it(tmp_path: Path) -> None:
    host = Host(tmp_path, address="")
    host.trial_says(LOADED)
    assert (host.run(), host.refusal, host.read("restarts")) == (0, "", "restarted\n")
    assert host.read("words") == f"<{tmp_path}/root/current><><0><{tmp_path}/run/trial/credentials>"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(LOADED.replace("Initial", f"2027-01-01T00:00:00Z {FAULT}\nInitial"), FAULT, id="a bad pair"),
        pytest.param(LOADED.replace("running", "ended with status 1"), "Initial frequency 0.0 ppm", id="an end"),
        pytest.param(LOADED.replace("==> finished\n", ""), "Initial frequency 0.0 ppm", id="a trial cut short"),
        pytest.param("no two adjacent ports are free\n", "no two adjacent ports are free", id="no trial"),
        pytest.param("", "no answer", id="no output"),
    ],
)
def test_without_an_address_files_that_chronyd_does_not_load_are_refused(tmp_path: Path, said: str, why: str) -> None:
    host = Host(tmp_path, address="")
    host.trial_says(said)
    assert (host.run(), host.refusal, host.read("restarts")) == (1, why, "")


def test_with_an_address_files_that_chronyd_only_loads_are_refused(host: Host) -> None:
    host.trial_says(LOADED)
    assert (host.run(), host.read("restarts")) == (1, "")
