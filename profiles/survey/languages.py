"""Which language a file is written in, by its name alone."""

from __future__ import annotations

from typing import Final

_EXTENSIONS: Final = {
    "Python": "py pyi pyw",
    "C": "c h",
    "C++": "cc cpp cxx hh hpp hxx",
    "C#": "cs",
    "Go": "go",
    "Rust": "rs",
    "Java": "java",
    "Kotlin": "kt kts",
    "Scala": "scala",
    "Swift": "swift",
    "JavaScript": "js jsx mjs cjs",
    "TypeScript": "ts tsx mts cts",
    "PHP": "php",
    "Ruby": "rb",
    "Perl": "pl pm",
    "Lua": "lua",
    "R": "r",
    "Haskell": "hs",
    "Elixir": "ex exs",
    "Erlang": "erl hrl",
    "Shell": "sh bash zsh",
    "SQL": "sql",
    "HTML": "html htm xhtml",
    "CSS": "css scss sass less",
    "Vue": "vue svelte",
    "Markdown": "md markdown",
    "reStructuredText": "rst",
    "Text": "txt",
    "JSON": "json jsonl",
    "YAML": "yml yaml",
    "TOML": "toml",
    "INI": "ini cfg conf",
    "XML": "xml xsd svg",
    "CSV": "csv tsv",
    "Protobuf": "proto",
    "Assembly": "s asm",
    "CMake": "cmake",
    "Makefile": "mk",
    "Translation": "po pot",
}
_BY_EXTENSION: Final = {
    extension.encode(): language for language, words in _EXTENSIONS.items() for extension in words.split()
}
_BY_NAME: Final = {
    b"makefile": "Makefile",
    b"gnumakefile": "Makefile",
    b"dockerfile": "Dockerfile",
    b"cmakelists.txt": "CMake",
    b"rakefile": "Ruby",
    b"gemfile": "Ruby",
}
OTHER: Final = "Other"

BRACES: Final = frozenset(
    {"C", "C++", "C#", "Go", "Rust", "Java", "Kotlin", "Scala", "Swift", "JavaScript", "TypeScript", "PHP"}
)
"""Languages whose functions are blocks in braces."""

CODE: Final = BRACES | {"Python", "Ruby", "Perl", "Lua", "R", "Haskell", "Elixir", "Erlang", "Shell", "Vue"}
"""Languages that people program in, as opposed to prose, data and markup."""


def extension_of(path: bytes) -> bytes:
    """Return the last extension of the path in lower case without its dot, or nothing."""
    name = path.rpartition(b"/")[2]
    stem, dot, extension = name.rpartition(b".")
    return extension.lower() if dot and stem else b""


def language_of(path: bytes) -> str:
    """Name the language of a path; `Other` when its name does not tell."""
    name = path.rpartition(b"/")[2].lower()
    return _BY_NAME.get(name) or _BY_EXTENSION.get(extension_of(path), OTHER)
