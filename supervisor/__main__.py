"""`python -m supervisor` is the command `supervisor`."""

from __future__ import annotations

from supervisor.cli.main import main

main()
