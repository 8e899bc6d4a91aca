"""A profile's TOML becomes a TeamSpec here, or one error that carries every problem with its line.

Contract: what leaves this room is whole and in range, so that nobody else checks it again; the key
tables in `keys` drive the parser, the JSON Schema and the reference page alike. Nothing is started
and nothing is looked up by name inside a project. It must not know adapters, processes or the store.
"""
