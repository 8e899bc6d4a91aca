"""Run a team of coding agents on one project: alive, coordinated, visible, safe."""

__version__ = "0.1.0"
