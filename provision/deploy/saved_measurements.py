"""Make the step for the units that save chronyd's measurements, for the daemon that follows a killed one. Pure."""

from provision.deploy.choices import choose_user
from provision.deploy.render import render
from provision.deploy.steps.units import UnitFile, Units
from provision.deploy.switch import Switch
from provision.host import scripts
from provision.host.facts import Facts
from provision.host.paths import MEASUREMENTS


def saved_measurements(to: Switch, facts: Facts) -> Units:
    """Return the step for the timer that saves the measurements of a chronyd to which systemd hands its ports."""
    names = ("chronyd-measurements.service", "chronyd-measurements.timer")
    values = {"user": choose_user(facts), "script": MEASUREMENTS}
    units = (UnitFile(path=f"/etc/systemd/system/{name}", content=render(name, **values)) for name in names)
    return Units(
        id="saved-measurements",
        subject="measurements saved for a crash",
        setting="service.sockets",
        wanted=bool(to.socket_sha256),
        files=(UnitFile(path=MEASUREMENTS, content=scripts.text("measurements"), mode="0755"), *units),
        units=(names[1],),
        is_minor=True,
    )
