"""Widgets that draw view models line by line and post messages.

Contract: they cost the same for ten rows and for a million, repaint only rows that changed, and
draw only safe text. They fetch nothing and must not know the feed, the engine or the app.
"""
