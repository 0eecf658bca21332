"""What is chosen for a host from its site and its facts: the account of chronyd, and the recipe of its build."""

from dataclasses import replace

import pytest

from provision.deploy.choices import choose_recipe, choose_user
from provision.site.directive import Directive
from provision.site.schema import Build, Site
from provision.site.time import Time
from tests.helpers.samples import FACTS, RECIPE


@pytest.mark.parametrize(
    ("there", "os_id", "user"), [("", "debian", "_chrony"), ("", "fedora", "chrony"), ("ntp", "debian", "ntp")]
)
def test_the_account_is_that_of_the_distribution(there: str, os_id: str, user: str) -> None:
    assert choose_user(replace(FACTS, chrony_user=there, os=os_id, os_like=())) == user


@pytest.mark.parametrize("wanted", [True, False])
def test_a_recipe_has_what_the_site_wants_of_a_build(wanted: bool) -> None:  # noqa: FBT001 -- a parameter of a case
    extra = (Directive("refclock PPS /dev/pps0"), Directive("ntpsigndsocket /samba")) if wanted else ()
    site = Site(build=Build(nts=wanted, seccomp=wanted, readline=wanted), time=Time(extra=extra))
    recipe = choose_recipe(site, FACTS, chrony=RECIPE.chrony, nettle=RECIPE.nettle)
    assert (recipe.nts, recipe.seccomp, recipe.readline, recipe.pps, recipe.signd) == (wanted,) * 5
