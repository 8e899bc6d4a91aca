"""What it costs: plain programs that measure and print tables, with the peers beside us in the same run.

Contract: `python -m benchmarks [NAME …]` repeats every figure of docs/performance.md. What concerns a
person or an agent is measured through the public doors, on real engines on throw-away projects; what
concerns the store through the coordinator's use cases, on real files. A peer that is not installed is
named as such and left out. Nothing here is needed to run or to test the product.
"""
