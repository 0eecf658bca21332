"""The story of the way out: what was there before does its work again."""

from provision.recipe import ROOT
from provision.run import Run
from provision.steps.purged import Purged
from provision.steps.restored import Restored


def uninstall(run: Run, *, purge: bool) -> None:
    """Put back what was there before the first deployment; ``purge`` removes all that we made as well."""
    packages = run.session.host.ask(f"sed -n 's/^packages //p' {ROOT}/made 2>/dev/null || true").split()
    run.converge([Restored(run.who), *([Purged()] if purge else [])])
    if not run.report.changed:
        return
    if not purge:
        run.report.notes.append(f"{ROOT} stays, with its builds, generations and keys: --purge removes it")
    if packages:
        run.report.notes.append(f"packages that were installed to build with stay: {' '.join(packages)}")
