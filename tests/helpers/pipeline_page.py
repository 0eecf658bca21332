"""The files and commands that docs/pipeline.md gives to a pipeline."""

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from tests.helpers.booted_hosts import ROOT

YAML: Any = import_module("invoke.util").yaml
"""Invoke's reader, which has no types."""

PAGE = (ROOT / "docs/pipeline.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
CRON_FIELDS = 6
"""Before the command of a line in /etc/cron.d: five of the time, and the account."""


def block(language: str, words: str) -> str:
    """Return the only block of a language that has these words."""
    (text,) = (found["text"] for found in BLOCK.finditer(PAGE) if found["language"] == language and words in found[0])
    return text


def github_workflow() -> Mapping[str, Any]:
    """Return the job of the workflow for GitHub."""
    workflow: dict[str, Any] = YAML.safe_load(block("yaml", "runs-on"))
    (job,) = workflow["jobs"].values()
    return dict(job)


def github_steps() -> Mapping[str, str]:
    """Return the script of each step with a name, which GitHub gives to ``sh -e``."""
    steps = github_workflow()["steps"]
    return {step["name"]: step["run"] for step in steps if "name" in step}


def gitlab_jobs() -> Mapping[str, str]:
    """Return the script of each job, after the lines that all jobs have before it."""
    pipeline: dict[str, Any] = YAML.safe_load(block("yaml", "before_script"))
    before = pipeline["default"]["before_script"]
    return {name: "\n".join([*before, *job["script"]]) for name, job in pipeline.items() if "script" in job}


def gitlab_reports() -> Mapping[str, Any]:
    """Return the files that GitLab keeps and shows after each job: ``paths``, and ``reports`` by kind."""
    pipeline: dict[str, Any] = YAML.safe_load(block("yaml", "before_script"))
    return dict(pipeline["default"]["artifacts"])


def cron_command() -> str:
    """Return the command of the line for cron."""
    *_, line = block("cron", "MAILTO").splitlines()
    return line.split(maxsplit=CRON_FIELDS)[-1]


PREPARE = block("sh", "ssh-agent")
SITE = block("toml", "printenv")
PENDING, BROKEN = block("sh", "jq -r").splitlines()
"""The commands that print the steps of a plan, and the findings that do not hold."""
