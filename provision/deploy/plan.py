"""Make the phases of a deployment from site and facts, each with its steps in order. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from provision.build.artifacts import Artifact
from provision.build.compile import ARTIFACT_MEGABYTES, MEGABYTES, Compiling, Promised, Unpacking
from provision.build.recipe import Recipe
from provision.build.requirements import manager_of, needed, runtime
from provision.chrony.releases import Release
from provision.chrony.unit_values import service
from provision.common.errors import HostUnreachable, HostUnready
from provision.common.results import Finding, Gate, StoppedAt, SwitchState
from provision.deploy.generation import Generation
from provision.deploy.phases import Phase
from provision.deploy.render import chrony_conf, render
from provision.deploy.steps import Step
from provision.deploy.steps.active import Active
from provision.deploy.steps.as_unit_says import AsUnitSays
from provision.deploy.steps.built import Built
from provision.deploy.steps.confirmed import Confirmed
from provision.deploy.steps.conflicts import ConflictsStopped, NoForeignProcess
from provision.deploy.steps.declared import DeclaredToTimedated
from provision.deploy.steps.fetched import Fetched
from provision.deploy.steps.file import File
from provision.deploy.steps.firewall import FirewallOpen
from provision.deploy.steps.links import Links
from provision.deploy.steps.log_rotation import LogRotation
from provision.deploy.steps.needs_met import NeedsMet
from provision.deploy.steps.overrides import NotOverridden
from provision.deploy.steps.packages import Packages, Purpose
from provision.deploy.steps.place import Place
from provision.deploy.steps.rehearsed import Rehearsed
from provision.deploy.steps.staged import Staged
from provision.deploy.steps.unaltered import Unaltered
from provision.deploy.steps.user import ServiceUser
from provision.deploy.steps.waits import BootWaits
from provision.host import scripts
from provision.host.facts import Facts
from provision.host.packages import MANAGERS, NO_OWNER
from provision.host.paths import KEY_FILE, ROOT, SWITCH
from provision.keys import Keys
from provision.site import Site, choose_sources
from provision.verify.process import Running

OLDEST_SYSTEMD = 219
"""The version of RHEL 7 and Amazon Linux 2."""
AT_SWITCH = StoppedAt(Gate.SWITCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tarballs:
    """The source of the tarballs."""

    at_hand: Callable[[Release], bool]
    data: Callable[[Release], bytes]
    """Returns the verified bytes, after fetching them if they are missing."""
    origin: Callable[[Release], str]
    """Returns the origin and the signer of a tarball for people, after fetching it if it is missing."""


def choose_user(facts: Facts) -> str:
    """Return the account of chronyd: the existing one, or the name that the distribution's package would use."""
    if facts.chrony_user:
        return facts.chrony_user
    if facts.is_debian_like:
        return "_chrony"
    return "chrony"


def choose_recipe(site: Site, facts: Facts, *, chrony: Release, nettle: Release | None) -> Recipe:
    """Return the recipe of the build for a host."""
    return Recipe(
        chrony=chrony,
        nettle=nettle,
        platform=facts.platform,
        user=choose_user(facts),
        nts=site.build.nts,
        seccomp=site.build.seccomp,
        readline=site.build.readline,
        pps=site.needs_pps,
    )


def choose_conf(site: Site, facts: Facts, *, time_source: str | None) -> str:
    """Return the chrony.conf of a host."""
    sources = choose_sources(site, time_source=time_source, ec2=facts.ec2)
    return chrony_conf(site, sources=sources, keyfile=KEY_FILE)


def choose_generation(site: Site, facts: Facts, *, recipe: Recipe, keys: Keys, time_source: str | None) -> Generation:
    """Return the generation for a host."""
    conf = choose_conf(site, facts, time_source=time_source)
    serves = site.serve.role == "server"
    user = choose_user(facts)
    how = service(
        chrony=recipe.chrony.version,
        conf=conf,
        seccomp=site.seccomp,
        can_set_clock=facts.can_set_clock,
        serves=serves,
        user=user,
        systemd=facts.systemd,
    )
    unit = render("chronyd.service", service=how, serves=serves, user=user, root=ROOT)
    return Generation(recipe=recipe, user=user, conf=conf, keys=keys, unit_template=unit)


def preconditions(recipe: Recipe, generation: Generation | None = None) -> Phase:
    """Return the phase that refuses a host before any change; without keys, ``generation`` is not known yet."""
    if generation is None:
        return Phase("preconditions", (Place(recipe.prefix, 0, generation=""), NoForeignProcess()))
    place = Place(recipe.prefix, 0, generation.id)
    return Phase("preconditions", (place, NotOverridden(generation.unit), NoForeignProcess()))


def compile_phase(
    name: str,
    facts: Facts,
    recipe: Recipe,
    tarballs: Tarballs,
    *,
    keep: Callable[[Artifact], None],
    unit_tests: bool = False,
) -> Phase:
    """Return the phase that compiles the build on the host, behind the build gate.

    Raises SiteError if the host has no tools to build with.
    """
    manager = manager_of(name, facts, recipe)
    owner = NO_OWNER
    steps: list[Step] = [Place(recipe.prefix, MEGABYTES), Fetched(recipe, tarballs.at_hand, tarballs.origin)]
    if manager is not None:
        owner = manager.owner
        steps.append(Packages(manager, needed(manager, recipe), recipe.prefix))
    compiling = Compiling(tarballs.data, keep, jobs=facts.cpus, uid=facts.uid, owner=owner, unit_tests=unit_tests)
    steps.append(Built(recipe, compiling))
    return Phase("build", tuple(steps), StoppedAt(Gate.BUILD, recipe.name))


def unpack_phase(facts: Facts, recipe: Recipe, artifact: Artifact) -> Phase:
    """Return the phase that unpacks an artifact; it has no gate, for all hosts can use an artifact at once.

    A host without a package manager must have the libraries of the build.
    """
    manager = MANAGERS.get(facts.packager or "")
    steps: list[Step] = [Place(recipe.prefix, ARTIFACT_MEGABYTES)]
    if manager is not None and (packages := runtime(manager, artifact.libraries)):
        steps.append(Packages(manager, packages, recipe.prefix, Purpose.RUN))
    steps.append(Built(recipe, Unpacking(artifact), artifact))
    return Phase("build", tuple(steps))


def promised_phase(recipe: Recipe, host: str) -> Phase:
    """Return the phase of a plan that unpacks the artifact which another host of the same run would compile."""
    return Phase("build", (Place(recipe.prefix, ARTIFACT_MEGABYTES), Built(recipe, Promised(host))))


def stage_phase(generation: Generation, *, query_addresses: tuple[str, ...]) -> Phase:
    """Return the phase that stages a generation and rehearses it beside the running daemon."""
    steps: tuple[Step, ...] = (
        ServiceUser(generation.user),
        switch_script(),
        Staged(generation),
        Rehearsed(generation, query_addresses),
    )
    return Phase("stage", steps)


def switch_script() -> File:
    """Return the step for the script on the host that switches, confirms and rolls back."""
    return File(SWITCH, scripts.switch(), mode="0755", id="switch-script")


def needs_phase(conf: str, user: str) -> Phase:
    """Return the phase that refuses a host without the devices and files that its chrony.conf names."""
    return Phase("needs", (NeedsMet(conf, user),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A staged generation, and the parameters of the switch to it."""

    generation: str
    """The id of the generation."""
    unit_sha256: str
    build: str
    """The build's folder."""
    running: Running
    """The expected properties of its process."""
    who: str
    """The name of the operator, for the host's history."""
    task: str
    """See Active."""
    confirm_timeout: int
    """Seconds after which the host rolls back by itself."""
    is_answered: Callable[[], bool] = field(repr=False)
    """See Active."""
    prove: Callable[[], Sequence[Finding]] = field(repr=False)
    """See Confirmed."""
    sync_timeout: int = 0
    """See Confirmed."""
    state: SwitchState = field(default_factory=SwitchState, repr=False, compare=False)


def switch_phase(to: Switch, *, open_firewall: bool = False) -> Phase:
    """Return the phase that starts the generation, unaltered, and stops all other time services."""
    steps: list[Step] = []
    if open_firewall:
        steps.append(FirewallOpen())
    steps += (
        Active(
            generation=to.generation,
            unit_sha256=to.unit_sha256,
            build=to.build,
            who=to.who,
            task=to.task,
            confirm_timeout=to.confirm_timeout,
            is_answered=to.is_answered,
            state=to.state,
        ),
        ConflictsStopped(),
        AsUnitSays(generation=to.generation, who=to.who, confirm_timeout=to.confirm_timeout, state=to.state),
        Unaltered(running=to.running, who=to.who, confirm_timeout=to.confirm_timeout, state=to.state),
    )
    return Phase("switch", tuple(steps), AT_SWITCH)


def confirm_phase(to: Switch, *, keep: int | None) -> Phase:
    """Return the phase that proves and confirms the generation; ``keep``: see Confirmed."""
    confirmed = Confirmed(
        generation=to.generation,
        prove=to.prove,
        who=to.who,
        keep=keep,
        confirm_timeout=to.confirm_timeout,
        sync_timeout=to.sync_timeout,
        state=to.state,
    )
    return Phase("confirm", (confirmed,), AT_SWITCH)


def links_phase(*further: Step, replace_programs: bool = False) -> Phase:
    """Return the phase that makes the daemon known to the host's own tools; ``further``: steps for more of them."""
    return Phase("links", (Links(replace_programs), DeclaredToTimedated(), *further), AT_SWITCH)


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


def refuse_without_port(name: str, facts: Facts, site: Site) -> None:
    """Raise HostUnready if the host is a server and cannot open the NTP port."""
    if site.serve.role == "server" and not facts.can_serve:
        raise HostUnready(
            f"{name}: no service here may have CAP_NET_BIND_SERVICE, without which no server gets port 123: give it to "
            'the container, or set serve.role = "client"'
        )


def refuse_without_systemd(name: str, facts: Facts) -> None:
    """Raise HostUnreachable or HostUnready if chronyd cannot run as a service of systemd."""
    if not facts.systemd_runs:
        raise HostUnreachable(
            f"{name}: systemd does not run here ({facts.os_name}), so there is no service to deploy; "
            "build, and deploy --no-activate, work without it"
        )
    if facts.systemd is not None and facts.systemd < OLDEST_SYSTEMD:
        raise HostUnready(
            f"{name}: systemd {facts.systemd} is older than {OLDEST_SYSTEMD}, for which chronyd's unit is made"
        )
