"""The study behind the verdict: simulated tasks with a known causal graph, judged by the rule."""
