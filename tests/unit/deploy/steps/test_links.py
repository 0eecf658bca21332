"""The usual paths that lead to what was deployed: looked at and made by sh in a folder of the test."""

from pathlib import Path

from provision.deploy.steps.links import LINKS
from provision.host import scripts
from tests.helpers.step_samples import HOST, ask, tree


def links(folder: Path) -> tuple[str, ...]:
    root = str(folder / "opt")
    return (
        root,
        str(folder / "sbin" / "chronyc"),
        str(folder / "bin" / "chronyc"),
        f"{root}/current/chronyc",
        str(folder / "etc/conf"),
        f"{root}/current/conf",
    )


def build_method(folder: Path, replace: str = "") -> str:
    root, *rest = links(folder)
    return scripts.load("make_links", root, replace, *rest)


def test_links_are_made_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    assert ask(scripts.load("look_links", *links(tmp_path))).split("\n") == list(links(tmp_path)[2::2])
    HOST.run("making links", build_method(tmp_path))
    assert ask(scripts.load("look_links", *links(tmp_path))) == ""
    assert tree(tmp_path) == {
        "opt/made": f"folder {tmp_path}/bin\nfolder {tmp_path}/etc\n",
        "bin/chronyc": f"-> {tmp_path}/opt/current/chronyc",
        "etc/conf": f"-> {tmp_path}/opt/current/conf",
    }


def test_a_deployed_link_that_leads_elsewhere_is_moved_and_foreign_files_stay(tmp_path: Path) -> None:
    for folder in ("bin", "etc"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin/chronyc").symlink_to(tmp_path / "opt/old/chronyc")
    (tmp_path / "etc/conf").write_text("the package's")
    assert ask(scripts.load("look_links", *links(tmp_path))) == str(tmp_path / "bin/chronyc")
    HOST.run("making links", build_method(tmp_path))
    assert ask(scripts.load("look_links", *links(tmp_path))) == ""
    assert tree(tmp_path) == {"bin/chronyc": f"-> {tmp_path}/opt/current/chronyc", "etc/conf": "the package's"}


def test_a_foreign_link_stays_even_if_its_target_is_missing(tmp_path: Path) -> None:
    for name in ("bin/chronyc", "etc/conf"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).symlink_to("/nowhere")
    HOST.run("making links", build_method(tmp_path))
    seen = ask(scripts.load("look_links", *links(tmp_path)))
    assert seen == f"other {tmp_path / 'bin/chronyc'}"
    assert set(tree(tmp_path).values()) == {"-> /nowhere"}


def test_an_older_program_is_named_and_replaced_only_when_asked(tmp_path: Path) -> None:
    for name in ("bin/chronyc", "sbin/chronyc", "etc/conf"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(f"old {name}")
    look = scripts.load("look_links", *links(tmp_path))
    programs = f"other {tmp_path}/sbin/chronyc\nother {tmp_path}/bin/chronyc"
    assert ask(look) == programs
    HOST.run("making links", build_method(tmp_path))
    assert ask(look) == programs
    HOST.run("making links", build_method(tmp_path, "replace"))
    assert ask(look) == ""
    assert tree(tmp_path) == {
        "bin/chronyc": f"-> {tmp_path}/opt/current/chronyc",
        "etc/conf": "old etc/conf",
        f"opt/replaced{tmp_path}/bin/chronyc": "old bin/chronyc",
        f"opt/replaced{tmp_path}/sbin/chronyc": "old sbin/chronyc",
    }


def test_links_come_in_pairs() -> None:
    assert len(LINKS) % 2 == 0
    assert all(link.startswith(("/usr/local/", "/etc/chrony/")) for link in LINKS[::2])
    assert all(target.startswith("/opt/chrony/current/") for target in LINKS[1::2])
