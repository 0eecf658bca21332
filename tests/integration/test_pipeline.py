"""The day of a pipeline: plan, deploy and verify in a job that has nothing but a folder and its secrets.

The scripts are those of docs/pipeline.md.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from secrets import token_hex
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers import pipeline_page as page
from tests.helpers.booted_hosts import assert_nowhere, booted, login
from tests.helpers.command_reports import checked_junit
from tests.helpers.host_state import arguments_seen, files_of
from tests.helpers.operators import SITE, accept_key
from tests.helpers.pipeline_jobs import NAMELESS, NOBODY, Job, Ran, pipeline_job
from tests.helpers.report_schema import checked
from tests.integration.conftest import CHECKOUT, Deployed

pytestmark = pytest.mark.integration

PASSWORD = token_hex(16)
ADDRESS = "admin@ntp1.example.com"
"""The host of the page."""


def install_jq() -> None:
    """Install jq on this machine, with which a pipeline reads the reports."""
    if shutil.which("jq") is None:
        install = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install jq"
        subprocess.run(["sh", "-c", install], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def host(worker_id: str) -> Iterator[Sandbox]:
    """A bare host whose administrator has to give sudo a password."""
    with booted(f"it-pipeline-{worker_id}-{CHECKOUT}") as made:
        login(made, f"useradd -m admin && echo 'admin:{PASSWORD}' | chpasswd")
        (made.root / "etc/sudoers.d/admin").write_text("Defaults timestamp_timeout=0\nadmin ALL=(ALL) ALL\n")
        accept_key(made, "admin")
        yield made


@pytest.fixture
def job(host: Sandbox, deployed: Deployed) -> Iterator[Job]:
    """A job with its secrets, and with the cache of an earlier one."""
    secrets = {
        "TIME_KEYS": keys(token_hex(16), token_hex(16)),
        "SSH_KEY": host.key.read_text().strip(),
        "SSH_KNOWN_HOSTS": f"{host.address} {host.host_key}",
        "CHRONY_PROVISION_SUDO_PASSWORD": PASSWORD,
    }
    with pipeline_job(secrets) as made:
        made.variables["GITHUB_STEP_SUMMARY"] = str(made.folder / "summary.md")
        cache = made.folder / "cache/chrony-provision"
        for name in ("artifacts", "sources"):
            shutil.copytree(deployed.operator.artifacts.with_name(name), cache / name)
        made.give_to(NAMELESS)
        yield made


def keys(*secrets: str) -> str:
    """Return the text of a key file."""
    return "\n".join(f"{number} AES128 HEX:{secret}" for number, secret in enumerate(secrets, start=1))


def site(address: str) -> str:
    """Return the site of the page, with another address for its host, and with the time source of sandboxes."""
    return page.SITE.replace(ADDRESS, address) + SITE


class Day:
    """What a pipeline does in a day, in the checkout of its site."""

    def __init__(self, job: Job, host: Sandbox) -> None:
        self.job = job
        self.host = host
        self.folder = job.checkout("site", site(f"admin@{host.address}"))

    def step(self, name: str) -> Ran:
        """Run a step of the workflow for GitHub."""
        return self.job.run(page.github_steps()[name], self.folder)

    def plan(self) -> Ran:
        """Run a plan whose report goes to standard output, alone."""
        command = 'chrony-provision plan --site site.toml --json - >"$JOB/plan.json"'
        ran = self.job.run(f". ./prepare.sh\n{command}", self.folder)
        assert ran.output == ""
        return ran

    def report(self, task: str) -> dict[str, Any]:
        """Return the report of the last command with this task."""
        return checked(json.loads((self.job.folder / f"{task}.json").read_text()))

    def summary(self) -> str:
        """Return the Markdown that steps of the workflow for GitHub have added to the page of the run, and empty it."""
        file = self.job.folder / "summary.md"
        text = file.read_text()
        file.rename(file.with_suffix(".seen"))
        return text

    def gitlab(self, name: str) -> tuple[Ran, Element]:
        """Run a job of the pipeline for GitLab, and return the JUnit file that GitLab shows."""
        ran = self.job.run(page.gitlab_jobs()[name], self.folder)
        (file,) = self.job.folder.glob(page.gitlab_reports()["reports"]["junit"].removeprefix(".job/"))
        root = checked_junit(file.read_text())
        file.rename(file.with_suffix(".seen"))
        return ran, root

    def jq(self, script: str) -> list[str]:
        """Run a line of the page in the folder of the reports, and return the lines that jq prints."""
        ran = self.job.run(script, self.job.folder)
        assert (ran.status, ran.errors) == (0, "")
        return ran.output.splitlines()

    def assert_verified(self) -> None:
        """Assert that every finding holds, as the pipeline sees it."""
        assert self.step("verify").status == 0
        assert self.jq(page.BROKEN) == []
        assert self.jq("jq '[.hosts[].findings[].holds] | all' verify.json") == ["true"]
        assert int(self.jq("jq '.hosts[].findings | length' verify.json")[0]) >= 20


@pytest.fixture
def day(job: Job, host: Sandbox) -> Iterator[Day]:
    """A day, after which no secret is seen anywhere, and nothing is changed but the folder of the job and the host."""
    install_jq()
    made = Day(job, host)
    before = job.checkouts()
    secrets = [PASSWORD, job.variables["SSH_KEY"].splitlines()[2], *hex_digits(job.variables["TIME_KEYS"])]
    with arguments_seen() as arguments:
        yield made
    secrets += hex_digits(job.variables["TIME_KEYS"])
    for secret in secrets:
        assert_nowhere(secret, job.folder, *job.printed, *arguments)
    assert {path: job.checkouts().get(path) for path in before} == before
    places = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")  # noqa: S108 -- where every account may write
    found = subprocess.run(
        ["find", *places, "-maxdepth", "1", "-uid", NAMELESS], check=True, capture_output=True, text=True
    )
    assert found.stdout == ""


def hex_digits(text: str) -> list[str]:
    """Return the secrets of a key file."""
    return [line.partition("HEX:")[2] for line in text.splitlines()]


def test_the_day_of_a_pipeline(day: Day) -> None:
    bare_host_is_planned_and_deployed(day)
    changed_key_is_planned_and_deployed(day)
    drift_is_found_and_repaired(day)
    account_with_a_name_verifies(day)
    bad_input_is_refused(day)
    closed_port_is_not_tried(day)


def bare_host_is_planned_and_deployed(day: Day) -> None:
    ran = day.plan()
    assert ran.status == 3
    assert "Plan: 1 host, 1 to change." in ran.errors
    assert "ntp1 build: " in "\n".join(day.jq(page.PENDING))
    assert day.jq("jq -r '.hosts[].verdict' plan.json") == ["would change"]
    assert day.step("plan").status == 0, "the page allows status 3"
    summary = day.summary()
    assert summary.startswith("### chrony-provision plan\n\nexit status 3, ")
    assert "Plan: 1 host, 1 to change." in summary
    ran, tests = day.gitlab("plan")
    assert ran.status == 0
    assert (tests.get("errors"), tests.get("failures")) == ("0", "0")
    assert len(list(tests.iter("skipped"))) == len(day.jq(page.PENDING))
    assert (day.job.folder / "plan.md").read_text().startswith("### chrony-provision plan\n")

    assert day.step("deploy").status == 0
    assert "| <code>ntp1</code> | server | ok | " in day.summary()
    assert day.jq("jq -r '.hosts[] | .verdict, .ok' deploy.json") == ["ok", "true"]

    ran = day.job.run(f". {day.folder}/prepare.sh\ninv plan --site {day.folder}/site.toml --json -", day.job.tool)
    assert ran.status == 0
    assert json.loads(ran.output)["hosts"][0]["pending"] == 0
    day.assert_verified()


def changed_key_is_planned_and_deployed(day: Day) -> None:
    first, _ = hex_digits(day.job.variables["TIME_KEYS"])
    day.job.variables["TIME_KEYS"] = keys(first, token_hex(16))
    assert day.plan().status == 3
    assert "key 2 changed" in "\n".join(day.jq(page.PENDING))

    for name in ("deploy", "verify"):
        ran, tests = day.gitlab(name)
        assert ran.status == 0
        assert (tests.get("errors"), tests.get("failures")) == ("0", "0")
        assert int(str(tests.get("tests"))) >= 20
    assert day.report("deploy")["hosts"][0]["changed"] > 0
    assert day.report("verify")["exit_status"] == 0


def drift_is_found_and_repaired(day: Day) -> None:
    login(day.host, "systemctl stop chronyd; echo 'allow 0.0.0.0/0' >>/opt/chrony/current/chrony.conf")
    assert day.step("verify").status == 1
    broken = "\n".join(day.jq(page.BROKEN))
    assert "ntp1 process.running: " in broken
    assert "chrony.conf has another content" in broken
    assert "  FAILED       chronyd runs" in day.summary()
    ran, tests = day.gitlab("verify")
    assert ran.status == 1
    failed = [case.get("name") for case in tests.iter("testcase") if case.find("failure") is not None]
    assert [f"ntp1 {name}".partition("[")[0] for name in failed] == [line.split(":")[0] for line in broken.splitlines()]

    assert day.step("deploy").status == 0
    day.assert_verified()


def account_with_a_name_verifies(day: Day) -> None:
    day.job.give_to(NOBODY)
    day.job.variables["HOME"] = "/nonexistent"
    day.assert_verified()
    assert nightly(day) == ""
    assert "| <code>ntp1</code> | server | ok | nothing changed |" in (day.job.folder / "verify.md").read_text()


def nightly(day: Day) -> str:
    """Run the line for cron, and return the mail that cron would send."""
    secrets = day.job.lab / "secrets"
    secrets.write_text("".join(f"{name}='{value}'\n" for name, value in day.job.variables.items()))
    command = page.cron_command().replace("/srv/time", str(day.folder)).replace("/etc/time/secrets", str(secrets))
    ran = Job(day.job.lab, {}, day.job.account, day.job.printed).run(command, day.job.lab)
    secrets.unlink()
    return ran.output + ran.errors


def bad_input_is_refused(day: Day) -> None:
    before, logins = files_of(day.host), logins_at(day.host)
    day.folder = day.job.checkout("typo", site(f"admin@{day.host.address}") + "[serv]\n")
    ran = day.step("deploy")
    assert (ran.status, ran.output) == (2, "")
    assert ran.errors == "error: site.toml: serv: unknown key; did you mean 'serve'?\n"
    assert nightly(day) == ran.errors
    assert day.report("deploy")["hosts"] == []
    assert "**error**: <code>site.toml&#58; serv&#58; unknown key" in (day.job.folder / "verify.md").read_text()
    ran, tests = day.gitlab("plan")
    assert [f"error: {error.get('message')}\n" for error in tests.iter("error")] == [ran.errors]
    assert (files_of(day.host), logins_at(day.host)) == (before, logins)


def logins_at(host: Sandbox) -> int:
    """Return how often the administrator has logged in."""
    return int(login(host, "journalctl -q -o cat -t sshd | grep -c 'Accepted publickey for admin'"))


def closed_port_is_not_tried(day: Day) -> None:
    day.folder = day.job.checkout("closed", site(f"admin@{day.host.address}:1"))
    assert day.step("deploy").status == 2
    assert day.jq("jq -r '.hosts[] | .verdict, .tried' deploy.json") == ["not tried", "false"]
    assert "connection refused" in day.report("deploy")["hosts"][0]["error"]
