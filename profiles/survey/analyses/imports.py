"""Import cycles between the Python modules of the tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from analyses.analysis import Analysis
from analyses.cycles import circles, shortest_cycle
from analyses.functions import UNPARSABLE, parsed
from analyses.modules import ModuleNames
from findings import Findings, Row
from spelling import spell, unspell
from tree import Entry

_METHOD: Final = (
    "Python files parsed to syntax trees; an edge is an import that runs when the module is loaded (not"
    " inside a function, not under `if TYPE_CHECKING`) and resolves to a file of the tree. That "
    "importing a module also loads its parent packages is not counted. A cycle group is a set of "
    "modules that all reach each other."
)


class Imports(Analysis):
    """Draws the graph of load-time imports and finds the circles in it."""

    label = "imports"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.names = ModuleNames(entry.path for entry in self.entries)
        self.edges: dict[bytes, set[bytes]] = {entry.path: set() for entry in self.entries}
        self.unparsed = 0

    def chosen(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.tree.entries if entry.path.endswith(b".py"))

    def take(self, index: int) -> None:
        path = self.entries[index].path
        content = self.text_of(self.entries[index])
        if content is None:
            return
        try:
            module = parsed(content)
        except UNPARSABLE:
            self.unparsed += 1
            return
        for statement in load_time_imports(module):
            self.edges[path].update(self._targets(path, statement))
        self.edges[path].discard(path)

    def findings(self) -> Findings:
        graph = {path: frozenset(targets) for path, targets in self.edges.items()}
        groups = circles(graph)
        rows: list[Row] = [
            {"modules": len(group), "cycle": [spell(path) for path in shortest_cycle(graph, group)[:12]]}
            for group in groups
        ]
        left_out = self.left_out()
        if self.unparsed:
            left_out.append(f"{self.unparsed} files could not be parsed")
        figures = {
            "modules": len(self.entries),
            "imports": sum(map(len, self.edges.values())),
            "cycle_groups": len(groups),
            "modules_in_cycles": sum(map(len, groups)),
            "largest_group": max(map(len, groups), default=0),
            "unparsed_files": self.unparsed,
        }
        return Findings(
            label=self.label,
            method=_METHOD,
            figures=self.coverage() | figures,
            evidence=rows[: self.effort.rows],
            left_out=left_out,
            details=rows,
        )

    def learning(self) -> dict[str, Any]:
        edges = {
            spell(path): [spell(target) for target in sorted(targets)]
            for path, targets in self.edges.items()
            if targets
        }
        return {"edges": edges, "unparsed": self.unparsed}

    def relearn(self, learnt: dict[str, Any]) -> None:
        for path, targets in learnt["edges"].items():
            self.edges[unspell(path)] = set(map(unspell, targets))
        self.unparsed = int(learnt["unparsed"])

    def _targets(self, path: bytes, statement: ast.Import | ast.ImportFrom) -> Iterator[bytes]:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if target := self.names.beside(path, _raw(alias.name)):
                    yield target
            return
        for alias in statement.names:
            if target := self._from(path, statement, _raw(alias.name)):
                yield target

    def _from(self, path: bytes, statement: ast.ImportFrom, name: bytes) -> bytes | None:
        """Return the submodule that `from … import name` loads, or else the module it names."""
        module = _raw(statement.module or "")
        if not statement.level:
            return self.names.beside(path, module + b"." + name) or self.names.beside(path, module)
        package = self.names.package_of(path)
        if statement.level - 1 > len(package):
            return None
        parts = package[: len(package) - statement.level + 1]
        if module:
            parts = (*parts, *module.split(b"."))
        return self.names.at((*parts, name)) or self.names.at(parts)


def load_time_imports(module: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that run when the module is loaded."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting.extend(node.orelse)
        elif isinstance(node, ast.stmt | ast.Module | ast.ExceptHandler | ast.match_case) and not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef
        ):
            waiting.extend(ast.iter_child_nodes(node))


def _is_type_checking(test: ast.expr) -> bool:
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING"


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
