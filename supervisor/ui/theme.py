"""The two themes, by named tokens. The only place where colours are written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="supervisor-dark",
    dark=True,
    primary="#7fa7d9",
    secondary="#86b8a5",
    accent="#e3b567",
    success="#8cc084",
    warning="#dba65c",
    error="#e27d74",
    foreground="#d5dae2",
    background="#12151a",
    surface="#12151a",
    panel="#1b2028",
    variables={
        "muted": "#8b94a3",
        "faint": "#596273",
        "cursor-row": "#26303d",
        "cursor-row-blurred": "#1c222b",
        "rule": "#2c3440",
        "bar": "#1b2028",
        "footer-background": "#1b2028",
        "footer-key-foreground": "#e3b567",
        "footer-description-foreground": "#8b94a3",
        "scrollbar": "#2c3440",
        "scrollbar-hover": "#3c4656",
        "scrollbar-active": "#4c586b",
        "scrollbar-background": "#12151a",
        "scrollbar-background-hover": "#12151a",
        "scrollbar-background-active": "#12151a",
        "scrollbar-corner-color": "#12151a",
    },
)

LIGHT: Final = Theme(
    name="supervisor-light",
    dark=False,
    primary="#2f619c",
    secondary="#2f7561",
    accent="#8f5f00",
    success="#33752d",
    warning="#945b00",
    error="#b0362b",
    foreground="#23272e",
    background="#fafaf7",
    surface="#fafaf7",
    panel="#eeeee9",
    variables={
        "muted": "#5c6470",
        "faint": "#9aa1ab",
        "cursor-row": "#dbe5f1",
        "cursor-row-blurred": "#eceef0",
        "rule": "#d3d5d3",
        "bar": "#eeeee9",
        "footer-background": "#eeeee9",
        "footer-key-foreground": "#8f5f00",
        "footer-description-foreground": "#5c6470",
        "scrollbar": "#d3d5d3",
        "scrollbar-hover": "#bfc3c6",
        "scrollbar-active": "#a5abb2",
        "scrollbar-background": "#fafaf7",
        "scrollbar-background-hover": "#fafaf7",
        "scrollbar-background-active": "#fafaf7",
        "scrollbar-corner-color": "#fafaf7",
    },
)

OWN_TOKENS: Final = ("muted", "faint", "cursor-row", "cursor-row-blurred", "rule", "bar")
"""Tokens that the toolkit's own themes lack; the dark theme's values stand in there."""


def fallback_tokens() -> dict[str, str]:
    """Return a value for each token of ours, for themes that do not define them."""
    return {token: DARK.variables[token] for token in OWN_TOKENS}


def theme_for(environ: Mapping[str, str]) -> str:
    """Choose the theme: `SUPERVISOR_THEME=light`, else dark."""
    return LIGHT.name if environ.get("SUPERVISOR_THEME", "").lower() == "light" else DARK.name
