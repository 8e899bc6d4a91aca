"""The doors of the engine: MCP for agents, the control socket for operators.

Here foreign bytes become values and values become bytes, and nothing else happens: every decision is made by
the desk or backend handed in. This room knows no SQL, no processes and no screen.
"""
