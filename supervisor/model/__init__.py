"""The values that everything speaks of: frozen, pure, without I/O and without asyncio.

Contract: states move only through the tables in here, rights are decided only by
`permissions`, and the state of a team is `world.World`, the fold of its events.
It must not know databases, processes, sockets, terminals or time (times are arguments).
"""
