"""The use cases of the team: one transaction each, every change with its event.

Contract: a call either commits whole and is answered after the commit, or changes nothing
and raises a RequestError. Rights come from `model.permissions`, moves from `model` tables.
It must not know processes, sockets, MCP, terminals, or who restarts whom.
"""
