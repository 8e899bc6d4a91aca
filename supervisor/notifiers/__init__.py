"""The way out: what a person should hear of leaves for chat, webhook, desktop and bell.

Contract: each sink has a bounded queue and a task of its own; nothing here ever makes a commit, an agent or
another sink wait. What was not sent when the engine died is sent by the next one: each sink keeps the number
of the last event it has dealt with. Foreign text leaves escaped and cut to size; URLs and secrets are read
from the environment or a private file when they are needed and appear in no log, event, feed or answer. This
room sees the coordinator's events and its own bookkeeping; it must not know agents, processes of the team,
the other doors or SQL.
"""
