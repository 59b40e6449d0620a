"""Drawing a code from logits by the rule of `etude.models.autoregressive.draw`, with one uniform number a code."""

from __future__ import annotations

from math import exp

from etude.models.compiled.jit import part


@part
def take(t, s, known, uniforms, temperature, top_p, codes, shown):
    """Set codes[t] to the next code of every stream: what is `known` of step t, else one drawn from `s.logits`.

    For `known` Int64[K, n], `uniforms` Float64[T - K, n] and `codes` Int64[T, n]; the logits go to `shown`
    Float32[T, n, levels], unless it is empty.
    """
    for i in range(codes.shape[1]):
        if t < len(known):
            codes[t, i] = known[t, i]
        else:
            u = uniforms[t - len(known), i]
            codes[t, i] = choose(s.logits[i], u, temperature, top_p, s.weights[0], s.weights[1])
        if len(shown):
            for level in range(s.logits.shape[1]):
                shown[t, i, level] = s.logits[i, level]


@part
def choose(logits, u, temperature, top_p, weights, kept):
    """Return the code that `draw` would return for softmax(logits) and its uniform number u in [0, 1).

    Parameters
    ----------
    logits : Float32[levels]
    temperature, top_p : float
    weights, kept : Float64[levels]
        Room to compute in.
    """
    likeliest = 0
    for code in range(len(logits)):
        if logits[code] > logits[likeliest]:
            likeliest = code
    if temperature == 0:
        return likeliest
    most, total = float(logits[likeliest]), 0.0
    for code in range(len(logits)):
        weights[code] = exp((float(logits[code]) - most) / temperature)
        total += weights[code]
    if top_p < 1:
        total = nucleus(weights, total * top_p, kept)
    bound, cumulative = u * total, 0.0
    for code in range(len(logits)):
        cumulative += weights[code]
        if cumulative > bound:
            return code
    return len(logits) - 1


@part
def nucleus(weights, enough, kept):
    """Set all but the largest weights, of which the sum reaches `enough`, to zero; return the sum of those kept.

    Of equal weights the lower code is taken first.
    """
    for code in range(len(weights)):
        kept[code] = 0
    total = 0.0
    for _ in range(len(weights)):
        largest = 0
        for code in range(len(weights)):
            if weights[code] > weights[largest]:
                largest = code
        total, kept[largest] = total + weights[largest], weights[largest]
        weights[largest] = -1
        if total >= enough:
            break
    for code in range(len(weights)):
        weights[code] = kept[code]
    return total
