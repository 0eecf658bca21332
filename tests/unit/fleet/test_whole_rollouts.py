"""Whole rollouts, played by a machine: each comes to its end, and no group loses more servers than it may."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from provision.common.results import StoppedAt
from provision.fleet.rollout import Place, Rollout, Start
from provision.host.target import Target, parse_target
from tests.unit.fleet.test_rollout import BUILD, HELD_AT_SWITCH, SWITCH


@dataclass
class World:
    """Hosts as they are: what each needs, and whether it fails."""

    build: dict[Target, str]
    """Host → the build that it has not got."""
    switches: set[Target]
    fails: set[Target]
    artifacts: set[str] = field(default_factory=set)
    compiled: list[str] = field(default_factory=list)

    def run(self, start: Start) -> StoppedAt | bool:
        """Run a host as far as it may: held, or done, well or not."""
        need = self.build.get(start.host)
        if need and need not in self.artifacts:
            if BUILD not in start.open:
                return StoppedAt(BUILD, need)
            if start.host in self.fails:
                return False
            self.compiled.append(need)
            self.artifacts.add(need)
        self.build.pop(start.host, None)
        if start.host in self.fails:
            return False
        if start.host in self.switches and SWITCH not in start.open:
            return HELD_AT_SWITCH
        return True


HOSTS = tuple(map(parse_target, "abcdefgh"))


@st.composite
def sites(draw: st.DrawFn) -> tuple[list[Place], World]:
    places: list[Place] = []
    builder = draw(st.none() | st.sampled_from(HOSTS))
    for host in HOSTS[: draw(st.integers(1, len(HOSTS)))]:
        before = [place.host for place in places]
        place = Place(
            host=host,
            group=draw(st.sampled_from(["x", "y"])),
            serves=draw(st.booleans()),
            follows=tuple(draw(st.lists(st.sampled_from(before), unique=True))) if before else (),
            max_unavailable=draw(st.integers(1, 2)),
            builder=builder,
            keys_from=draw(st.sampled_from(["", "", "k"])),
        )
        places.append(place)
    some = st.sets(st.sampled_from(HOSTS))
    build = {host: draw(st.sampled_from(["p", "q"])) for host in draw(some)}
    return places, World(build=build, switches=draw(some), fails=draw(some))


@given(sites(), st.integers(1, 4), st.none() | st.integers(1, 3), st.randoms(use_true_random=False))
def test_every_rollout_comes_to_its_end_and_keeps_its_promises(
    site: tuple[list[Place], World], parallel: int, max_failures: int | None, chance: object
) -> None:
    places, world = site
    by_host = {place.host: place for place in places}
    made = Rollout(places, parallel=parallel, max_failures=max_failures)
    running: list[Start] = []
    over: dict[Target, bool] = {}
    for _ in range(10 * len(places) + 10):
        for start in made.ready():
            assert_may(start, running, over, by_host)
            running.append(start)
        assert len(running) <= parallel
        if not running:
            break
        start = running.pop(chance.randrange(len(running)))  # type: ignore[attr-defined]
        match world.run(start):
            case StoppedAt() as stopped_at:
                made.stopped_at(start.host, stopped_at)
            case bool() as ok:
                made.ended(start.host, ok=ok, tried=True)
                over[start.host] = ok
        made.has_keys("k")
        for need in made.needs & world.artifacts:
            made.built(need)
    assert running == []
    assert over.keys() | made.left_alone.keys() == by_host.keys()
    assert over.keys() & made.left_alone.keys() == set()
    # Exactly one compiles.
    assert sorted(world.compiled) == sorted(set(world.compiled))


def assert_may(start: Start, running: Iterable[Start], over: dict[Target, bool], places: dict[Target, Place]) -> None:
    """Assert that a group loses no more servers by it than it may, and that it comes after those that it follows."""
    place = places[start.host]
    if SWITCH not in start.open:
        return
    assert all(over[other] for other in place.follows)
    lost = {one.host for one in running if SWITCH in one.open} | {host for host, ok in over.items() if not ok}
    lost = {host for host in lost if places[host].serves and places[host].group == place.group}
    assert not place.serves or len(lost) < place.max_unavailable
