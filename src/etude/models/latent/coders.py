"""The encoder and the decoders of the autoencoders: their options and initial weights. No framework is named.

The encoder halves a segment by convolutions with stride 2 until few positions are left, and maps those to what is known
of the latent z. Its activations, like the convolution decoder's, are exponential linear units (Clevert et al. 2016):
with ReLU the decoder learnt to do without the latent. The decoders write a segment given z and the event before it:

`sequence`: an RNN (GRU) reads the event before each step, and z; its first state comes from z (Bowman et al. 2016).
`convolution`: transposed convolutions write all steps at once, independent of each other given z.

Weights, matrices (in, out), layers as `.weight` and `.bias`:

- `encoder.i` [4 * in, H]: convolution i with 4 taps, below each other. `encoder.latent` [positions * H, ..].
- `decoder.begin`: from z and the vector of the event before the segment to the RNN's first state [.., H], or to the
  first positions [.., positions * H].
- `decoder.i` [3 * H, 2 * H]: transposed convolution i with 6 taps and stride 2, written as a convolution with 3 taps
  that gives two positions for each (Shi et al. 2016).
- `rnn.0.*`, `embedding.*` and `output.*` as in `rnn`, `sequence` and `outputs` of `etude.models.sequence`.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from etude.errors import EtudeError, SpaceMismatch, unknown_name
from etude.models.latent.segments import halvings, positions
from etude.models.sequence.dilated import linear_arrays, named, reading_arrays
from etude.models.sequence.outputs import output_arrays
from etude.models.sequence.rnn import layer_arrays
from etude.types import Space

SPREAD = 1.8  # of what the encoder gives at first: that of a logistic distribution, whose sigmoid is uniform
DECODERS = ("sequence", "convolution")


def check_coders(space: Space, options: dict) -> dict:
    """Return the options of an autoencoder on `space`, those of its encoder and decoder checked."""
    if options["decoder"] not in DECODERS:
        raise unknown_name("decoder", options["decoder"], DECODERS)
    if options["decoder"] == "convolution" and space.end is not None:
        reason = "It writes all steps of a segment at once, those after the end code too: use decoder='sequence'."
        raise SpaceMismatch("a space without an end code for decoder='convolution'", f"{space}", reason)
    if options["decoder"] == "convolution" and options["output"] == "relative":
        remedy = "It writes steps that are independent given the latent: use output='nade'."
        raise EtudeError("an output without a memory for decoder='convolution'", "relative", remedy)
    for name, least in (("segment", 1), ("latent", 1), ("hidden", 1), ("embedding", 1), ("rounds", 0)):
        if options[name] < least:
            raise EtudeError(f"{name} >= {least}", str(options[name]))
    for name in ("dropout", "word_dropout"):
        if not 0 <= options[name] < 1:
            raise EtudeError(f"{name} in [0, 1)", str(options[name]))
    return options


def coder_arrays(space: Space, options: dict, known: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return initial weights; the encoder gives `known` numbers about z."""
    decoder = sequence_arrays if options["decoder"] == "sequence" else convolution_arrays
    return {
        **reading_arrays(space, options["embedding"], rng),
        **encoder_arrays(options, known, rng),
        **decoder(options, rng),
        **output_arrays(options["hidden"], space, rng, options["output"], options["output_hidden"]),
    }


def encoder_arrays(options: dict, known: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the initial weights of the encoder."""
    arrays, (*convolutions, last) = {}, encoder_sizes(options, known)
    for layer, size in enumerate(convolutions):
        arrays |= named(f"encoder.{layer}", linear_arrays(*size, rng, sqrt(2)))
    return arrays | named("encoder.latent", linear_arrays(*last, rng, SPREAD))


def encoder_sizes(options: dict, known: int) -> list[tuple[int, int]]:
    """Return inputs and outputs of the encoder's convolutions, then of the linear map to `known` numbers about z."""
    hidden, segment = options["hidden"], options["segment"]
    widths = [options["embedding"]] + [hidden] * halvings(segment)
    return [*((4 * width, hidden) for width in widths[:-1]), (positions(segment) * widths[-1], known)]


def sequence_arrays(options: dict, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the initial weights of the sequence decoder."""
    inputs, hidden = options["latent"] + options["embedding"], options["hidden"]
    return named("decoder.begin", linear_arrays(inputs, hidden, rng)) | layer_arrays("gru", 0, inputs, hidden, rng)


def convolution_arrays(options: dict, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the initial weights of the convolution decoder."""
    inputs, hidden, segment = options["latent"] + options["embedding"], options["hidden"], options["segment"]
    arrays = named("decoder.begin", linear_arrays(inputs, positions(segment) * hidden, rng, sqrt(2)))
    for layer in range(halvings(segment)):
        arrays |= named(f"decoder.{layer}", linear_arrays(3 * hidden, 2 * hidden, rng, sqrt(2)))
    return arrays
