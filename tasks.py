"""The tasks of ``inv`` in this checkout: the product's, and those for its developers."""

import shutil
import sys

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from provision import cli

namespace = cli.collection()
SCRIPTS = "provision/remote/*.sh benchmarks/*.sh .ci/run"


def _python(context: Context, line: str) -> None:
    """Run a module of this interpreter's environment; exit as it does."""
    done = context.run(f"{sys.executable} -m {line}", warn=True, pty=sys.stdout.isatty())
    if done is None or done.exited != 0:
        raise Exit(code=done.exited if done else 1)


@task(auto_shortflags=False, help={"fast": "only the tests that boot no host", "only": "pytest's -k: tests by name"})
def test(context: Context, fast: bool = False, only: str = "") -> None:  # noqa: FBT001, FBT002 -- a flag
    """Run the tests; those that boot hosts need root on Debian."""
    marker = "-m 'not integration'" if fast else ""
    chosen = f"-k '{only}'" if only else ""
    _python(context, f"pytest {marker} {chosen}")


@task(auto_shortflags=False)
def check(context: Context) -> None:
    """Check format, lint, types and shell scripts, and run the fast tests."""
    _python(context, "ruff format --check .")
    _python(context, "ruff check .")
    _python(context, "mypy")
    if shutil.which("shellcheck") is None:
        raise Exit("shellcheck is not installed: apt-get install shellcheck", code=2)
    context.run(f"shellcheck {SCRIPTS}")
    test(context, fast=True)


@task(auto_shortflags=False, help={"runs": "how often each is measured (default: 3)"})
def bench(context: Context, runs: int = 3) -> None:
    """Measure this tool beside the guide as a script, Ansible and pyinfra, on fresh booted hosts."""
    _python(context, f"benchmarks.run --runs {runs}")


for one in (test, check, bench):
    namespace.add_task(one)
