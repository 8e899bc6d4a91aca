"""What the words of one list item say: a title, and around it priority, people, tags, needs and a key."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from supervisor.config.check_text import CheckUnreadable, is_check, read_check
from supervisor.config.planned import quoted
from supervisor.model.evidence import Check
from supervisor.model.ids import NAME_PATTERN
from supervisor.model.task import COMPLEXITY_MAX, PRIORITY_WORDS

WORDS_MAX: Final = 4000
"""How many characters the line of an item may have."""

_PRIORITY: Final = re.compile(
    rf"\(({'|'.join(PRIORITY_WORDS)})\)|!({'|'.join(PRIORITY_WORDS)})", re.IGNORECASE
)
_SIGN: Final = re.compile(r"([@#])([a-z0-9][a-z0-9_-]{0,62})")
_KEY: Final = re.compile(r"\{#([^{}\s]{1,200})\}")
_INLINE: Final = re.compile(r"(?:^|(?<=\s))(after|needs):\s*", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"(after|needs|complexity|review|check):\s*(.+)\Z", re.IGNORECASE)
_NAME: Final = re.compile(r'\s*(?:"([^"]*)"|([^,]*))\s*(?:,|\Z)')
_BOLD: Final = re.compile(r"\*\*([^*]+)\*\*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemText:
    """One item's words, taken apart. `whom` is an agent, pool, role, group or tag; `after` names tasks."""

    title: str = ""
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    whom: str | None = None
    key: str | None = None
    after: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    complexity: int | None = None
    review: bool | None = None
    checks: tuple[Check, ...] = ()
    problems: tuple[str, ...] = ()

    def with_attribute(self, name: str, value: str) -> tuple[ItemText, tuple[str, ...]]:
        """Return this with what `name: value` says, and what is wrong with it."""
        match name:
            case "after":
                return replace(self, after=(*self.after, *names_in(value))), ()
            case "needs":
                tags = tuple(word for word in re.split(r"[,\s]+", value) if word)
                wrong = tuple(
                    f"needs: {quoted(tag)} is no tag" for tag in tags if not NAME_PATTERN.match(tag)
                )
                return replace(self, needs=(*self.needs, *tags)), wrong
            case "check":
                return self._with_check(value)
            case "complexity":
                return replace(self, complexity=int(value)), ()
            case _:
                return replace(self, review=value.lower() == "yes"), ()

    def _with_check(self, value: str) -> tuple[ItemText, tuple[str, ...]]:
        try:
            return replace(self, checks=(*self.checks, read_check(value))), ()
        except CheckUnreadable as error:
            return self, (str(error),)


def attribute_of(words: str) -> tuple[str, str] | None:
    """Return name and value of a line such as `after: design`; None if it is only prose."""
    found = _ATTRIBUTE.match(words)
    if found is None:
        return None
    name, value = found[1].lower(), found[2].strip()
    if name == "complexity" and not (
        value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= COMPLEXITY_MAX
    ):
        return None
    if name == "check" and not is_check(value):
        return None
    if name == "review" and value.lower() not in {"yes", "no"}:
        return None
    return name, value


def names_in(value: str) -> tuple[str, ...]:
    """Take a list of names apart at its commas; one with a comma stands in double quotes."""
    names = []
    position = 0
    while position < len(value):
        found = _NAME.match(value, position)
        if found is None or found.end() == position:  # what follows a closing quote
            names.append(value[position:].strip())
            break
        names.append((found[1] if found[1] is not None else found[2]).strip())
        position = found.end()
    return tuple(name for name in names if name)


def item_text(words: str) -> ItemText:
    """Take an item's line apart. Signs count at its end, a priority at its beginning too."""
    if len(words) > WORDS_MAX:
        return ItemText(title="too long", problems=(f"an item's line has at most {WORDS_MAX} characters",))
    said, rest = _signs(ItemText(), words)
    head, *attributes = _INLINE.split(rest)
    problems: tuple[str, ...] = ()
    for name, value in zip(attributes[::2], attributes[1::2], strict=True):
        said, wrong = said.with_attribute(name.lower(), value.strip().rstrip(",;"))
        problems += wrong
    said, title = _signs(said, head)
    title = _BOLD.sub(r"\1", _unescaped(title)).strip()
    if not title:
        problems = (*problems, "an item without a title")
    return replace(said, title=title or words, problems=(*said.problems, *problems))


def _signs(said: ItemText, words: str) -> tuple[ItemText, str]:
    """Take signs from the end of a line, and a priority from its beginning."""
    left = words.split()
    while left and (more := _sign(said, left[-1])) is not None:
        said = more
        left.pop()
    if left and (first := _PRIORITY.fullmatch(left[0])) is not None:
        said = _with_priority(said, first)
        left.pop(0)
    if left and left[-1] in {"-", "\u2013", "\u2014", ";"}:
        left.pop()
    return said, " ".join(left)


def _unescaped(title: str) -> str:
    """Take the backslash off a last word that would be a sign without it."""
    before, gap, last = title.rpartition(" ")
    is_sign = last[:1] == "\\" and _sign(ItemText(), last[1:]) is not None
    return f"{before}{gap}{last[1:]}" if is_sign else title


def _sign(said: ItemText, word: str) -> ItemText | None:
    """Return what is said with this sign too; None if the word is none."""
    if (priority := _PRIORITY.fullmatch(word)) is not None:
        return _with_priority(said, priority)
    if (key := _KEY.fullmatch(word)) is not None:
        return replace(said, key=key[1])
    sign = _SIGN.fullmatch(word)
    if sign is None or sign[2].isdigit():  # `#12` is somebody's number
        return None
    if sign[1] == "#":
        return replace(said, tags=tuple(dict.fromkeys((sign[2], *said.tags))))
    if said.whom is not None:
        return replace(said, problems=(*said.problems, f"a second `@`: {quoted(word)}; a task is for one"))
    return replace(said, whom=sign[2])


def _with_priority(said: ItemText, found: re.Match[str]) -> ItemText:
    return replace(said, priority=(found[1] or found[2]).lower())
