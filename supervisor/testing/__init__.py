"""Fakes of product grade: what tests and benchmarks use in place of time and of the outside.

Contract: a fake keeps the promises of the protocol it stands for and adds only the handles
by which a test moves it. The product never imports this room.
"""
