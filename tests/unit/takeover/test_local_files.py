"""Configuration files on this machine, such as a copy of a host's /etc."""

from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.takeover.existing import ExistingService, Program
from provision.takeover.local_files import guessed, read_service
from provision.takeover.ntp_conf.lines import lines_of


@pytest.mark.parametrize(
    ("name", "text", "program"),
    [
        ("/etc/chrony/chrony.conf", "", Program.CHRONY),
        ("/etc/ntp.conf", "", Program.NTPD),
        ("/etc/ntpsec/ntp.conf", "", Program.NTPSEC),
        ("/etc/openntpd/ntpd.conf", "", Program.OPENNTPD),
        ("/etc/systemd/timesyncd.conf", "", Program.TIMESYNCD),
        ("/x", "[Time]\nNTP=a\n", Program.TIMESYNCD),
        ("/x", "server a\nrestrict default ignore\n", Program.NTPD),
        ("/x", "server a\nmakestep 1 3\n", Program.CHRONY),
    ],
)
def test_the_program_is_guessed(name: str, text: str, program: Program) -> None:
    assert guessed(Path(name), text) is program


def test_where_nothing_tells_the_program_the_option_is_needed() -> None:
    with pytest.raises(SiteError, match=r"/x: it is not clear which program reads it; say --kind, one of chrony, ntpd"):
        guessed(Path("/x"), "server a\n")


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def files_of(service: ExistingService) -> list[str]:
    return [file.path for file in service.files]


def test_a_copy_of_etc_with_all_that_it_names(tmp_path: Path) -> None:
    main = tmp_path / "etc/chrony/chrony.conf"
    put(
        tmp_path,
        {
            "etc/chrony/chrony.conf": (
                "confdir /etc/chrony/conf.d\nsourcedir /etc/chrony/sources.d\nkeyfile /etc/chrony/chrony.keys\n"
                "include /etc/chrony/missing.conf\ninclude /etc/chrony/none/*.conf\n"
            ),
            "etc/chrony/conf.d/a.conf": "include /etc/chrony/b.conf\n",
            "etc/chrony/conf.d/a.conf.bak": "server no\n",
            "etc/chrony/b.conf": "rtcsync\n",
            "etc/chrony/sources.d/c.sources": "server c\n",
            "etc/chrony/chrony.keys": "1 MD5 HEX:00\n",
        },
    )
    service = read_service(main, None)
    assert service.program is Program.CHRONY
    assert files_of(service) == [
        str(main),
        "/etc/chrony/conf.d/a.conf",
        "/etc/chrony/b.conf",
        "/etc/chrony/sources.d/c.sources",
    ]
    assert [(file.path, file.text) for file in service.key_files] == [("/etc/chrony/chrony.keys", "1 MD5 HEX:00\n")]
    assert service.unread == ("/etc/chrony/missing.conf",)


def test_a_key_file_may_stand_beside_its_configuration(tmp_path: Path) -> None:
    put(tmp_path, {"ntp.conf": "keys /etc/ntp/keys\n", "keys": "1 MD5 x\n"})
    assert [file.path for file in read_service(tmp_path / "ntp.conf", None).key_files] == ["/etc/ntp/keys"]


def test_of_two_key_files_the_last_counts(tmp_path: Path) -> None:
    put(tmp_path, {"etc/ntp.conf": 'keys /etc/old\nkeys "/etc/my keys"\n', "etc/old": "1 MD5 x\n", "etc/my keys": ""})
    assert [file.path for file in read_service(tmp_path / "etc/ntp.conf", None).key_files] == ["/etc/my keys"]


def test_a_key_file_that_is_not_there_has_the_name_that_the_configuration_gives_it(tmp_path: Path) -> None:
    put(tmp_path, {"chrony.conf": "keyfile /etc/chrony.keys\n"})
    assert read_service(tmp_path / "chrony.conf", None).unread == ("/etc/chrony.keys",)


def test_settings_of_timesyncd_may_stand_in_a_folder(tmp_path: Path) -> None:
    put(tmp_path, {"etc/systemd/timesyncd.conf": "[Time]\n", "etc/systemd/timesyncd.conf.d/a.conf": "[Time]\nNTP=a\n"})
    service = read_service(tmp_path / "etc/systemd/timesyncd.conf", None)
    assert files_of(service)[1:] == ["/etc/systemd/timesyncd.conf.d/a.conf"]


def test_a_relative_path_finds_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(
        tmp_path,
        {
            "etc/systemd/timesyncd.conf": "[Time]\n",
            "etc/systemd/timesyncd.conf.d/a.conf": "[Time]\nNTP=a\n",
            "etc/chrony/chrony.conf": "confdir /etc/chrony/conf.d\nconfdir /etc/chrony/conf.d\n",
            "etc/chrony/conf.d/b.conf": "server b\ninclude /etc/missing\n",
            "etc/chrony/conf.d/c.conf": "include /etc/missing\n",
        },
    )
    monkeypatch.chdir(tmp_path)
    service = read_service(Path("etc/systemd/timesyncd.conf"), None)
    assert files_of(service)[1:] == ["/etc/systemd/timesyncd.conf.d/a.conf"]
    service = read_service(Path("etc/chrony/chrony.conf"), None)
    assert files_of(service)[1:] == ["/etc/chrony/conf.d/b.conf", "/etc/chrony/conf.d/c.conf"]
    assert service.unread == ("/etc/missing",)


def test_ntpsec_reads_folders(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "etc/ntpsec/ntp.conf": "include /etc/ntpsec/more\nincludefile one\n",
            "etc/ntpsec/more/a.conf": "server a\n",
            "etc/ntpsec/more/a.old": "server no\n",
            "etc/ntpsec/one": "server one\n",
            "etc/ntpsec/ntp.d/b.conf": "server b\n",
        },
    )
    service = read_service(tmp_path / "etc/ntpsec/ntp.conf", None)
    assert [line.text for line in lines_of(service)] == ["server a", "server one", "server b"]
    assert service.unread == ()


def test_files_that_include_each_other_are_read_once(tmp_path: Path) -> None:
    put(tmp_path, {"etc/chrony.conf": "include /etc/chrony.conf\nrtcsync\n"})
    assert len(read_service(tmp_path / "etc/chrony.conf", None).files) == 1


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"nothing.conf: cannot be read: No such file or directory"):
        read_service(tmp_path / "nothing.conf", Program.CHRONY)
