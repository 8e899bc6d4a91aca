"""A run without a screen: its story as lines or JSON, its exit code, its report on disk.

Contract: it sees the team only through the control client's feed, prints nothing that was
not made visible first, and writes report files whole or not at all. It must not know
textual, the store, processes or how a team is supervised.
"""
