"""The page `docs/keys.md`, made from the keymap."""

from __future__ import annotations

from supervisor.ui.keymap import PLACES, keys_of, spelled


def keys_page() -> str:
    """Return the whole of `docs/keys.md`."""
    parts = [
        "# Keys",
        "",
        "Generated from the keymap by `python -m supervisor.ui.keys_page`; a test compares them.",
        "",
        "The command palette (`:` or `ctrl+p`) finds the actions of every screen by name. Those of another",
        "screen act on the row chosen there, so the palette goes to that screen and its key does the rest.",
        "Moving in lists and texts, keys in dialogs and answers to approvals are not in the palette:",
        "`a` and `r` count only on the card itself, after 400 ms without a key press.",
    ]
    for title, keys in keys_of(PLACES):
        parts += ["", f"## {title}", "", "| key | action | what it does | id |", "|---|---|---|---|"]
        parts += [
            f"| `{spelled(key.keys)}` | {key.description} | {key.tooltip} | `{key.id}` |" for key in keys
        ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    print(keys_page(), end="")  # noqa: T201 - this prints a page
