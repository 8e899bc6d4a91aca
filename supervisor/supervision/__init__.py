"""Who is started, when again, and when no more: one slot per agent, in OTP's words.

Contract: a slot has at most one live incarnation, and starts the next only when the process
tree of the last is verified empty; nothing starts after the stop mark; a stop is complete when
the trees are empty; an agent that keeps failing is parked, visibly, and the team goes on.
It must not know tasks, databases, MCP, or how a process is started and ended: that comes in
through the protocols of `ports`, and time and chance as arguments.
"""
