"""Have Markov chains mixed? Autocorrelation within chains, and variance between chains against that within.

A chain that has not left the place where it began agrees with itself and differs from its neighbours. Both show in any
scalar of its states (here mostly the mean pitch or the free energy of a frame), recorded sweep by sweep.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from etude.errors import EtudeError


def autocorrelation(traces: np.ndarray, lags: int) -> np.ndarray:
    """Return the correlation of a scalar with itself, 0 .. `lags` sweeps later, Float64[lags + 1].

    Parameters
    ----------
    traces : Float[chains, sweeps]
        Deviations are from the mean over all chains, so chains that stay apart count as correlated.
    lags : int
        Fewer than sweeps.
    """
    traces = _checked(traces)
    if not 0 <= lags < traces.shape[1]:
        raise EtudeError(f"lags from 0 to {traces.shape[1] - 1}", str(lags), "Run the chains for longer.")
    deviations = traces - traces.mean()
    sweeps = traces.shape[1]
    products = [(deviations[:, : sweeps - lag] * deviations[:, lag:]).mean() for lag in range(lags + 1)]
    return np.array(products) / products[0]


def scale_reduction(traces: np.ndarray) -> float:
    """Return R-hat, the square root of the total variance over that within chains: 1 where chains agree.

    Gelman & Rubin (1992), "Inference from iterative simulation using multiple sequences", Statistical Science 7,
    section 2.2, without their correction for few degrees of freedom. Where it is above 1.1, run on.

    Parameters
    ----------
    traces : Float[chains, sweeps]
        At least two of each.
    """
    traces = _checked(traces)
    if min(traces.shape) < 2:
        raise EtudeError("at least two chains of two sweeps", f"{traces.shape}")
    sweeps = traces.shape[1]
    within, between = traces.var(axis=1, ddof=1).mean(), traces.mean(axis=1).var(ddof=1)
    if within == 0:
        return 1.0 if between == 0 else np.inf
    return float(np.sqrt((sweeps - 1) / sweeps + between / within))


def mixing_table(traces: Mapping[str, np.ndarray]) -> list[dict]:
    """Return R-hat and the correlation of neighbours, one row per set of chains.

    Parameters
    ----------
    traces : {name: Float[chains, sweeps]}

    Returns
    -------
    list of dict
        chains, r_hat, lag_1.
    """
    return [
        {"chains": name, "r_hat": scale_reduction(some), "lag_1": autocorrelation(some, 1)[1]}
        for name, some in traces.items()
    ]


def _checked(traces) -> np.ndarray:
    traces = np.asarray(traces, np.float64)
    if traces.ndim != 2 or not np.isfinite(traces).all():
        raise EtudeError("finite traces of shape (chains, sweeps)", f"{traces.shape}")
    return traces
