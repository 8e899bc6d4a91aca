"""Writing to agents, from wherever one is."""

from __future__ import annotations

from textual.screen import Screen

from supervisor.ui.commands import Command
from supervisor.ui.safe_text import safe
from supervisor.ui.scene import Scene
from supervisor.ui.screens.dialogs import ComposeDialog, Letter


def addresses(scene: Scene) -> tuple[str, ...]:
    """List everything that can be written to: agents, roles, groups, all."""
    agents = sorted(scene.world.agents.values(), key=lambda each: each.name)
    roles = sorted({f"role:{agent.role.value}" for agent in agents})
    groups = sorted({f"group:{group}" for agent in agents for group in agent.groups})
    return (*(agent.name for agent in agents), *roles, *groups, "all")


def write_letter(screen: Screen[None], scene: Scene, *, to: str = "", thread: str = "") -> None:
    """Open the dialog for a message and send what comes back."""

    def written(letter: Letter | None) -> None:
        if letter is not None:
            args = {"to": letter.to, "body": letter.body, "urgent": letter.urgent, "thread": thread}
            screen.post_message(Command("send", args, done=f"Sent to {safe(letter.to)}"))

    screen.app.push_screen(ComposeDialog(to, addresses(scene)), written)
