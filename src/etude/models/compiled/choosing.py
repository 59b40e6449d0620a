from math import exp
from etude.models.compiled.jit import part

@part
def choose(logits, u):
    m = logits[0]
    for i in range(len(logits)):
        m = max(m, logits[i])
    total = 0.0
    for i in range(len(logits)):
        total += exp(float(logits[i] - m))
    c = 0.0
    for i in range(len(logits)):
        c += exp(float(logits[i] - m))
        if c > u * total:
            return i
    return len(logits) - 1
