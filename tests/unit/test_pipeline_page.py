"""The recipes of docs/pipeline.md agree with each other; tests/integration/test_pipeline.py runs them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from provision.cli.option_task import OptionTask
from provision.cli.tasks import collection
from tests.helpers.pipeline_page import (
    PAGE,
    PREPARE,
    SITE,
    cron_command,
    github_steps,
    github_workflow,
    gitlab_jobs,
    gitlab_reports,
)
from tests.helpers.samples import read_site

COMMAND = re.compile(r"chrony-provision (?P<task>[\w.]+)(?P<options>(?: --[\w-]+ (?:\"[^\"]+\"|\S+))*)")

SHOWN = re.compile(r" --(?:junit|markdown) (?:\"[^\"]+\"|\S+)")
"""The options for a way in which one of the services shows results."""


def commands(text: str) -> dict[str, str]:
    """Return the options of each command of the product, by its task."""
    found = COMMAND.findall(text)
    assert len(found) == len(dict(found))
    return dict(found)


GITHUB = commands("\n".join(github_steps().values()))
OTHERS = [
    pytest.param(commands("\n".join(gitlab_jobs().values())), {"plan", "deploy", "verify"}, id="GitLab"),
    pytest.param(commands(cron_command()), {"verify"}, id="cron"),
]


@pytest.mark.parametrize(("recipe", "tasks"), OTHERS)
def test_recipes_have_the_same_commands(recipe: dict[str, str], tasks: set[str]) -> None:
    same = {task: SHOWN.sub("", options) for task, options in recipe.items()}
    assert same == {task: SHOWN.sub("", GITHUB[task]) for task in tasks}


@pytest.mark.parametrize("recipe", [GITHUB, *(case.values[0] for case in OTHERS)], ids=["GitHub", "GitLab", "cron"])
def test_options_of_a_recipe_exist(recipe: dict[str, str]) -> None:
    for task, options in recipe.items():
        known = collection()[task]
        assert isinstance(known, OptionTask)
        assert set(re.findall(r"--[\w-]+", options)) <= {option.flag for option in known.options}


def test_each_job_of_gitlab_leaves_one_junit_file() -> None:
    assert gitlab_reports()["reports"] == {"junit": ".job/*.xml"}
    for script in gitlab_jobs().values():
        assert re.findall(r'--junit "\$JOB/\w+\.xml"', script) == re.findall(r"--junit \S+", script)
        assert script.count("--junit") == 1, "of two cases with one name, GitLab ignores the second"


def test_each_command_is_prepared() -> None:
    for script in (*github_steps().values(), *gitlab_jobs().values(), cron_command()):
        assert ". ./prepare.sh" in script.partition("chrony-provision")[0]


def test_secrets_of_a_recipe_are_those_of_the_table() -> None:
    table = re.findall(r"^\| `([A-Z_]+)` \| ", PAGE, re.MULTILINE)
    named = set(github_workflow()["env"])
    assert named == set(table) - {"CHRONY_PROVISION_SUDO_PASSWORD"}
    assert named == {name for name in table if f"${name}" in PREPARE + SITE or f"printenv {name}" in SITE}


def test_the_site_of_the_page_is_one(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    assert read_site(site).keys.command is not None


def test_shellcheck_accepts_the_preparation_of_a_job(tmp_path: Path) -> None:
    script = tmp_path / "prepare.sh"
    script.write_text(PREPARE)
    checker = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([checker, "--shell=sh", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
