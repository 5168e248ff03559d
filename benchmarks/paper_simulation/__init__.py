"""The published simulation: the published method and ours, side by side."""
