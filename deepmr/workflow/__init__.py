"""Workflows: training an ensemble, and the parts of an interrogation that need a run folder."""
