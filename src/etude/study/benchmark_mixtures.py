"""The fits of a row under several seeds as one model, on the benchmark's rule."""

from __future__ import annotations

from collections.abc import Mapping

from etude.errors import EtudeError
from etude.evaluation.protocol import nats_per_frame
from etude.models.mixture import Mixture
from etude.study.benchmark import Fitted, Rolls, frame_bits


def mixture_table(fitted: Mapping[str, Fitted], data: Mapping[str, Rolls]):
    """Return, one row a set, what the fits of a row need alone and mixed, nats per frame.

    The weights of a mixture are found on the validation pieces (`models.mixture`). Where a row has one fit, that is
    also what the mixture is.

    Parameters
    ----------
    fitted : mapping of set to Fitted
        A row whose frames have exact probabilities.
    data : mapping of set to Rolls

    Returns
    -------
    pandas.DataFrame
        set, seeds, least_weight (of a fit in the mixture), best_seed (lowest on the test pieces), mixed (the same).
    """
    import pandas as pd

    rows = []
    for name, one in fitted.items():
        if any(model.kind != "exact" for model in one.models) or not one.models:
            raise EtudeError("fits whose frames have exact probabilities", f"{one.name!r} on {name}")
        valid, test = data[name]["valid"], data[name]["test"]
        mixed = Mixture.fitted(one.models, valid) if len(one.models) > 1 else one.models[0]
        alone = [nats_per_frame(frame_bits(model, test), test) for model in one.models]
        row = {"set": name, "seeds": len(alone), "least_weight": min(getattr(mixed, "shares", [1.0]))}
        rows.append({**row, "best_seed": min(alone), "mixed": nats_per_frame(frame_bits(mixed, test), test)})
    return pd.DataFrame(rows)
