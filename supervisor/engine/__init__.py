"""The composition root: builds and wires all rooms below, and takes them down in order.

Contract: one engine per project; what it starts it ends; an engine that was killed is continued
by the next one without a manual step. It must not know terminals or how anything is drawn.
"""
