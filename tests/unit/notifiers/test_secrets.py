"""URLs and secrets: read from where they are safe, quoted nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.notifiers.secrets import redacted, secret_from, signing_key, target_of
from supervisor.notifiers.sink import NotSent

URL = "https://hooks.example.org/services/T0001/B0002/abcdefgh12345678"


def write(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(NotSent) as refused:
        call()
    assert not refused.value.again
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.words


def test_a_secret_comes_from_the_variable_or_a_private_file(tmp_path: Path) -> None:
    assert secret_from("HOOK", None, {"HOOK": f" {URL}\n"}, what="URL") == URL
    assert secret_from(None, write(tmp_path / "hook", f"{URL}\n"), {}, what="URL") == URL


def test_a_home_directory_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "hook", URL)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert secret_from(None, "~/hook", {}, what="URL") == URL


@pytest.mark.parametrize("environ", [{}, {"HOOK": ""}, {"HOOK": "  \n"}])
def test_a_variable_that_is_not_set_is_named(environ: dict[str, str]) -> None:
    assert "HOOK" in refusal(lambda: secret_from("HOOK", None, environ, what="URL"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666, 0o601])
def test_a_file_that_others_could_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "hook", URL, mode)
    assert "chmod 600" in refusal(lambda: secret_from(None, path, {}, what="URL"))


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "hook", URL)
    os.chown(path, 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert "yours alone" in refusal(lambda: secret_from(None, path, {}, what="URL"))


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "directory").mkdir()
    assert "no plain file" in refusal(lambda: secret_from(None, str(tmp_path / "pipe"), {}, what="URL"))
    refusal(lambda: secret_from(None, str(tmp_path / "directory"), {}, what="URL"))
    refusal(lambda: secret_from(None, str(tmp_path / "missing"), {}, what="URL"))
    refusal(lambda: secret_from(None, "/\0", {}, what="URL"))


@pytest.mark.parametrize("content", ["two\nlines", "a blank", "\x1b[2J", "ümlaut", "x" * 5000, ""])
def test_a_file_that_holds_something_else_is_refused_and_not_quoted(tmp_path: Path, content: str) -> None:
    path = write(tmp_path / "hook", content)
    words = refusal(lambda: secret_from(None, path, {}, what="URL"))
    assert not content or content not in words


def test_a_short_secret_signs_nothing() -> None:
    assert "16" in refusal(lambda: signing_key("x" * 15))
    assert signing_key("x" * 16) == b"x" * 16


def test_a_url_is_read() -> None:
    target = target_of(f"{URL}?a=b")
    assert (target.scheme, target.host, target.port) == ("https", "hooks.example.org", 443)
    assert target.path == "/services/T0001/B0002/abcdefgh12345678?a=b"
    assert target.authority == "hooks.example.org"
    assert target_of("http://127.0.0.1:8080").authority == "127.0.0.1:8080"
    assert target_of("https://[2001:db8::1]:444/x").authority == "[2001:db8::1]:444"
    assert "abcdefgh" not in repr(target)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/secret-path",
        "file:///etc/passwd",
        "gopher://example.org/secret-path",
        "unix:/secret-path.sock",
        "hooks.example.org/secret-path",
        "https:///secret-path",
        "https://example.org:99999/secret-path",
        "https://[::1/secret-path",
        "https://me:secret-path@example.org/",
        "javascript:secret-path",
    ],
)
def test_what_is_no_usable_url_is_refused_and_not_quoted(url: str) -> None:
    assert "secret-path" not in refusal(lambda: target_of(url))


def test_an_answer_is_freed_from_the_url_its_parts_and_the_secret() -> None:
    path = "/services/T0001/B0002/abcdefgh12345678"
    answer = f"no hook {URL}; token abcdefgh12345678, path {path}, by my-secret-key"
    told = redacted(answer, URL, "my-secret-key")
    for part in (URL, "abcdefgh12345678", "my-secret-key", "hooks.example.org"):
        assert part not in told
    assert (
        redacted("plain words / of a server", "http://[broken", "https://h.org/")
        == "plain words / of a server"
    )
