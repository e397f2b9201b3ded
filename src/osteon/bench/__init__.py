"""Speed and memory on this machine, as ratios in one run: what ``osteon bench`` measures."""

from osteon.bench.catalogue import ALL, BENCHMARKS, DEFAULT, Benchmark, bench
from osteon.bench.measured import Asked, Comparison, Measured, Way, alternately

__all__ = [
    "ALL",
    "BENCHMARKS",
    "DEFAULT",
    "Asked",
    "Benchmark",
    "Comparison",
    "Measured",
    "Way",
    "alternately",
    "bench",
]
