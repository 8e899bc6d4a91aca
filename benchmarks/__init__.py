"""What it costs: plain programs that measure through the public doors and print tables.

Contract: `python -m benchmarks [NAME …]` repeats every figure of docs/performance.md. A benchmark
starts real engines on throw-away projects and ends them; it must not reach into the product's rooms.
"""
