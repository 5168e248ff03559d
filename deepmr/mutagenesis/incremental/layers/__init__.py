"""Exact delta propagation through each kind of layer: output difference from input difference."""
