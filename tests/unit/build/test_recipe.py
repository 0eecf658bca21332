"""The recipe: what configure is asked for, and that the digest names exactly what decides the build."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from provision.build.recipe import Recipe
from provision.chrony.releases import find
from tests.helpers.samples import RECIPE, SYSTEM_NETTLE

OPTIONS = (
    "--sysconfdir=/etc/chrony",
    "--chronyrundir=/run/chrony",
    "--with-pidfile=/run/chrony/chronyd.pid",
    "--with-hwclockfile=/etc/adjtime",
    "--with-user=_chrony",
    "--with-ntp-era=0",
    "--without-nss",
    "--without-tomcrypt",
)
NO_PPS = "--disable-pps"

CONFIGURED = [
    pytest.param({}, ("--enable-scfilter", NO_PPS), id="as the default site asks"),
    pytest.param({"seccomp": False}, ("--without-seccomp", NO_PPS), id="no seccomp"),
    pytest.param({"nts": False}, ("--enable-scfilter", "--disable-nts", NO_PPS), id="no NTS"),
    pytest.param({"readline": False}, ("--enable-scfilter", "--disable-readline", NO_PPS), id="no readline"),
    pytest.param({"pps": True}, ("--enable-scfilter",), id="PPS"),
    pytest.param({"signd": True}, ("--enable-scfilter", NO_PPS, "--enable-ntp-signd"), id="Samba's signd"),
]


@pytest.mark.parametrize(("changes", "features"), CONFIGURED)
def test_configure_is_asked_for_it(changes: dict[str, Any], features: tuple[str, ...]) -> None:
    recipe = replace(RECIPE, **changes)
    assert recipe.chrony_options == (f"--prefix={recipe.prefix}", *OPTIONS, *features)


DECIDES = [
    pytest.param({"chrony": find("chrony", "4.6.1")}, id="chrony"),
    pytest.param({"chrony": replace(RECIPE.chrony, sha256="0" * 64)}, id="another tarball of the same version"),
    pytest.param({"nettle": find("nettle", "3.10.1")}, id="nettle"),
    pytest.param({"nettle": None}, id="the distribution's nettle"),
    pytest.param({"platform": "debian-13-x86_64"}, id="platform"),
    pytest.param({"user": "chrony"}, id="account"),
    pytest.param({"nts": False}, id="NTS"),
    pytest.param({"seccomp": False}, id="seccomp"),
    pytest.param({"readline": False}, id="readline"),
    pytest.param({"pps": True}, id="PPS"),
    pytest.param({"signd": True}, id="Samba's signd"),
]


@pytest.mark.parametrize("changes", DECIDES)
def test_what_decides_the_build_is_in_its_digest(changes: dict[str, Any]) -> None:
    other = replace(RECIPE, **changes)
    assert other.digest != RECIPE.digest
    assert other.receipt != RECIPE.receipt


def test_the_same_wish_has_the_same_name_in_every_run() -> None:
    same = Recipe(
        chrony=replace(RECIPE.chrony, date=None, signer=None),
        nettle=RECIPE.nettle,
        platform=RECIPE.platform,
        user=RECIPE.user,
    )
    assert same.name == RECIPE.name
    assert re.fullmatch(r"chrony-4\.9-nettle-3\.10\.2-[0-9a-f]{12}", RECIPE.name)
    assert RECIPE.prefix == f"/opt/chrony/builds/{RECIPE.name}"


def test_a_recipe_with_the_distributions_nettle_says_so() -> None:
    assert re.fullmatch(r"chrony-4\.9-nettle-system-[0-9a-f]{12}", SYSTEM_NETTLE.name)
    assert str(SYSTEM_NETTLE) == "chrony 4.9 with the nettle of the system"
    assert SYSTEM_NETTLE.releases == (RECIPE.chrony,)
    assert json.loads(SYSTEM_NETTLE.receipt)["nettle"] == "system"


def test_nettle_comes_first_for_chrony_is_built_with_it() -> None:
    assert str(RECIPE) == "chrony 4.9 with nettle 3.10.2"
    assert RECIPE.releases == (RECIPE.nettle, RECIPE.chrony)


def test_the_receipt_is_one_line_that_tells_everything() -> None:
    assert RECIPE.nettle is not None
    assert "\n" not in RECIPE.receipt
    assert json.loads(RECIPE.receipt) == {
        "name": RECIPE.name,
        "sources": [["nettle", "3.10.2", RECIPE.nettle.sha256], ["chrony", "4.9", RECIPE.chrony.sha256]],
        "platform": "debian-12-x86_64-glibc-2.36",
        "nettle": [
            "--disable-shared",
            "--disable-documentation",
            "--disable-public-key",
            "--disable-openssl",
            "CFLAGS=-O2",
        ],
        "chrony": list(RECIPE.chrony_options),
    }
