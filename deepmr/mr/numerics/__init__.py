"""Numerical routines behind the estimators: blocks of loci, ratios, root finding, regressions."""
