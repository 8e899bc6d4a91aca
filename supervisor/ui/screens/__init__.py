"""The six screens and the dialogs.

Contract: a screen lays out widgets, hands them the view models of a scene and turns keys into
commands. It must not know how commands reach the engine or where the scene comes from.
"""
