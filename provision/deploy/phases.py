"""Make the phases of a deployment from a generation, a site and facts, each with its steps in order. Pure.

A deployment is preconditions, build, stage, needs, switch, confirm and links; each phase needs those before it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from provision.build.artifact import Artifact, Compilation
from provision.build.compile import ARTIFACT_MEGABYTES, MEGABYTES, Compiling, Promised, Unpacking
from provision.build.recipe import Recipe
from provision.build.requirements import compilers, manager_of, needed, runtime
from provision.chrony.releases import Release
from provision.common.results import Gate, StoppedAt
from provision.deploy.choices import choose_user
from provision.deploy.generation import Generation
from provision.deploy.keys_on_host import KeysOnHost, asked_once
from provision.deploy.nts_renewal import nts_renewal
from provision.deploy.render import render
from provision.deploy.saved_measurements import saved_measurements
from provision.deploy.steps import Phase, Step
from provision.deploy.steps.account import ServiceUser
from provision.deploy.steps.active import Active
from provision.deploy.steps.boot_wait import BootWaits
from provision.deploy.steps.build import Built
from provision.deploy.steps.chrony_conf_needs import NeedsMet
from provision.deploy.steps.clock_set import ClockSet
from provision.deploy.steps.confirmed import Confirmed
from provision.deploy.steps.conflicting_services import ConflictsStopped, NoForeignProcess
from provision.deploy.steps.daemon_unaltered import Unaltered
from provision.deploy.steps.existing_service import ExistingKept
from provision.deploy.steps.file import File
from provision.deploy.steps.file_systems import FileSystems
from provision.deploy.steps.firewall import FirewallOpen, FirewallOpenForNts
from provision.deploy.steps.links import Links
from provision.deploy.steps.log_rotation import LogRotation
from provision.deploy.steps.metrics_textfile import FILE, SCRIPT, SECONDS, MetricsTextfile
from provision.deploy.steps.packages import Packages, Purpose
from provision.deploy.steps.process_as_unit import AsUnitSays
from provision.deploy.steps.rehearsed import Rehearsed
from provision.deploy.steps.source import Fetched
from provision.deploy.steps.staged import Staged
from provision.deploy.steps.timedatectl import DeclaredToTimedated
from provision.deploy.steps.unit_overrides import NotOverridden
from provision.deploy.steps.units import UnitFile, Units
from provision.deploy.switch import Switch
from provision.host import scripts
from provision.host.facts import Facts
from provision.host.packages import MANAGERS, NO_OWNER
from provision.host.paths import KEY_USAGE, KEY_USAGE_FOLDER, METRICS_FOLDER, ROOT, SWITCH
from provision.output.metric_names import on_host
from provision.site.schema import Site
from provision.verify.expectation import Expectation
from provision.verify.firewall.rules import Packet
from provision.verify.nts_server import NtsServer

AT_SWITCH = StoppedAt(Gate.SWITCH)
USAGE = "chrony-provision-usage"
"""The name of the units that count the answers for each key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tarballs:
    """The source of the tarballs."""

    at_hand: Callable[[Release], bool]
    data: Callable[[Release], bytes]
    """Returns the verified bytes, after fetching them if they are missing."""
    origin: Callable[[Release], str]
    """Returns the origin and the signer of a tarball for people, after fetching it if it is missing."""


def deployment(
    build: Phase,
    generation: Generation,
    to: Switch,
    site: Site,
    facts: Facts,
    *,
    existing: ExistingKept,
    expected: Expectation,
    keys_there: KeysOnHost | None = None,
) -> tuple[Phase, ...]:
    """Return the plan of a deployment; ``build`` is the phase that brings the generation's build to the host.

    ``keys_there``: None to ask the host when its turn has come.
    """
    switch, confirm, links = service_phases(to, site, facts, expected.nts)
    return (
        preconditions(generation.recipe, existing, generation),
        build,
        stage_phase(generation, expected, *tools(site, facts), keys_there=keys_there),
        needs_phase(generation.conf, generation.user),
        switch,
        confirm,
        links,
    )


def service_phases(to: Switch, site: Site, facts: Facts, nts: NtsServer | None = None) -> tuple[Phase, Phase, Phase]:
    """Return the phases from a staged generation to the time service of the host; ``nts``: see Expectation."""
    return (
        switch_phase(to, opened=_opened(site)),
        confirm_phase(to, keep=site.service.keep),
        links_phase(
            boot_wait(site, facts),
            log_rotation(site, facts),
            key_usage(site),
            saved_measurements(to, facts),
            nts_renewal(site, facts, nts),
            metrics_textfile(site, facts),
            replace_programs=site.service.replace_programs,
        ),
    )


def clock_phases(site: Site, facts: Facts, *, when_set: Callable[[], None]) -> tuple[Phase, ...]:
    """Return the phase before all others, which sets a wrong clock; none where the site does not want that."""
    if not (site.time.bootstrap and facts.can_set_clock):
        return ()
    return (Phase("clock", (ClockSet(when_set),)),)


def preconditions(recipe: Recipe, existing: ExistingKept, generation: Generation | None = None) -> Phase:
    """Return the phase that refuses a host before any change; without keys, ``generation`` is not known yet."""
    if generation is None:
        return Phase("preconditions", (FileSystems(recipe.prefix, 0, generation=""), NoForeignProcess(), existing))
    place = FileSystems(recipe.prefix, 0, generation.id)
    return Phase("preconditions", (place, NotOverridden(generation.unit), NoForeignProcess(), existing))


def compile_phase(
    name: str,
    facts: Facts,
    recipe: Recipe,
    tarballs: Tarballs,
    *,
    keep: Callable[[Artifact], None],
    unit_tests: bool = False,
    took: Compilation | None = None,
    why: str = "",
) -> Phase:
    """Return the phase that compiles the build on the host, behind the build gate.

    ``took``: the last compilation of the same releases on the same platform, for a plan. ``why``: see Compiling.
    Raises SiteError if the host has no tools to build with.
    """
    manager = manager_of(name, facts, recipe)
    owner = manager.owner if manager is not None else NO_OWNER
    compiling = Compiling(
        tarballs.data, keep, jobs=facts.cpus, uid=facts.uid, owner=owner, unit_tests=unit_tests, took=took, why=why
    )
    steps: list[Step] = [FileSystems(recipe.prefix, MEGABYTES), Fetched(recipe, tarballs.at_hand, tarballs.origin)]
    if manager is not None:
        packages = Packages(manager, needed(manager, recipe), recipe.prefix)
        if recipe.nettle is not None and facts.cpus > 1:
            # The package manager keeps one processor busy, and configure of Nettle another one.
            packages = replace(packages, first=compilers(manager), meanwhile=lambda host: compiling.begin(host, recipe))
        steps.append(packages)
    steps.append(Built(recipe, compiling))
    return Phase("build", tuple(steps), StoppedAt(Gate.BUILD, recipe.name))


def unpack_phase(facts: Facts, recipe: Recipe, artifact: Artifact) -> Phase:
    """Return the phase that unpacks an artifact; it has no gate, for all hosts can use an artifact at once.

    A host without a package manager must have the libraries of the build.
    """
    manager = MANAGERS.get(facts.packager or "")
    steps: list[Step] = [FileSystems(recipe.prefix, ARTIFACT_MEGABYTES)]
    if manager is not None and (packages := runtime(manager, artifact.libraries)):
        steps.append(Packages(manager, packages, recipe.prefix, Purpose.RUN))
    steps.append(Built(recipe, Unpacking(artifact), artifact))
    return Phase("build", tuple(steps))


def promised_phase(recipe: Recipe, host: str) -> Phase:
    """Return the phase of a plan that unpacks the artifact which another host of the same run would compile."""
    return Phase("build", (FileSystems(recipe.prefix, ARTIFACT_MEGABYTES), Built(recipe, Promised(host))))


def stage_phase(
    generation: Generation, expected: Expectation, *tools: Step, keys_there: KeysOnHost | None = None
) -> Phase:
    """Return the phase that stages a generation, after ``tools``, and rehearses it beside the running daemon."""
    steps: tuple[Step, ...] = (
        *tools,
        ServiceUser(generation.user),
        switch_script(),
        Staged(generation, keys_there or asked_once()),
        Rehearsed(generation, expected.query_addresses, expected.nts),
    )
    return Phase("stage", steps)


def needs_phase(conf: str, user: str) -> Phase:
    """Return the phase that refuses a host without the devices and files that its chrony.conf names."""
    return Phase("needs", (NeedsMet(conf, user),))


def _opened(site: Site) -> tuple[FirewallOpen, ...]:
    """Return the steps that open the local firewall; none where the site leaves it as it is."""
    if site.serve.firewall != "open":
        return ()
    if site.serve.nts is None:
        return (FirewallOpen(),)
    return (FirewallOpen(), FirewallOpenForNts(Packet(protocol="tcp", port=site.serve.nts.port)))


def switch_phase(to: Switch, *, opened: tuple[FirewallOpen, ...] = ()) -> Phase:
    """Return the phase that starts the generation, unaltered, and stops all other time services."""
    steps: tuple[Step, ...] = (*opened, Active(to), ConflictsStopped(), AsUnitSays(to), Unaltered(to))
    return Phase("switch", steps, AT_SWITCH)


def confirm_phase(to: Switch, *, keep: int | None) -> Phase:
    """Return the phase that proves and confirms the generation; ``keep``: see Confirmed."""
    return Phase("confirm", (Confirmed(to, keep),), AT_SWITCH)


def links_phase(*further: Step, replace_programs: bool = False) -> Phase:
    """Return the phase that makes the daemon known to the host's own tools; ``further``: steps for more of them."""
    return Phase("links", (Links(replace_programs), DeclaredToTimedated(), *further), AT_SWITCH)


def switch_script() -> File:
    """Return the step for the script on the host that switches, confirms and rolls back."""
    return File(SWITCH, scripts.switch(), mode="0755", id="switch-script")


def boot_wait(site: Site, facts: Facts) -> BootWaits:
    """Return the step for the unit that delays the boot until the clock is set."""
    content = ""
    if site.service.wait:
        content = render("chronyd-wait.service", user=choose_user(facts), root=ROOT)
    return BootWaits(content)


def log_rotation(site: Site, facts: Facts) -> LogRotation:
    """Return the step for the rotation of the log files that the site file configures."""
    time = site.time
    content = ""
    if time.log:
        content = render("logrotate", folder=time.logdir, user=choose_user(facts), root=ROOT)
    return LogRotation(folder=str(time.logdir), content=content)


def tools(site: Site, facts: Facts) -> tuple[Step, ...]:
    """Return the steps for programs of the distribution that the site needs beside chronyd."""
    manager = MANAGERS.get(facts.packager or "")
    if manager is None or not site.counts_keys:
        return ()
    return (Packages(manager, ("nftables",), build="", purpose=Purpose.COUNT),)


def key_usage(site: Site) -> Units:
    """Return the step for the units that count the answers for each key."""
    names = (f"{USAGE}.service", f"{USAGE}-save.service", f"{USAGE}-save.timer")
    units = (UnitFile(path=f"/etc/systemd/system/{name}", content=render(name, root=ROOT)) for name in names)
    return Units(
        id="key-usage",
        subject="count of answers by key",
        setting="keys.usage",
        wanted=site.counts_keys,
        files=(UnitFile(path=KEY_USAGE, content=scripts.text("key_usage"), mode="0755"), *units),
        units=(names[0], names[2]),
        folder=KEY_USAGE_FOLDER,
        effect_look=scripts.code("look_counting"),
    )


def metrics_textfile(site: Site, facts: Facts) -> MetricsTextfile:
    """Return the step for the metrics that the host writes for node_exporter."""
    if site.service.metrics == "none":
        return MetricsTextfile()
    folder = str(site.service.metrics_folder)
    wanted = MetricsTextfile(folder=folder)
    return replace(
        wanted,
        service=render(
            "chronyd-metrics.service",
            user=choose_user(facts),
            script=SCRIPT,
            folder=METRICS_FOLDER.rpartition("/")[2],
            link=wanted.link,
        ),
        timer=render("chronyd-metrics.timer", seconds=SECONDS),
        script=metrics_script(ROOT, FILE),
    )


def metrics_script(root: str, file: str) -> str:
    """Return the script that writes the metrics of the chronyd in ``root`` to ``file``."""
    return scripts.kept_with("write_metrics", {"root": root, "file": file, "families": on_host()})
