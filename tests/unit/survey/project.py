"""Small projects that tests grow, and the machine's own tools to measure them with."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from analyses.analysis import Analysis
from effort import Effort
from findings import Findings
from tree import Tree, list_tree

AUTHORS = {"Ada": "ada@example.org", "Bob": "bob@example.org"}


@dataclass(frozen=True)
class Project:
    root: Path

    def write(self, name: str | bytes, content: str | bytes = "") -> Path:
        path = self.root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def git(self, *arguments: str, author: str = "Ada", at: int = 1_700_000_000) -> str:
        identity = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", author), ("EMAIL", AUTHORS[author]), ("DATE", f"{at} +0000"))
        }
        nothing = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        ran = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env=os.environ | identity | nothing,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return ran.stdout

    def commit(self, author: str = "Ada", at: int = 1_700_000_000) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change", author=author, at=at)

    def shell(self, command: str) -> str:
        """Run what a reader of the report would type."""
        ran = subprocess.run(
            ["bash", "-c", command], cwd=self.root, check=True, capture_output=True, text=True, timeout=60
        )
        return ran.stdout.strip()

    def tree(self) -> Tree:
        return list_tree(os.fsencode(self.root))

    def paths(self) -> list[bytes]:
        return [entry.path for entry in self.tree().entries]

    def analyse(self, kind: type[Analysis], effort: Effort | None = None) -> Findings:
        return finished(kind(self.tree(), effort or Effort()))


def finished(analysis: Analysis) -> Findings:
    while not analysis.is_complete:
        analysis.advance(60)
    return analysis.findings()
