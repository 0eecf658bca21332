"""Restore the time service from before the first deployment, and check that it runs."""

from provision.deploy.proof import Proof
from provision.deploy.run import Run
from provision.deploy.steps import Phase
from provision.deploy.steps.conflicting_services import look_at_services
from provision.deploy.steps.purged import Purged
from provision.deploy.steps.restored import Restored
from provision.host import scripts
from provision.host.paths import ROOT
from provision.verify.checks.time_services import restored_findings
from provision.verify.time_services import parse_restored


def uninstall(run: Run, *, purge: bool) -> None:
    """Restore the time service from before the first deployment; ``purge`` also removes every file of this tool."""
    host = run.session.host
    recorded = host.ask(scripts.load("print_records", ROOT)).splitlines()
    packages: list[str] = []
    services: list[str] = []
    for line in recorded:
        kind, _, names = line.partition(" ")
        if kind == "packages":
            packages += names.split()
        elif kind == "service":
            services += names.split()
    before = tuple(dict.fromkeys(services))
    phases = [Phase("restore", (Restored(run.who),))]
    if purge:
        phases.append(Phase("purge", (Purged(),)))
    run.converge(phases)
    if not run.report.changed:
        return
    running = parse_restored(host.ask(look_at_services()))
    findings = tuple(restored_findings(running, before))
    run.found(Proof(findings))
    if not findings:
        run.report.notes.append("nothing keeps time on this host now, and nothing did before the first deployment")
    if not purge:
        run.report.notes.append(f"{ROOT} stays, with its builds, generations and keys: --purge removes it")
    if packages:
        run.report.notes.append(f"packages that were installed to build with stay: {' '.join(dict.fromkeys(packages))}")
