"""Which step of which script is next in a conversation, and what the model says then.

It is found in the request alone: the newest words of the user that contain a script, and how many tools the
model has called since. So a client may be killed and go on, and the server be started anew.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from supervisor.testing.script import Step, answers_of, script_in
from supervisor.testing.scripted_request import (
    Asked,
    Beat,
    BeatKind,
    Refusal,
    Reply,
    Speaker,
    Spent,
    Tool,
    ToolCall,
)
from supervisor.testing.scripted_scenes import Scene, Stage
from supervisor.testing.scripted_tools import (
    SEARCHES,
    arguments_of,
    sample_of,
    searched_name,
    tool_for,
    values_of,
    wanted_name,
)

NOTHING_TO_PLAY: Final = "The scripted model was told no `SCRIPT: …` and has no scene for this."

TYPICAL: Final = Spent()
"""What an answer says it has used, if nobody says otherwise."""

_SIDE_WORDS: Final = ("title", "next_speaker", "summar", "quota", "topic", "classif", "warmup", "suggest")
_SEARCHES_MAX: Final = 2
_NAMED: Final = re.compile(r'`(\w+)` (?:"([^"\n]+)"|(\d+))')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cue:
    """Where in the conversation the script stands that is played now."""

    index: int
    script: tuple[Step, ...]
    given: Mapping[str, str] = field(default_factory=dict)
    turn: str = ""


class Player:
    """Answers requests; it remembers only how often it refused one and which scenes were played."""

    def __init__(self, scenes: Iterable[Scene] = (), *, spent: Spent = TYPICAL) -> None:
        """Begin with nothing played; `spent` is what an answer says it has used, if its script does not."""
        self._stage: Final = Stage(scenes)
        self._spent: Final = spent
        self._refused: Final[Counter[str]] = Counter()
        self._run: Final = secrets.token_hex(3)

    def reply(self, asked: Asked, number: int) -> Reply | Refusal:
        """Return what is answered to a request; `number` makes the names of its calls unique."""
        if is_side(asked):
            return _aside(asked)
        try:
            cue = self._cue(asked)
        except ValueError as problem:
            return _spoken(str(problem))
        if cue is None or _is_over(asked, cue):
            return _spoken(NOTHING_TO_PLAY if cue is None else "done")
        answers = answers_of(cue.script)
        group = answers[_position(answers, _calls_since(asked, cue))]
        refusal = self._refusal(group, cue.turn)
        if refusal is not None:
            return refusal
        self._stage.answered(cue.turn)
        return self._played(asked, cue, group, number)

    def _cue(self, asked: Asked) -> _Cue | None:
        told = "\n".join((asked.system, *(one.text for one in asked.said if one.speaker is Speaker.USER)))
        for index in range(len(asked.said) - 1, -1, -1):
            one = asked.said[index]
            if one.speaker is not Speaker.USER:
                continue
            turn = _name_of_turn(asked, index)
            begins = not any(later.calls for later in asked.said[index + 1 :])
            scene = self._stage.scene(turn, one.text, told, begins=begins)
            if scene is not None:
                given = {**_named_in(one.text), **scene.values_in(one.text)}
                return _Cue(index=index, script=scene.script, given=given, turn=turn)
            script = script_in(one.text)
            if script is not None:
                return _Cue(index=index, script=script, given=_named_in(one.text), turn=turn)
        return None

    def _refusal(self, group: tuple[Step, ...], turn: str) -> Refusal | None:
        """Refuse as often as the step says; once the answer was given it would refuse again as often."""
        keys = []
        for place, step in enumerate(group):
            if step.verb != "http":
                continue
            code, times, retry_after = (*step.rest.split(), "", "")[:3]
            key = f"{turn}:{place}:{group[-1]}"
            keys.append(key)
            if self._refused[key] < int(times or 1):
                self._refused[key] += 1
                return Refusal(
                    status=int(code),
                    retry_after_s=float(retry_after) if retry_after else None,
                    step=f"http {step.rest}",
                )
        for key in keys:
            del self._refused[key]
        return None

    def _played(self, asked: Asked, cue: _Cue, group: tuple[Step, ...], number: int) -> Reply:
        last = group[-1]
        try:
            beats = tuple(self._beats(asked, cue, group, number))
        except ValueError as problem:
            return _spoken(f"The script cannot be played: {problem}")
        spent = next((_spent_by(step, self._spent) for step in group if step.verb == "usage"), self._spent)
        return Reply(beats=beats, spent=spent, step=f"{last.verb} {last.rest}".strip())

    def _beats(self, asked: Asked, cue: _Cue, group: tuple[Step, ...], number: int) -> Iterator[Beat]:
        calls = self._calls(asked, cue, group[-1], number)
        if group[-1].calls and calls is None:
            offered = ", ".join(sorted(tool.full_name for tool in asked.tools))
            missing = ", ".join(wanted_name(step) for step in group[-1].calls)
            raise ValueError(f"this client does not offer {missing}; it offers: {offered or 'no tool'}")
        values = values_of(asked, cue.given)
        for step in group:
            yield from _simple_beats(Step(step.verb, values.put_into(step.rest)))
        for call in calls or ():
            yield Beat(kind=BeatKind.CALL, call=call)

    def _calls(self, asked: Asked, cue: _Cue, last: Step, number: int) -> list[ToolCall] | None:
        """Return the calls of a step, or the search for the first of its tools that was not shown yet."""
        values = values_of(asked, cue.given)
        found: list[tuple[Tool, dict[str, object]]] = []
        for step in last.calls:
            tool = tool_for(step, asked.tools)
            if tool is None:
                search = _search(step, asked, cue)
                if search is None:
                    return None
                found = [search]
                break
            found.append((tool, arguments_of(step, tool, values)))
        return [
            ToolCall(tool=tool, arguments=arguments, id=f"call_{self._run}_{number}_{place}")
            for place, (tool, arguments) in enumerate(found)
        ]


def _named_in(prompt: str) -> dict[str, str]:
    """Find what a prompt says by name, as ours do: `task_id` "T3", `token` 17."""
    return {found[1]: found[2] or found[3] for found in _NAMED.finditer(prompt)}


def is_side(asked: Asked) -> bool:
    """Say whether a client asks this for itself: a title, who speaks next, a warm-up."""
    if asked.tools:
        return False
    if asked.schema is not None:
        return True
    told = f"{asked.system}\n{asked.said[-1].text if asked.said else ''}".casefold()
    return not asked.said or any(word in asked.system.casefold() for word in _SIDE_WORDS) or told == "\nquota"


def _aside(asked: Asked) -> Reply:
    text = "Scripted work"
    if asked.schema is not None:
        text = json.dumps(sample_of(asked.schema))
    return Reply(beats=(Beat(kind=BeatKind.TEXT, text=text),), step="aside", is_side=True)


def _spoken(text: str) -> Reply:
    return Reply(beats=(Beat(kind=BeatKind.TEXT, text=text),), step=f"say {text}")


def _name_of_turn(asked: Asked, index: int) -> str:
    spoken = "\0".join((asked.session, *(one.text for one in asked.said[: index + 1])))
    return hashlib.blake2b(spoken.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _is_over(asked: Asked, cue: _Cue) -> bool:
    """Say whether the script was played to its end, and the user has spoken since."""
    later = asked.said[cue.index + 1 :]
    final = next(
        (i for i, one in enumerate(later) if one.speaker is Speaker.MODEL and one.text and not one.calls),
        None,
    )
    return final is not None and any(one.speaker is Speaker.USER for one in later[final:])


def _calls_since(asked: Asked, cue: _Cue) -> int:
    return sum(name not in SEARCHES for one in asked.said[cue.index + 1 :] for name in one.calls)


def _position(answers: tuple[tuple[Step, ...], ...], made: int) -> int:
    """Return which answer is next when so many tools were called."""
    before = 0
    for index, group in enumerate(answers):
        if before >= made:
            return index
        before += len(group[-1].calls)
    return len(answers) - 1


def _search(step: Step, asked: Asked, cue: _Cue) -> tuple[Tool, dict[str, object]] | None:
    """Look for a tool that the client hides; None if it has no search, or did not find it."""
    name = searched_name(step, asked)
    later = [called for one in asked.said[cue.index + 1 :] for called in one.calls]
    tried = 0
    while tried < len(later) and later[-1 - tried] in SEARCHES:
        tried += 1
    by_name = {tool.name: tool for tool in asked.tools}
    search = next((by_name[known] for known in SEARCHES if known in by_name), None)
    if search is not None and tried < _SEARCHES_MAX and not (tried and "tool_call" in by_name):
        return search, {**_required(search), "query": f"select:{name}"}
    through = by_name.get("tool_call")
    if through is None or not tried:
        return None
    arguments = arguments_of(step, through, values_of(asked, cue.given))
    return through, {**_required(through), "name": name, "arguments": arguments}


def _required(tool: Tool) -> dict[str, object]:
    sample = sample_of({**tool.schema, "type": "object", "properties": tool.schema.get("properties") or {}})
    needed = tool.schema.get("required") or ()
    return {name: value for name, value in sample.items() if name in needed}


def _spent_by(step: Step, otherwise: Spent) -> Spent:
    numbers = [int(word) for word in step.rest.split()]
    if len(numbers) not in {2, 3}:
        raise ValueError("`usage` needs INPUT OUTPUT [CACHED]")
    return replace(
        otherwise,
        input_tokens=numbers[0],
        output_tokens=numbers[1],
        cached_tokens=numbers[2] if len(numbers) == 3 else 0,
    )


def _simple_beats(step: Step) -> Iterator[Beat]:
    match step.verb:
        case "say":
            yield Beat(kind=BeatKind.TEXT, text=step.rest or "done")
        case "note":
            yield Beat(kind=BeatKind.TEXT, text=f"{step.rest}\n")
        case "think":
            yield Beat(kind=BeatKind.THINK, text=step.rest)
        case "sleep":
            yield Beat(kind=BeatKind.WAIT, wait_s=float(step.rest))
        case "drip":
            yield from _drip(step)
        case "hang":
            yield Beat(kind=BeatKind.HANG)
        case "die" | "line" | "flood":
            raise ValueError(f"`{step.verb}` is for scripted agents, not for a model")
        case _:
            return


def _drip(step: Step) -> Iterator[Beat]:
    count, gap, text = (*step.rest.split(" ", 2), "", "")[:3]
    for number in range(int(count)):
        yield Beat(kind=BeatKind.WAIT, wait_s=float(gap))
        yield Beat(
            kind=BeatKind.TEXT,
            text=f"{text} ",
            is_first=number == 0,
            is_last=number == int(count) - 1,
        )
