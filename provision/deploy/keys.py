"""Choose the keys of a run: the operator's or, if there are none yet, those of the host or a new one."""

from collections.abc import Callable, Sequence
from secrets import token_bytes

from provision.build.recipe import Recipe
from provision.common.errors import SiteError
from provision.deploy.keys_on_host import KeysOnHost
from provision.deploy.run import Run
from provision.deploy.steps import Phase
from provision.host import scripts
from provision.keys import Key, Keys, parse_keys
from provision.site.settings import check_keys


def choose_keys(
    run: Run, recipe: Recipe, phases: Callable[[], Sequence[Phase]], *, dry_run: bool, keys_there: KeysOnHost
) -> Keys:
    """Return the operator's keys or, if there are none, new ones.

    ``phases`` returns the phases that install the chronyc that makes them; it is called only then.
    """
    keys = run.keys
    if keys is None:
        run.settings.key_source.refuse_unwritable()
        # The new chronyc generates the keys, so the build comes first.
        if not dry_run:
            run.converge(phases())
        keys = _new_keys(run, recipe, keys_there(run.session.host), dry_run=dry_run)
    else:
        _refuse_other_keys(run, keys, keys_there)
    run.log.hide(keys.secrets)
    return keys


def _new_keys(run: Run, recipe: Recipe, keys: Keys | None, *, dry_run: bool) -> Keys:
    """Take over ``keys``, those of the host, or generate the first one; write them to the operator's key file."""
    source, session = run.settings.key_source, run.session
    path = source.name
    if keys is not None and run.settings.site.serve.role == "client":
        raise SiteError(
            f"{session.host.name}: has keys, but a client need not have all of them, and there is no {path}: "
            "copy that file here"
        )
    if keys is not None and dry_run:
        note = f"no {path}: would take over the keys that the host has"
    elif keys is not None:
        note = f"no {path}: took over the keys that the host has"
    elif dry_run:
        note = (
            f"no {path}: would make key 1 (AES128) and keep it there; the id of the generation depends on that key and "
            "will be another one"
        )
        keys = Keys((Key(1, "AES128", token_bytes(16)),))
    else:
        # ask() does not log the output, which is a secret.
        keygen = scripts.as_nobody(f"{recipe.prefix}/bin/chronyc keygen 1 AES128")
        keys = parse_keys(session.host.ask(keygen, secret=True), "chronyc keygen")
        note = f"made key 1 (AES128), kept in {path}"
    check_keys(run.settings.site, keys, path)
    if not dry_run:
        source.create(keys)
    if note not in run.report.notes:
        run.report.notes.append(note)
    return keys


def _refuse_other_keys(run: Run, keys: Keys, keys_there: KeysOnHost) -> None:
    """Raise SiteError if the keys that this run has made or taken from another host would replace other keys here."""
    if run.settings.has_keys:
        return
    there = keys_there(run.session.host)
    if there is None:
        return
    known = {key.id: key for key in keys}
    # A client has only a part of the keys, but all of them have to be in the file.
    of_client = run.settings.site.serve.role == "client" and all(known.get(key.id, key) == key for key in there)
    if not of_client and there.text != keys.text:
        raise SiteError(
            f"{run.session.host.name}: has other keys than {run.settings.key_source.name}, which this run made for a "
            "host before it; put the keys of both into that file, or deploy this host with a site of its own"
        )
