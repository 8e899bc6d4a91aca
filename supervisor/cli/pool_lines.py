"""How the scaled pools stand, as `status` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisor.headless.narrative import quoted

if TYPE_CHECKING:
    from supervisor.cli.engine_door import View
    from supervisor.model.scale import Scale


def pool_facts(seen: View) -> list[dict[str, Any]]:
    """Gather what `status --json` tells of each scaled pool; nothing while no engine runs."""
    from supervisor.model.wire import to_wire

    return [
        {"scale": to_wire(scale), "agents": _alive(seen, name)} | to_wire(seen.world.pools.get(name))
        for name, scale in _scaled(seen)
        if name in seen.world.pools
    ]


def pool_lines(seen: View) -> list[str]:
    """Tell the same in words, one line a pool."""
    lines = []
    for name, scale in _scaled(seen):
        pool = seen.world.pools.get(name)
        if pool is None:
            continue
        alive = _alive(seen, name)
        count = f"{alive} agent{'' if alive == 1 else 's'}"
        stands = f"pool {name}: {count}, {pool.wanted} wanted ({scale.min} to {scale.max})"
        if pool.manual is not None:
            stands += f", set to {pool.manual}; let it follow its work: supervisor scale {name} auto"
        lines.append(f"{stands}: {quoted(pool.reason, 300)}" if pool.reason else stands)
    return lines


def _scaled(seen: View) -> list[tuple[str, Scale]]:
    return [(pool.name, pool.scale) for pool in seen.engine.pools if pool.scale is not None]


def _alive(seen: View, pool: str) -> int:
    from supervisor.model.agent import ALIVE

    return sum(agent.pool == pool and agent.state in ALIVE for agent in seen.world.agents.values())
