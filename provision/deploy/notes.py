"""Add notes to the report of a deployment: who may query, and what this host or this build cannot do."""

from provision.build.recipe import Recipe
from provision.chrony.configure_log import SHORT_TIME
from provision.deploy.build import unit_tests_passed
from provision.deploy.run import Run
from provision.verify.expectation import Expectation


def add_notes(run: Run, expected: Expectation, recipe: Recipe, *, proven: bool) -> None:
    """Add the notes of a deployment to its report.

    ``proven``: the proof has read the configure.log of the build, and notes itself a clock that ends in 2038.
    """
    if run.settings.options.unit_tests and not unit_tests_passed(run, recipe):
        run.report.notes.append("chrony's unit tests run after a build, and this build already existed")
    if expected.serves:
        access = expected.access
        note = f"may query: {access.in_words()}"
        if access.is_everyone:
            note += ", which is the whole Internet"
        elif access.is_public:
            note += ", which includes public addresses"
        run.report.notes.append(note)
        if run.settings.site.service.sockets is None and (file := run.session.facts.foreign_socket):
            run.report.notes.append(
                f"chronyd opens its ports itself, and a switch loses requests: {file} would change chronyd.socket"
            )
    if run.session.facts.clock_may_end_in_2038 and not proven:
        run.report.notes.append(
            "this is a system of 32 bits; if the build's configure.log does not say '64-bit time_t : Yes', "
            f"{SHORT_TIME}"
        )
    if not run.session.facts.can_set_clock:
        run.report.notes.append("this host may not set its clock: chronyd runs with -x and only serves and measures")
