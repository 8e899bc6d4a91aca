"""A parrot, and how a supervisor speaks with it."""
