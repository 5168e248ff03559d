"""A slope free of attenuation: no product of an error with itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64

from deepmr.effects import MemberEffects
from deepmr.inference.combine import (
    combine,
    pseudo_values,
    require_members,
    selected,
    shared_variance,
)
from deepmr.inference.contract import Estimator, LocalInference
from deepmr.inference.over_members import OverMembers
from deepmr.instruments import Rule

__all__ = ["ErrorsInVariables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsInVariables(OverMembers):
    """Correct the slope through the origin for errors in the exposure and their correlation.

    Sum x y / sum x x with averaged effects has a denominator that is too large by the errors'
    variance (pulling the slope to zero) and a numerator off by their covariance (pulling it to
    the confounded slope). Products over *different* members, x_j y_k with j not k, contain
    neither. The interval is the jackknife's over members. Errors that all members share remain.

    The slope is its own estimator (unweighted): the one passed is not used, and the method is
    called ``errors_in_variables``. Where the corrected denominator is not positive the
    instruments hold no signal and the effect is missing, with the flag ``no_signal``.

    Args:
        selection: ``cross_fitted`` lets the instruments of a product x_j y_k be chosen by the
            members that are neither j nor k, so that selection exaggerates nothing (winner's
            curse); the instruments reported are those of any product. ``shared`` chooses them
            once, by all members: fair only to rules that do not look at the effects.
        loci: As for `OverMembers`, and so the next two.
        loci_weights: How loci are weighted in pooling.
        shared: Variance that all members share.

    References:
        Fuller 1987, Measurement Error Models, section 1.2 (the moment correction; here in the
        form of a U-statistic over members).
    """

    selection: Literal["cross_fitted", "shared"] = "cross_fitted"

    @property
    def ignored(self) -> frozenset[str]:
        """``adjustment``, and the estimator: this method is a regression of its own."""
        return frozenset({"adjustment", "estimator"})

    def local(
        self,
        members: MemberEffects,
        exposure: str,
        outcome: str,
        *,
        rule: Rule,
        estimator: Estimator,  # noqa: ARG002 (the contract's argument)
    ) -> LocalInference:
        """Return the effect of each locus, with the pseudo-values.

        Raises:
            ValueError: If there are fewer than three members, or four with cross-fitting.
        """
        x, y = members.of(exposure), members.of(outcome)
        if self.selection == "shared":
            require_members(members, 3, "errors_in_variables")
            _, mask = selected(members, exposure, outcome, rule)
            x, y = np.where(mask[..., None, :], x, 0.0), np.where(mask[..., None, :], y, 0.0)
            products, squares = x @ np.swapaxes(y, -1, -2), x @ np.swapaxes(x, -1, -2)
        else:
            require_members(members, 4, "errors_in_variables")
            products, squares, mask = _cross_fitted(members, exposure, outcome, rule)
        full, enough = _slope(_distinct(products), _distinct(squares))
        without, enough_without = _slope(_distinct_without(products), _distinct_without(squares))
        kept = enough & np.all(enough_without, axis=-1)
        values = np.where(kept[..., None], pseudo_values(full, without), np.nan)
        return combine(
            values,
            mask,
            method="errors_in_variables",
            flags={"no_signal": np.asarray(~kept)},
            shared=shared_variance(members, self.shared),
        )


def _cross_fitted(
    members: MemberEffects, exposure: str, outcome: str, rule: Rule
) -> tuple[
    Float64[np.ndarray, "*batch member member"],
    Float64[np.ndarray, "*batch member member"],
    Bool[np.ndarray, "*batch variant"],
]:
    """Return sums of x_j y_k and x_j x_k over instruments that neither j nor k chose."""
    x, y = members.of(exposure), members.of(outcome)
    n = members.n_members
    products = np.zeros((*x.shape[:-2], n, n))
    squares = np.zeros_like(products)
    union = np.zeros(members.mask.shape, bool)
    for j, k in combinations(range(n), 2):
        others = np.setdiff1d(np.arange(n), (j, k))
        judges = replace(members, value=members.value[..., others, :])
        _, mask = selected(judges, exposure, outcome, rule)
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
    """The same, with each member left out in turn."""
    diagonal = np.diagonal(table, axis1=-2, axis2=-1)
    touched = table.sum(axis=-1) + table.sum(axis=-2) - 2.0 * diagonal
    return np.asarray(_distinct(table)[..., None] - touched)


def _slope(
    product: Float64[np.ndarray, "*batch"], square: Float64[np.ndarray, "*batch"]
) -> tuple[Float64[np.ndarray, "*batch"], np.ndarray]:
    enough = square > 0
    return np.asarray(np.where(enough, product / np.where(enough, square, 1.0), np.nan)), enough
