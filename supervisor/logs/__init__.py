"""What agents wrote, byte by byte as they wrote it: appended, rotated, indexed, followed, searched.

The files hold raw bytes; whoever shows them escapes them. Writing never holds the caller: a slow disk
holds back the one agent that writes too much, a full or dead one costs output and says so, never an
agent. The room must not know what an agent, a task or a screen is.
"""
