"""Errors-in-variables regression: a slope corrected for attenuation by measurement error."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.inference.combine import pseudo_values
from deepmr.inference.contract import Estimator
from deepmr.inference.member_pair import MemberPair, MemberSlopes
from deepmr.inference.over_members import OverMembers

__all__ = ["ErrorsInVariables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsInVariables(OverMembers):
    """Slope through the origin corrected for exposure error and its correlation with outcome error.

    Sum x y / sum x x with averaged effects has a denominator that is too large by the errors'
    variance (pulling the slope to zero) and a numerator off by their covariance (pulling it to
    the confounded slope). Products over *different* members, x_j y_k with j not k, contain
    neither. The interval is the jackknife's over members. Errors common to all members
    remain.

    The method is an unweighted regression of its own, called ``errors_in_variables``: the
    estimator passed is not used. Where the corrected denominator is not positive the instruments
    hold no signal and the effect is missing, with the flag ``no_signal``.

    Args:
        selection: ``cross_fitted`` (default) selects the instruments of a product x_j y_k from
            the effects of the members other than j and k, which avoids the winner's curse; the
            instruments reported are the union. ``shared`` selects once, from all members: unbiased
            only for rules that do not depend on the effects.
        loci: Population of the pooled interval, ``sampled`` (default) or ``fixed``.
        loci_weights: Weights of loci in pooling, ``equal`` (default) or ``random_effects``.
        shared: Shared error variance (ratio to the variance between members), ``auto`` by
            default; see `OverMembers`.

    References:
        Fuller 1987, Measurement Error Models, section 1.2 (the moment correction; here in the
        form of a U-statistic over members).
    """

    name: ClassVar[str] = "errors_in_variables"

    selection: Literal["cross_fitted", "shared"] = "cross_fitted"

    @property
    def ignored(self) -> frozenset[str]:
        """``adjustment``, and ``estimator``: this method is a regression of its own."""
        return frozenset({"adjustment", "estimator"})

    @property
    def fewest_members(self) -> int:
        """Three, or four with cross-fitted selection, which needs two members to select."""
        return 3 if self.selection == "shared" else 4

    def slopes(self, pair: MemberPair, estimator: Estimator) -> MemberSlopes:  # noqa: ARG002
        """Return the jackknife pseudo-values of the corrected slope.

        Args:
            pair: Member effects on exposure and outcome.
            estimator: Not used.
        """
        if self.selection == "shared":
            _, mask = pair.select()
            x = np.where(mask[..., None, :], pair.x, 0.0)
            y = np.where(mask[..., None, :], pair.y, 0.0)
            products, squares = x @ np.swapaxes(y, -1, -2), x @ np.swapaxes(x, -1, -2)
        else:
            products, squares, mask = _cross_fitted(pair)
        full, enough = _slope(_distinct(products), _distinct(squares))
        without, enough_without = _slope(_distinct_without(products), _distinct_without(squares))
        kept = enough & np.all(enough_without, axis=-1)
        values = np.where(kept[..., None], pseudo_values(full, without), np.nan)
        return MemberSlopes(
            value=values,
            instruments=mask,
            method="errors_in_variables",
            flags={"no_signal": np.asarray(~kept)},
        )


def _cross_fitted(
    pair: MemberPair,
) -> tuple[
    Float64[np.ndarray, "*batch member member"],
    Float64[np.ndarray, "*batch member member"],
    Bool[np.ndarray, "*batch variant"],
]:
    """Return sums of x_j y_k and x_j x_k over instruments selected without members j and k."""
    x, y = pair.x, pair.y
    n = pair.members.n_members
    products = np.zeros((*x.shape[:-2], n, n))
    squares = np.zeros_like(products)
    union = np.zeros(pair.members.mask.shape, bool)
    for j, k in combinations(range(n), 2):
        _, mask = pair.keep(np.setdiff1d(np.arange(n), (j, k))).select()
        union |= mask
        squares[..., j, k] = np.sum(x[..., j, :] * x[..., k, :], axis=-1, where=mask)
        squares[..., k, j] = squares[..., j, k]
        products[..., j, k] = np.sum(x[..., j, :] * y[..., k, :], axis=-1, where=mask)
        products[..., k, j] = np.sum(x[..., k, :] * y[..., j, :], axis=-1, where=mask)
    return products, squares, union


def _distinct(table: Float64[np.ndarray, "*batch member member"]) -> Float64[np.ndarray, "*batch"]:
    """Sum the products of different members."""
    return np.asarray(table.sum(axis=(-2, -1)) - np.trace(table, axis1=-2, axis2=-1))


def _distinct_without(
    table: Float64[np.ndarray, "*batch member member"],
) -> Float64[np.ndarray, "*batch member"]:
    """Sum the products of different members, with each member left out in turn."""
    diagonal = np.diagonal(table, axis1=-2, axis2=-1)
    touched = table.sum(axis=-1) + table.sum(axis=-2) - 2.0 * diagonal
    return np.asarray(_distinct(table)[..., None] - touched)


def _slope(
    product: Float64[np.ndarray, "*batch"], square: Float64[np.ndarray, "*batch"]
) -> tuple[Float64[np.ndarray, "*batch"], np.ndarray]:
    enough = square > 0
    return np.asarray(np.where(enough, product / np.where(enough, square, 1.0), np.nan)), enough
