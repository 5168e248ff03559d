"""The study behind the causal graph: total and direct effects of tasks with a known graph."""
