"""Studies and speed comparisons, run as `python -m benchmarks.NAME`."""
