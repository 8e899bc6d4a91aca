"""The operators' door: JSON lines over a Unix socket that only its owner can open.

A client gets a snapshot, then numbered events; it sends verbs and gets answers or errors by code. This room
must not know what a verb does, and a slow or broken client must never hold up the engine.
"""
