"""The tasks of ``inv`` in this checkout: the product's, and those for its developers."""

# ruff: noqa: E402 -- see below
import sys

# Invoke forbids Python to keep what it compiles (see --write-pyc): without that each run would compile us anew.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

from importlib.util import find_spec
from pathlib import Path
from shlex import quote

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.main import program
from invoke.tasks import task

from provision.cli import tasks
from provision.cli.program import CommandLine

namespace = tasks.collection()
# The command "inv" is loading this file; Invoke has no other way to change its exit statuses and error messages.
program.__class__ = CommandLine
NO_MKDOCS = "mkdocs-material is not installed; run: .venv/bin/pip install -e '.[docs]'"
SCRIPTS = "benchmarks/*.sh .ci/run"
"""Those that run on hosts are checked by tests/unit/host/test_scripts.py, some of them put together first."""


def _run(context: Context, line: str, **environment: str) -> None:
    """Run a tool of this interpreter's environment; exit as it does."""
    folder = Path(sys.executable).parent
    done = context.run(f"{folder}/{line}", warn=True, pty=sys.stdout.isatty(), env=environment)
    if done is None or done.exited != 0:
        raise Exit(code=done.exited if done else 1)


def _style(context: Context) -> None:
    for line in ("ruff format --check -q .", "ruff check -q .", "mypy", "lint-imports", f"shellcheck {SCRIPTS}"):
        _run(context, line)


def _docs(context: Context) -> None:
    """Build the documentation; a link that leads nowhere is an error."""
    # The theme announces its successor at each start.
    _run(context, "mkdocs build --strict", NO_MKDOCS_2_WARNING="1")


@task(auto_shortflags=False)
def check(context: Context) -> None:
    """Check format, lint, types, shell scripts and documentation, print the yardsticks, and run the fast tests."""
    _style(context)
    if find_spec("material"):
        _docs(context)
    else:
        print(f"documentation not built: {NO_MKDOCS}")
    _run(context, "python .ci/yardsticks.py")
    # Some wait for timers: four at a time keep two cores busy, and who has done all of theirs takes some of another's.
    # Each process that tests, and each that a test starts, would compile us anew if Python might not keep that.
    fast = "pytest tests/unit -m 'not (integration or slow)' -n 4 --dist worksteal --hypothesis-profile=quick"
    # pytest-cov would work out the report twice, once for its sum.
    _run(context, f"{fast} --cov --cov-report= --cov-fail-under=0", PYTHONDONTWRITEBYTECODE="")
    _run(context, "coverage report")


@task(auto_shortflags=False)
def docs(context: Context) -> None:
    """Build the documentation as a site, in the folder site; needs the extra "docs"."""
    if not find_spec("material"):
        raise Exit(f"error: {NO_MKDOCS}", code=2)
    _docs(context)
    print(Path(__file__).parent / "site" / "index.html")


@task(auto_shortflags=False, help={"only": "pytest's -k: tests by name, without the checks of style"})
def test(context: Context, only: str = "") -> None:
    """Run the checks of style and all tests; those that boot hosts need root on Debian."""
    if only:
        _run(context, f"pytest -k '{only}'")
        return
    _style(context)
    # Hosts boot, build and wait for timers; their tests wait for more than half of the time: four at once keep two
    # cores busy. Tests that share hosts stay together (tests/helpers/schedule.py).
    _run(context, "pytest -n 4 --dist loadfile --durations=15")


@task(
    auto_shortflags=False,
    help={"suites": "which of Debian's suites, with commas (default: all that boot without emulation)"},
)
def reach(context: Context, suites: str = "") -> None:
    """Compile, deploy and prove on each platform that this machine boots, and write the table in docs/platforms.md."""
    _run(context, f"python -m benchmarks.reach --write {f'--suites {suites}' if suites else ''}")


@task(auto_shortflags=False)
def reliability(context: Context) -> None:
    """Break deployments on booted hosts in many ways, measure the recovery, and write docs/reliability.md anew."""
    _run(context, "pytest tests/integration/test_reliability.py", WRITE_RELIABILITY="1")


@task(
    auto_shortflags=False,
    help={
        "runs": "how often each is measured (default: 3)",
        "hosts": "many hosts at once, instead of one",
        "sshd": "so many sshd that answer as a host with nothing to do, at most 1000, instead of booted hosts",
    },
)
def bench(context: Context, runs: str = "", sshd: str = "", *, hosts: bool = False) -> None:
    """Measure this tool beside the guide as a script, Ansible and pyinfra, on fresh booted hosts."""
    if not sshd:
        _run(context, f"python -m benchmarks.{'fleet' if hosts else 'run'} --runs {quote(runs or '3')}")
    elif hosts or runs:
        raise Exit("error: --sshd boots no hosts and measures once: leave out --hosts and --runs", code=2)
    else:
        _run(context, f"python -m benchmarks.scale --sshd {quote(sshd)}")


for one in (check, docs, test, reach, reliability, bench):
    namespace.add_task(one)
