"""Which benchmarks there are, in the order in which they run and stand in the report. Measures nothing itself."""

from bench.benchmark import Benchmark
from bench.live.beside import BESIDE
from bench.live.calls import CALLS
from bench.live.fanout import FANOUT
from bench.live.join_profile import JOIN_PROFILE
from bench.live.joins import JOINS
from bench.live.long_lines import LONG_LINES
from bench.live.memory import MEMORY
from bench.live.soak import SOAK
from bench.live.stalled import STALLED

BENCHMARKS: tuple[Benchmark, ...] = (FANOUT, BESIDE, STALLED, SOAK, MEMORY, JOINS, CALLS, LONG_LINES, JOIN_PROFILE)
