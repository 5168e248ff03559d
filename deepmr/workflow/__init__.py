"""The two stories, told once from top to bottom: `fit` and `interrogate`."""
