"""Which benchmarks there are, in the order in which they run and stand in the report. Measures nothing itself."""

from bench.benchmark import Benchmark
from bench.live.calls import CALLS
from bench.live.fanout import FANOUT
from bench.live.joins import JOINS
from bench.live.memory import MEMORY

BENCHMARKS: tuple[Benchmark, ...] = (FANOUT, MEMORY, JOINS, CALLS)
