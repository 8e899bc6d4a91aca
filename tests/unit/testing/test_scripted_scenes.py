from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.testing.scripted_player import NOTHING_TO_PLAY, Player
from supervisor.testing.scripted_request import Asked, Reply, Said, Speaker, Tool
from supervisor.testing.scripted_scenes import read_scenes

SCENES = r"""
[[scenes]]
when = ["judge the work", "PARSER"]
role = "in the role `judge`"
times = 1
script = 'mcp task_reject {"task_id": "$task_id", "feedback": "$what has no tests"} ;; say rejected'
[scenes.values]
what = 'for task (T\d+)'

[[scenes]]
when = "judge the work"
script = 'say fine'
"""
PROMPT = 'Judge the work that was handed in for task T4: the parser. Call it with `task_id` "T4".'
REJECT = Tool(name="mcp__supervisor__task_reject")


def asked(prompt: str, *later: Said, session: str = "") -> Asked:
    said = (Said(speaker=Speaker.USER, text=prompt), *later)
    return Asked(
        model="m", system="You are in the role `judge`.", said=said, tools=(REJECT,), session=session
    )


def player(tmp_path: Path) -> Player:
    (tmp_path / "scenes.toml").write_text(SCENES)
    return Player(read_scenes(tmp_path / "scenes.toml"))


def text_of(player: Player, one: Asked) -> str:
    reply = player.reply(one, 1)
    assert isinstance(reply, Reply)
    return "".join(beat.text or (beat.call.spelled if beat.call else "") for beat in reply.beats)


def test_a_scene_is_played_as_often_as_it_says(tmp_path: Path) -> None:
    judge = player(tmp_path)

    first = text_of(judge, asked(PROMPT))
    called = Said(speaker=Speaker.MODEL, calls=(REJECT.name,))
    again = text_of(judge, asked(PROMPT, called, Said(speaker=Speaker.TOOL, text="ok")))
    second = text_of(judge, asked(PROMPT))

    assert first == '{"task_id": "T4", "feedback": "T4 has no tests"}'
    assert (again, second) == ("rejected", "fine")


def test_a_scene_goes_before_a_script_and_nothing_fits_another_prompt(tmp_path: Path) -> None:
    judge = player(tmp_path)

    assert text_of(judge, asked("SCRIPT: say mine\njudge the work")) == "fine"
    assert text_of(judge, asked("> SCRIPT: say quoted")) == "quoted"
    assert text_of(judge, asked("hello")) == NOTHING_TO_PLAY


def test_a_turn_without_a_script_does_not_play_the_last_one_again(tmp_path: Path) -> None:
    final = Said(speaker=Speaker.MODEL, text="mine")
    later = Said(speaker=Speaker.USER, text="and now?")

    assert text_of(player(tmp_path), asked("SCRIPT: say mine", final, later)) == "done"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scenes = 3", "[[scenes]]"),
        ("[[scenes]]\nwhen = []\nscript = 'say x'", "at least one word"),
        ("[[scenes]]\nwhen = 'x'\nscript = 'dance'", "no step `dance`"),
        ("[[scenes]]\nwhen = 'x'\ntimes = 0\nscript = ''", "from 1 up"),
        ("[[scenes]]\nwhat = 'x'\nscript = ''", "unknown key what"),
        ("[[scenes]]\nwhen = 'x'\nscript = ''\nvalues = {a = '('}", "scene 1"),
        ("[", "cannot be read"),
    ],
)
def test_a_scene_file_with_a_mistake_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "scenes.toml").write_text(text)

    with pytest.raises(ValueError) as refused:
        read_scenes(tmp_path / "scenes.toml")
    assert words in str(refused.value)
