"""The benchmarks of the live engine: what a position that moves costs, beside servers that do the same work.

Whoever adds one writes a module with a `Benchmark` and names it in `registry.py`.
"""
