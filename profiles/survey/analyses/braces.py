"""Find functions in languages with braces, without a parser: good enough to point at the long ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from spelling import clipped

_STRING: Final = r'"(?:\\.|[^"\\\n])*"'
_APOSTROPHE: Final = r"'(?:\\.|[^'\\\n])*'"
_CHARACTER: Final = r"'(?:\\[^'\n]{1,8}|[^'\\\n])'"
_NOISE: Final = (
    r"//[^\n]*|/\*.*?(?:\*/|\Z)"  # comments
    r"|^[ \t]*#(?:\\\n|[^\n])*"  # directives of C, attributes of Rust, comments of PHP
    r"|@[\w.]+(?:\([^()]*\))?"  # annotations of Java, decorators of TypeScript
    r"|^[ \t]*\[[^\]\n]*\][ \t]*$"  # attributes of C#
)

_BLANKED: Final = {
    quote: re.compile(f"{_NOISE}|{_STRING}|{quote}|{raw}", re.DOTALL | re.MULTILINE)
    for quote, raw in ((_APOSTROPHE, r"`(?:\\.|[^`\\])*`"), (_CHARACTER, r"`[^`]*`"))
}
_QUOTES: Final = {"JavaScript": _APOSTROPHE, "TypeScript": _APOSTROPHE, "PHP": _APOSTROPHE}

_NAMED: Final = {
    "Go": re.compile(r"\bfunc\s*(?:\([^()]*\)\s*)?(\w+)"),
    "Rust": re.compile(r"\bfn\s+(\w+)"),
    "Swift": re.compile(r"\bfunc\s+(\w+)"),
    "Kotlin": re.compile(r"\bfun\s+(?:[\w<>, ]+\.)?(\w+)"),
    "Scala": re.compile(r"\bdef\s+(\w+)"),
    "PHP": re.compile(r"\bfunction\s+&?(\w+)"),
}
_HEAD: Final = re.compile(r"(~?\w+)\s*\([^;{}]*\)[^(){};=]*$")
_SCRIPT: Final = (
    re.compile(r"\bfunction\b\s*\*?\s*(\w+)\s*[(<]"),
    re.compile(r"([\w$]+)\s*[:=]\s*(?:async\s+)?function\b"),
    re.compile(r"([\w$]+)\s*(?::[^=;]*)?=\s*(?:async\s*)?(?:\([^;{}]*\)|\w+)[^=;{}]*=>\s*$"),
)
_KEYWORD: Final = re.compile(
    r"\b(?:if|for|foreach|while|switch|catch|with|return|else|do|try|synchronized|using|when|class"
    r"|sizeof|typeof|new|await|throw|case|function)\b"
)
_HEAD_LENGTH: Final = 600


def brace_functions(text: str, language: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, first line and number of lines of each function that the braces show."""
    plain = _BLANKED[_QUOTES.get(language, _CHARACTER)].sub(_blank, text)
    opened: list[tuple[str, int] | None] = []
    line, counted, head_start = 1, 0, 0
    for match in re.finditer(r"[{};]", plain):
        line += plain.count("\n", counted, match.start())
        counted = match.start()
        if match[0] == "{":
            opened.append(_head(plain[max(head_start, counted - _HEAD_LENGTH) : counted], language, line))
        elif match[0] == "}" and opened and (function := opened.pop()):
            yield function[0], function[1], line - function[1] + 1
        head_start = match.end()


def _head(text: str, language: str, line: int) -> tuple[str, int] | None:
    """Return the name and the first line of the function whose body opens after this text."""
    found = _named(text, language)
    if found is None:
        return None
    return clipped(found[1].encode(), 60), line - text.count("\n", found.start(1))


def _named(text: str, language: str) -> re.Match[str] | None:
    if language in _NAMED:
        return _NAMED[language].search(text)
    if language in {"JavaScript", "TypeScript"}:
        for pattern in _SCRIPT:
            if found := pattern.search(text):
                return found
    found = _HEAD.search(text)
    return None if found is None or _is_control(text, found) else found


def _is_control(text: str, found: re.Match[str]) -> bool:
    """Tell whether the head is a statement or a class, such as `else if (x)` or `class A extends f(B)`."""
    return _KEYWORD.search(text, 0, found.end(1)) is not None


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n") or " "
