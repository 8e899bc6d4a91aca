"""The tools that agents call: one argument model and one use case each, in one table.

Contract: names, schemas and descriptions are fixed per release and hold no agent's text;
every tool names the operations that grant it; unknown arguments are refused.
It must not know the SDK, HTTP or keys.
"""
