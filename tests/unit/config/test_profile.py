"""Profiles are found by name among the built-in and the user's own, or by path, and nowhere else."""

from __future__ import annotations

import grp
import pwd
from pathlib import Path

import pytest

import supervisor
from supervisor.config.places import group_is_private
from supervisor.config.profile import built_in_dir, list_profiles, load_profile, profile_path
from supervisor.errors import ProfileInvalid, ProfileNotFound

TEAM = (
    'name = "{name}"\ndescription = "does {name}"\n[[pools]]\nname = "w"\nrole = "solo"\ncommand = ["true"]\n'
)


def write(directory: Path, name: str) -> Path:
    path = directory / f"{name}.toml"
    path.write_text(TEAM.replace("{name}", name), encoding="utf-8")
    path.chmod(0o644)
    return path


def not_found(reference: str) -> str:
    with pytest.raises(ProfileNotFound) as caught:
        load_profile(reference)
    return caught.value.message


def test_a_name_is_found_among_the_users_own_profiles(profiles: Path, built_in: Path) -> None:
    path = write(profiles, "mine")

    team = load_profile("mine")

    assert (team.name, team.source) == ("mine", str(path))
    assert profile_path("mine") == path


def test_a_built_in_profile_comes_before_one_of_the_same_name(profiles: Path, built_in: Path) -> None:
    path = write(built_in, "survey")
    hidden = write(profiles, "survey")

    assert load_profile("survey").source == str(path)
    first, second = list_profiles()
    assert (first.path, first.problem) == (path, None)
    assert second.path == hidden
    assert second.problem == "hidden by the built-in profile of this name; rename it, or use its path"


def test_a_path_is_taken_as_it_is_given(
    profiles: Path, built_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "team")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    for reference in ("./team.toml", "team.toml", str(path), "config/../team.toml", "~/team.toml"):
        assert load_profile(reference).source == str(path)


def test_a_profile_in_the_project_is_inert_until_its_path_is_named(
    profiles: Path, built_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "evil")
    monkeypatch.chdir(tmp_path)

    message = not_found("evil")

    assert message == (
        'no profile is called "evil"; there are: none. To use the file here, write `./evil.toml`. '
        "See `supervisor profile list`."
    )
    assert list_profiles() == ()


def test_a_name_that_is_nearly_right_is_corrected(profiles: Path, built_in: Path) -> None:
    write(built_in, "survey")
    write(profiles, "mine")

    assert not_found("survy").startswith('no profile is called "survy"; did you mean `survey`?')
    assert not_found("zzz").startswith('no profile is called "zzz"; there are: mine, survey.')


@pytest.mark.parametrize("reference", ["", "..", "Survey", "-x", "a b", "a\0b", "x" * 64, "é"])
def test_what_is_neither_name_nor_path_is_refused(reference: str, profiles: Path, built_in: Path) -> None:
    assert "is no profile: give a name" in not_found(reference)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("./gone.toml", "there is no profile ./gone.toml"),
        ("gone/gone.toml", "there is no profile gone/gone.toml"),
        ("/", "the profile / is a directory"),
        ("config/", "the profile config/ is a directory"),
        ("team.toml/x", "the profile team.toml/x cannot be read: Not a directory"),
        ("./a\0b.toml", "the profile ./a\\x00b.toml cannot be read: embedded null byte"),
        ("~no-such-user/t.toml", "the profile ~no-such-user/t.toml cannot be read"),
        (f"./{'x' * 300}.toml", f"the profile ./{'x' * 300}.toml cannot be read: File name too long"),
    ],
    ids=str.__len__,
)
def test_a_path_that_cannot_be_read_is_told_with_its_reason(
    reference: str, reason: str, profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "team")
    monkeypatch.chdir(tmp_path)

    assert not_found(reference).startswith(reason)


def test_problems_call_a_profile_as_the_person_did(
    profiles: Path, built_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "team.toml").write_text("nome = 1\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ProfileInvalid) as caught:
        load_profile("./team.toml")

    assert caught.value.problems[0] == "./team.toml:1: nome: unknown key; did you mean `name`?"


def test_bytes_that_are_no_text_are_told_with_their_line(profiles: Path, built_in: Path) -> None:
    path = write(profiles, "bytes")
    path.write_bytes(b"\n\n\xff")

    with pytest.raises(ProfileInvalid) as caught:
        load_profile("bytes")

    assert caught.value.problems == (f"{path}:3: is not valid UTF-8; save the file as UTF-8",)


def test_a_profile_that_is_too_long_is_not_read_to_its_end(profiles: Path, built_in: Path) -> None:
    path = write(profiles, "long")
    path.write_bytes(b"#" * 262_145)

    with pytest.raises(ProfileInvalid) as caught:
        load_profile("long")

    assert caught.value.problems == (f"{path}:1: has more than 262144 bytes, the most a profile may have",)


def test_the_list_shows_what_cannot_be_used_and_why(profiles: Path, built_in: Path) -> None:
    write(built_in, "good")
    (built_in / "notes.txt").write_text("no profile")
    (built_in / "good").mkdir()
    bad = write(profiles, "bad")
    bad.write_text("name = 1\n")
    write(profiles, "Bad Name")
    (profiles / "dir.toml").mkdir()

    entries = {entry.path.name: entry for entry in list_profiles()}

    assert set(entries) == {"good.toml", "bad.toml", "Bad Name.toml", "dir.toml"}
    assert (entries["good.toml"].name, entries["good.toml"].description) == ("good", "does good")
    assert entries["bad.toml"].problem == (
        f'{bad}:1: name: must be text, not the number 1; write "1" with quotes (and 1 more)'
    )
    assert (entries["Bad Name.toml"].problem or "").startswith("the file name is no profile name: lower-case")
    assert (entries["dir.toml"].problem or "").endswith("is a directory. Name a TOML file.")


def test_directories_that_are_not_there_hold_no_profiles(
    profiles: Path, built_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles.rmdir()
    built_in.rmdir()

    assert list_profiles() == ()
    assert not_found("survey").startswith('no profile is called "survey"; there are: none.')


def test_a_built_in_profile_that_cannot_be_read_is_told(profiles: Path, built_in: Path) -> None:
    (built_in / "dir.toml").mkdir()

    assert not_found("dir") == (
        f"the profile {built_in}/dir.toml cannot be read: Is a directory. See `supervisor profile list`."
    )


def test_the_group_of_one_user_alone_may_write_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    users = {1000: pwd.struct_passwd(("me", "x", 1000, 1000, "", "/", "/bin/sh"))}
    groups = {
        1000: grp.struct_group(("me", "x", 1000, [])),
        1001: grp.struct_group(("me", "x", 1001, [])),
        100: grp.struct_group(("users", "x", 100, [])),
    }
    monkeypatch.setattr(pwd, "getpwuid", users.__getitem__)
    monkeypatch.setattr(grp, "getgrgid", groups.__getitem__)

    assert group_is_private(1000, 1000)
    assert not group_is_private(1001, 1000)
    assert not group_is_private(100, 1000)
    assert not group_is_private(1000, 4000)
    groups[1000] = grp.struct_group(("me", "x", 1000, ["me", "other"]))
    assert not group_is_private(1000, 1000)


def test_without_a_home_there_are_still_the_built_in_profiles(
    built_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError

    write(built_in, "survey")
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/is/ignored")
    monkeypatch.setattr(Path, "home", homeless)

    assert [entry.name for entry in list_profiles()] == ["survey"]


def test_the_users_profiles_are_below_the_home_without_a_configuration_directory(
    built_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    directory = tmp_path / ".config" / "supervisor" / "profiles"
    directory.mkdir(parents=True, mode=0o755)
    write(directory, "mine")

    assert load_profile("mine").name == "mine"


def test_the_built_in_profiles_are_beside_the_package_in_a_checkout_and_inside_it_in_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "supervisor"
    package.mkdir(parents=True)
    (tmp_path / "site" / "profiles").mkdir()
    monkeypatch.setattr(supervisor, "__file__", str(package / "__init__.py"))

    assert built_in_dir() == package / "_profiles"
    (tmp_path / "site" / "pyproject.toml").touch()
    assert built_in_dir() == tmp_path / "site" / "profiles"
    (package / "_profiles").mkdir()
    assert built_in_dir() == package / "_profiles"
