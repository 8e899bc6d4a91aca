"""The verbs for people and scripts: they parse, ask the engine, print, and answer with an exit code.

Contract: stdout is data, stderr is narration, every `--json` answer carries its version, and
foreign text is made visible before it is printed. A verb imports what it needs inside itself.
This room must not decide anything about tasks, agents or approvals: it only asks.
"""
