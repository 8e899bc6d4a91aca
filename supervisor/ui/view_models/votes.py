"""Votes: what did they decide, and why."""

from __future__ import annotations

from typing import Final

from supervisor.model.vote import ABSTAIN, Ballot, TieRule, Vote, VoteOutcome, VoteState, awaits_person, tally
from supervisor.ui.safe_text import SafeText, first_line, safe
from supervisor.ui.scene import Scene
from supervisor.ui.spans import BLANK, Line, Span, Tone, line, say
from supervisor.ui.view_models.facts import fact, heading, paragraph
from supervisor.ui.view_models.rows import Column, Row
from supervisor.ui.view_models.words import left, time_of_day, when

COLUMNS: Final = (
    Column(title="vote", width=5),
    Column(title="state", width=10),
    Column(title="question", width=20, grow=6),
    Column(title="ballots", width=9, right=True),
    Column(title="result", width=14, grow=2, most=36, drop=1),
)

EMPTY: Final = (
    line(say("No votes yet", Tone.TITLE)),
    line(say("When an agent puts a question to the others, it appears here,", Tone.MUTED)),
    line(say("with every ballot and the reason given for it.", Tone.MUTED)),
)

_OUTCOMES: Final = {
    VoteOutcome.DECIDED: ("decided", Tone.GOOD),
    VoteOutcome.TIE: ("tie", Tone.WARN),
    VoteOutcome.NO_QUORUM: ("no quorum", Tone.WARN),
    VoteOutcome.RULE_NOT_MET: ("rule not met", Tone.WARN),
}
_TIES: Final = {
    TieRule.HUMAN: "to a person",
    TieRule.OPENER: "to the opener's ballot",
    TieRule.FIRST: "to the first option",
    TieRule.NONE: "stays",
}
_BAR: Final = 20


def vote_rows(scene: Scene, wanted: str = "") -> tuple[Row, ...]:
    """List the votes, open ones first, then the latest first."""
    needle = wanted.casefold()
    votes = [each for each in scene.world.votes.values() if needle in f"{each.id} {each.question}".casefold()]
    votes.sort(key=lambda each: (each.state is VoteState.CLOSED, -each.opened_at))
    return tuple(_row(scene, vote) for vote in votes)


def _row(scene: Scene, vote: Vote) -> Row:
    cast = len(scene.world.ballots_of(vote.id))
    return Row(
        key=vote.id,
        cells=(
            line(say(vote.id, Tone.LINK)),
            line(_state(scene, vote)),
            line(
                Span(first_line(vote.question), Tone.STRONG if vote.state is VoteState.OPEN else Tone.PLAIN)
            ),
            line(say(f"{cast} of {len(vote.electorate)}")),
            line(*_result(scene, vote)),
        ),
    )


def _state(scene: Scene, vote: Vote) -> Span:
    if vote.state is VoteState.OPEN:
        return say(f"{scene.glyphs.open} open", Tone.NOTICE)
    return say(f"{scene.glyphs.tick} closed", Tone.MUTED)


def _result(scene: Scene, vote: Vote) -> tuple[Span, ...]:
    if vote.state is VoteState.OPEN:
        return (say(f"{left(vote.deadline, scene.now)} left", Tone.MUTED),)
    word, tone = _OUTCOMES[vote.outcome] if vote.outcome else ("closed", Tone.MUTED)
    return (Span(first_line(vote.winner), tone),) if vote.winner else (say(word, tone),)


def vote_details(scene: Scene, vote_id: str | None) -> tuple[Line, ...]:
    """Show one vote whole: question, bars, quorum, ballots with their reasons."""
    vote = scene.world.votes.get(vote_id or "")
    if vote is None:
        return (line(say("Choose a vote to see its ballots.", Tone.MUTED)),)
    ballots = scene.world.ballots_of(vote.id)
    return (
        *paragraph(vote.question, Tone.STRONG),
        BLANK,
        fact("state", _state_words(scene, vote)),
        fact("quorum", _quorum(vote, len(ballots)), Tone.PLAIN if len(ballots) >= vote.quorum else Tone.WARN),
        fact("rule", f"{vote.rule.value.replace('_', ' ')}, tie {_TIES[vote.tie]}"),
        fact("opened", f"{when(vote.opened_at, scene.now)} by {vote.opened_by}"),
        BLANK,
        *_bars(scene, vote, ballots),
        BLANK,
        heading("ballots"),
        *(each for ballot in ballots for each in _ballot(ballot)),
        *_missing(vote, ballots),
    )


def _state_words(scene: Scene, vote: Vote) -> str:
    if vote.state is VoteState.OPEN:
        return f"open, {left(vote.deadline, scene.now)} left"
    word = _OUTCOMES[vote.outcome][0] if vote.outcome else "closed"
    winner = f": {vote.winner}" if vote.winner else ""
    because = f" ({vote.closed_because})" if vote.closed_because else ""
    by = f" by {vote.decided_by}" if vote.decided_by else ""
    settle = f"; supervisor vote decide {vote.id} OPTION" if awaits_person(vote) else ""
    return f"{word}{by}{winner}{because}{settle}"


def _quorum(vote: Vote, cast: int) -> str:
    reached = "reached" if cast >= vote.quorum else f"{vote.quorum - cast} missing"
    return f"{vote.quorum} of {len(vote.electorate)}, {reached}"


def _bars(scene: Scene, vote: Vote, ballots: tuple[Ballot, ...]) -> list[Line]:
    known = [ballot for ballot in ballots if ballot.choice in (*vote.options, ABSTAIN)]
    counts = tally(vote, known)
    if not counts[ABSTAIN]:
        counts.pop(ABSTAIN)
    most = max(len(vote.electorate), 1)
    names: dict[str, SafeText] = {option: first_line(option, 60) for option in counts}
    longest = min(max(map(len, names.values()), default=0), 32)
    lines = []
    for option, count in counts.items():
        tone = Tone.GOOD if option == vote.winner else Tone.LINK
        full = round(_BAR * count / most)
        mark = f" {scene.glyphs.tick}" if option == vote.winner else ""
        lines.append(
            line(
                say(str(count).rjust(3), Tone.STRONG),
                say(" "),
                say(scene.glyphs.bar_full * full, tone),
                say(scene.glyphs.bar_empty * (_BAR - full), Tone.FAINT),
                say(" "),
                Span(safe(names[option].ljust(longest)), tone if option == vote.winner else Tone.PLAIN),
                say(mark, Tone.GOOD),
            )
        )
    return lines


def _ballot(ballot: Ballot) -> tuple[Line, ...]:
    return (
        line(
            say(f"{time_of_day(ballot.at)}  ", Tone.FAINT),
            Span(safe(ballot.voter), Tone.STRONG),
            say("  "),
            Span(first_line(ballot.choice), Tone.LINK),
        ),
        *(paragraph(ballot.rationale, Tone.MUTED, lead="          ") if ballot.rationale.strip() else ()),
    )


def _missing(vote: Vote, ballots: tuple[Ballot, ...]) -> tuple[Line, ...]:
    cast = {ballot.voter for ballot in ballots}
    waiting = [voter for voter in vote.electorate if voter not in cast]
    if not waiting:
        return ()
    verb = "not cast yet: " if vote.state is VoteState.OPEN else "never cast: "
    return (line(say(verb, Tone.MUTED), Span(safe(", ".join(waiting)), Tone.MUTED)),)
