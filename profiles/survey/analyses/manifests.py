"""Read the dependencies that a manifest names, for each kind of manifest."""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple


class Dependency(NamedTuple):
    """One name that a manifest asks for; `wants` is the version as it is written there."""

    ecosystem: str
    name: str
    wants: str
    kind: str
    bound: str


Reader = Callable[[str], Iterator[Dependency]]

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
_EXACT: Final = re.compile(r"=?=?=?\s*v?\d[\w.+-]*$")

LOCK_FILES: Final = frozenset(
    b"package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lockb cargo.lock go.sum poetry.lock "
    b"pdm.lock uv.lock pipfile.lock pylock.toml gemfile.lock composer.lock gradle.lockfile".split()
)


def reader_of(path: bytes) -> Reader | None:
    """Return the reader for a manifest of this name, or None if it is none."""
    name = path.rpartition(b"/")[2].lower()
    if name in READERS:
        return READERS[name]
    if re.fullmatch(rb"requirements[\w.-]*\.(?:txt|in)", name) or re.search(
        rb"(?:^|/)requirements/[^/]+\.txt$", path
    ):
        return _requirements
    return None


def python_name(name: str) -> str:
    """Normalise a Python distribution's name as the package index does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _python(lines: Iterable[object], kind: str) -> Iterator[Dependency]:
    for line in lines:
        found = _REQUIREMENT.match(line) if isinstance(line, str) else None
        if not found:
            continue
        wants = found[2].strip().strip("()")
        exact = re.fullmatch(r"={2,3}\s*[^*,\s]+", wants) or "@" in wants
        yield Dependency("python", python_name(found[1]), wants, kind, _bound(wants, exact=bool(exact)))


def _requirements(text: str) -> Iterator[Dependency]:
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    wanted = (re.split(r"\s--|\s#", line)[0] for line in lines if line and not line.startswith(("#", "-")))
    yield from _python((line for line in wanted if "://" not in line.partition("@")[0]), "runtime")


def _pyproject(text: str) -> Iterator[Dependency]:
    data = tomllib.loads(text)
    project = _table(data, "project")
    yield from _python(project.get("dependencies", ()), "runtime")
    for lines in _table(project, "optional-dependencies").values():
        yield from _python(lines, "optional")
    for lines in _table(data, "dependency-groups").values():
        yield from _python(lines, "dev")
    yield from _python(_table(data, "build-system").get("requires", ()), "build")
    poetry = _table(_table(data, "tool"), "poetry")
    yield from _versions("python", python_name, _table(poetry, "dependencies"), "runtime", skip="python")
    for group in (_table(poetry, "dev-dependencies"), *map(_group, _table(poetry, "group").values())):
        yield from _versions("python", python_name, group, "dev")


def _group(group: Any) -> dict[str, Any]:
    return _table(group, "dependencies")


def _setup_cfg(text: str) -> Iterator[Dependency]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from error
    yield from _python(parser.get("options", "install_requires", fallback="").splitlines(), "runtime")
    if parser.has_section("options.extras_require"):
        for _, lines in parser.items("options.extras_require"):
            yield from _python(lines.splitlines(), "optional")


def _setup_py(text: str) -> Iterator[Dependency]:
    kinds = {"install_requires": "runtime", "setup_requires": "build", "tests_require": "dev"}
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.keyword)
            and node.arg in kinds
            and isinstance(node.value, ast.List | ast.Tuple)
        ):
            values = (item.value for item in node.value.elts if isinstance(item, ast.Constant))
            yield from _python(values, kinds[node.arg])


def _pipfile(text: str) -> Iterator[Dependency]:
    data = tomllib.loads(text)
    yield from _versions("python", python_name, _table(data, "packages"), "runtime")
    yield from _versions("python", python_name, _table(data, "dev-packages"), "dev")


def _package_json(text: str) -> Iterator[Dependency]:
    data = json.loads(text)
    for key, kind in (
        ("dependencies", "runtime"),
        ("peerDependencies", "runtime"),
        ("optionalDependencies", "optional"),
        ("devDependencies", "dev"),
    ):
        yield from _versions("npm", str, _table(data, key), kind)


def _composer(text: str) -> Iterator[Dependency]:
    data = json.loads(text)
    for key, kind in (("require", "runtime"), ("require-dev", "dev")):
        yield from _versions("php", str, _table(data, key), kind, skip="php")


def _cargo(text: str) -> Iterator[Dependency]:
    data = tomllib.loads(text)
    places = [data, _table(data, "workspace"), *_table(data, "target").values()]
    for place in places:
        for key, kind in (
            ("dependencies", "runtime"),
            ("dev-dependencies", "dev"),
            ("build-dependencies", "build"),
        ):
            yield from _versions("rust", str, _table(place, key), kind)


def _go_mod(text: str) -> Iterator[Dependency]:
    required = re.findall(
        r"^\s*(?:require\s+)?([\w.-]+\.[\w.-]+(?:/[\w.~-]+)*)\s+(v[\w.+-]+)(.*)$", text, re.MULTILINE
    )
    for name, version, remark in required:
        yield Dependency("go", name, version, "indirect" if "// indirect" in remark else "runtime", "pinned")


def _gemfile(text: str) -> Iterator[Dependency]:
    for name, wants in re.findall(
        r"""^\s*gem\s+["']([^"']+)["'](?:\s*,\s*["']([^"']+)["'])?""", text, re.MULTILINE
    ):
        yield Dependency("ruby", name, wants, "runtime", _bound(wants, exact=bool(_EXACT.fullmatch(wants))))


def _pom(text: str) -> Iterator[Dependency]:
    for block in re.findall(r"<dependency>(.{0,2000}?)</dependency>", text, re.DOTALL):
        group, name, version, scope = (
            (re.findall(rf"<{tag}>\s*([^<]*?)\s*</{tag}>", block) or [""])[0]
            for tag in ("groupId", "artifactId", "version", "scope")
        )
        kind = "dev" if scope == "test" else "runtime"
        yield Dependency(
            "java", f"{group}:{name}", version, kind, _bound(version, exact=version[:1] not in "[(")
        )


def _gradle(text: str) -> Iterator[Dependency]:
    way = r"^\s*(\w*(?:[iI]mplementation|[aA]pi|[cC]ompileOnly|[rR]untimeOnly))\s*\(?\s*"
    pattern = way + r"[\"']([\w.-]+:[\w.-]+)(?::([^\"']*))?"
    for word, name, version in re.findall(pattern, text, re.MULTILINE):
        kind = "dev" if "test" in word.lower() else "runtime"
        yield Dependency("java", name, version, kind, _bound(version, exact="+" not in version))


def _versions(
    ecosystem: str, spelled: Callable[[str], str], wanted: Mapping[str, Any], kind: str, *, skip: str = ""
) -> Iterator[Dependency]:
    """Yield the dependencies of a table of names and versions."""
    for name, told in wanted.items():
        wants = told.get("version", told.get("git", "")) if isinstance(told, dict) else told
        text = wants if isinstance(wants, str) else ""
        if name != skip:
            exact = bool(_EXACT.fullmatch(text)) and (ecosystem != "rust" or text.startswith("="))
            yield Dependency(ecosystem, spelled(name), text, kind, _bound(text, exact=exact))


def _bound(wants: str, *, exact: bool) -> str:
    if wants.strip() in {"", "*", "latest", "x"}:
        return "free"
    return "pinned" if exact else "bounded"


def _table(data: Any, key: str) -> dict[str, Any]:
    table = data.get(key, {})
    return table if isinstance(table, dict) else {}


READERS: Final[dict[bytes, Reader]] = {
    b"pyproject.toml": _pyproject,
    b"requirements.txt": _requirements,
    b"setup.cfg": _setup_cfg,
    b"setup.py": _setup_py,
    b"pipfile": _pipfile,
    b"package.json": _package_json,
    b"composer.json": _composer,
    b"cargo.toml": _cargo,
    b"go.mod": _go_mod,
    b"gemfile": _gemfile,
    b"pom.xml": _pom,
    b"build.gradle": _gradle,
    b"build.gradle.kts": _gradle,
}
