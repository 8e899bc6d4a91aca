"""How to start and to understand one kind of agent.

Contract: an adapter turns a launch context into what the runtime starts, and lines of output
into typed events; it holds no state between incarnations. The environment is an allow-list;
the agent's key stands in a 0600 file of its kit and nowhere else. Other packages add adapters by
the entry-point group `supervisor.adapters`. It must not know tasks, databases, slots or screens.
"""
