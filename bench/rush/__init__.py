"""The rush: a crowd that joins one metered queue at once, processes that are killed in the middle, and the proof.

`python -m bench.rush` runs it; see `run.py`. Nothing of it is a measurement: how fast joins are is `bench.live.joins`.
"""
