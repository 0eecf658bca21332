"""The tasks of ``inv`` in this checkout: the product's, and those for its developers."""

# ruff: noqa: E402 -- see below
import sys

# Invoke forbids Python to keep what it compiles (see --write-pyc): without that each run would compile us anew.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

from pathlib import Path

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from provision import cli

namespace = cli.collection()
SCRIPTS = "provision/remote/*.sh benchmarks/*.sh .ci/run"


def _run(context: Context, line: str, **environment: str) -> None:
    """Run a tool of this interpreter's environment; exit as it does."""
    folder = Path(sys.executable).parent
    done = context.run(f"{folder}/{line}", warn=True, pty=sys.stdout.isatty(), env=environment)
    if done is None or done.exited != 0:
        raise Exit(code=done.exited if done else 1)


def _style(context: Context) -> None:
    for line in ("ruff format --check -q .", "ruff check -q .", "mypy", f"shellcheck {SCRIPTS}"):
        _run(context, line)


@task(auto_shortflags=False)
def check(context: Context) -> None:
    """Check format, lint, types and shell scripts, and run the fast tests."""
    _style(context)
    _run(context, "pytest -m 'not integration'")


@task(auto_shortflags=False, help={"only": "pytest's -k: tests by name, without the checks of style"})
def test(context: Context, only: str = "") -> None:
    """Run every check and every test; those that boot hosts need root on Debian."""
    if only:
        _run(context, f"pytest -k '{only}'")
        return
    _style(context)
    # Hosts boot, build and wait for timers: three at a time keep two cores busy. What a file needs, it boots once.
    _run(context, "pytest -n 3 --dist loadfile --durations=15")


@task(auto_shortflags=False)
def reliability(context: Context) -> None:
    """Break deployments at every place and in every way, on booted hosts, and write docs/reliability.md anew."""
    _run(context, "pytest tests/integration/test_reliability.py", WRITE_RELIABILITY="1")


@task(
    auto_shortflags=False,
    help={"runs": "how often each is measured (default: 3)", "hosts": "many hosts at once, instead of one"},
)
def bench(context: Context, runs: int = 3, *, hosts: bool = False) -> None:
    """Measure this tool beside the guide as a script, Ansible and pyinfra, on fresh booted hosts."""
    _run(context, f"python -m benchmarks.{'fleet' if hosts else 'run'} --runs {runs}")


for one in (check, test, reliability, bench):
    namespace.add_task(one)
