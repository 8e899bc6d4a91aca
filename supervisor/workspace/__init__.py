"""Where a team's state, lock and socket live on the disk of one project, and what git says of it.

Contract: whatever it hands out belongs to this user, is closed to others and is no symbolic link;
anything else is refused with its reason, never mended behind the owner's back. Paths are built only
from checked names. It must not know tasks, agents' processes, databases, MCP or terminals.
"""
