"""Cycles of a directed graph."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

Graph = Mapping[bytes, frozenset[bytes]]


def circles(graph: Graph) -> list[frozenset[bytes]]:
    """Return the sets of nodes that all reach each other, largest first; lone nodes do not count."""
    backwards: dict[bytes, set[bytes]] = {node: set() for node in graph}
    for node, targets in graph.items():
        for target in targets:
            if target in backwards:
                backwards[target].add(node)
    reversed_graph = {node: frozenset(sources) for node, sources in backwards.items()}
    assigned: set[bytes] = set()
    groups: list[frozenset[bytes]] = []
    for root in reversed(list(_finished(graph, sorted(graph), set()))):
        group = frozenset(_finished(reversed_graph, [root], assigned))
        if len(group) > 1:
            groups.append(group)
    return sorted(groups, key=lambda group: (-len(group), min(group)))


def shortest_cycle(graph: Graph, group: frozenset[bytes]) -> list[bytes]:
    """Return one shortest way round within a group of `circles`, its first node not repeated."""
    ways = [_way_back(graph, group, start) for start in sorted(group)[:50]]
    return min((way for way in ways if way), key=len, default=[])


def _finished(graph: Graph, roots: list[bytes], seen: set[bytes]) -> Iterator[bytes]:
    """Yield what can be reached from the roots, each node after all that it leads to."""
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        ways = [(root, iter(sorted(graph[root])))]
        while ways:
            node, targets = ways[-1]
            step = next((target for target in targets if target in graph and target not in seen), None)
            if step is None:
                ways.pop()
                yield node
            else:
                seen.add(step)
                ways.append((step, iter(sorted(graph[step]))))


def _way_back(graph: Graph, group: frozenset[bytes], start: bytes) -> list[bytes]:
    came_from: dict[bytes, bytes] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        targets = graph[node] & group
        if start in targets:
            way = [node]
            while way[-1] != start:
                way.append(came_from[way[-1]])
            return way[::-1]
        for target in sorted(targets - came_from.keys()):
            came_from[target] = node
            queue.append(target)
    return []
