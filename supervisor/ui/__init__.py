"""The terminal UI: what needs me, what is stuck and why, is it getting done.

Contract: everything shown comes from the control client's feed (a snapshot, then numbered
events) through pure view models, and is painted by one 4 Hz timer; everything a person decides
leaves as one command to the engine. Foreign text reaches the screen only through `safe_text`.
It must not know the database, the MCP server, processes, the coordinator or the supervision tree.
"""
