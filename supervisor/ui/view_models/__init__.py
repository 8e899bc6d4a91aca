"""What each screen shows, as pure functions from a scene to rows and lines.

Contract: a view model reads one `Scene` and returns values; equal scenes give equal values, so
widgets repaint only what differs. It must not know Textual, widgets, keys or the control client.
"""
