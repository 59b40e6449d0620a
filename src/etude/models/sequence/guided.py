"""WaveNet that follows a guide: global and local conditioning (van den Oord et al. 2016, section 2.5).

p(x | y) = prod_t p(x_t | x_<t, y), where the guide y is known as a whole before the first step: the notes that a sound
shall play, or the spectrogram that it shall have (a vocoder, as in Shen et al. 2018, "Natural TTS Synthesis by
Conditioning WaveNet on Mel Spectrogram Predictions", section 2.3). A frame of the guide lasts `hop` steps of x; of a
guide without a rate the one frame lasts the whole piece. Filter and gate of layer l have one more term::

    v_f = sum of a vector for each entry of frame f whose code is not 0, over the root of their number
    u_f = tanh([v_{f-1}, v_f, v_{f+1}] @ around + bias)      [filter, gate]_t  +=  u_{t // hop} @ V_l

Code 0 (a key that rests, a band that is silent) says nothing, and neither does what is outside the guide. Were there a
vector for it too, the eighty keys that rest would move v together, and so far at a step that tanh saturates for good.

A network may be taught with a noisy past and the true step to foresee, so that it trusts less in what it hears and more
in the guide (Valin & Skoglund 2019, "LPCNet", section 3.8, add noise to what their network reads). Chapter 18 measures
what this does. The bits of a piece are counted without noise.

Beside a WaveNet's weights stand `guide.table` Float32[G * (K - 1), C] for G entries with K levels, `guide.around` with
`.weight` [3 * C, C] and `.bias` [C], and `guide.local` [C, layers * 2R], the V of all layers side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import Autoregressive
from etude.models.conditioned import Conditioned
from etude.models.neural import compact, marginals
from etude.models.sequence.dilated import linear_arrays, named
from etude.models.sequence.guided_windows import GuidedWindows, Noise, framed
from etude.models.sequence.sequence import NetworkStepper, adapted
from etude.models.sequence.streams import Streams
from etude.models.sequence.wavenet import WaveNet
from etude.types import CUTS, Space

SILENT = Space((), 1)  # a guide that says nothing
FOREVER = 2**62  # steps


@dataclass(frozen=True, eq=False)
class Guided:
    """A piece and the guide that it follows. What knows no guides takes it as the piece alone.

    Parameters
    ----------
    x : Int[T, *E]
    guide : Int[F, *G]
        At least T / hop frames.
    """

    x: np.ndarray
    guide: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.x, dtype) if copy else np.asarray(self.x, dtype)


class GuidedWaveNet(WaveNet):
    """A WaveNet whose layers read a guide: a conditional family.

    Its pieces are `Guided`: `fit`, `bits` and `step_bits` take them as other families take arrays. `given(guide)` is
    the model of pieces with one guide: it draws them, continues them and drives the entropy coder as every other model
    does.

    Parameters
    ----------
    space : Space
    guide : Space or mapping
        Where guides live. With a rate, the steps of `space` in a frame must be a whole number, `hop`; without one, a
        guide is a single frame. By default it says nothing: then pieces are plain arrays, and the model a WaveNet.
    guide_channels : int
        Size of the vector that a frame is read as, C.
    noise : float
        Of the past that is read while learning: the largest standard deviation, in codes of a signal (see `Noise`); 0
        is none. The step to foresee stays as it is, and so do validation pieces.
    **sizes
        Of the `WaveNet`.
    """

    name = "guided-wavenet"

    def __init__(
        self,
        space: Space,
        *,
        seed: int = 0,
        guide: Space | Mapping = SILENT,
        guide_channels: int = 64,
        noise: float = 0.0,
        **sizes,
    ):
        super().__init__(space, seed=seed, **sizes)
        if guide_channels < 1:
            raise EtudeError("guide_channels >= 1", str(guide_channels))
        if not 0 <= noise < inf or (noise and not space.is_signal):
            got = f"{noise} for steps {space.event_shape} at rate {space.rate}"
            raise EtudeError("noise >= 0, in codes of a signal; 0 for other steps", got, "Leave noise out.")
        self.guide = Space(**guide) if isinstance(guide, Mapping) else guide
        self.hop = hop_of(space, self.guide)
        self.options |= {"guide": asdict(self.guide), "guide_channels": guide_channels, "noise": float(noise)}

    def given(self, guide: np.ndarray) -> Following:
        """Return the model of the pieces that follow a guide Int[F, *G], F > 0, of F * hop steps at most."""
        guide = self.guide.check(guide)
        if not len(guide):
            raise EtudeError("a guide of at least one frame", "an empty one")
        return Following(self, guide)

    follow = given  # by its older name

    def stepper(self, n: int = 1):
        """Return a fresh state for `n` pieces whose guide says nothing."""
        return self._stepper(n, self._silence())

    def stream(self, *args, **options):
        """Draw pieces whose guide says nothing, by compiled code; see `Streams.stream`."""
        return self.given(self._silence()).stream(*args, **options)

    def gates(self, x):
        """Return how far every gate is open while each step of a `Guided` piece is foreseen; see `WaveNet.gates`."""
        piece = self._admitted(x)
        with self.network.following(*self._framed(piece.guide, 0, -(-len(piece) // self.hop))):
            return super().gates(piece.x)

    def _about(self):
        return f"{super()._about()}, guided by {self.guide}"

    def _stepper(self, n: int, guide: np.ndarray) -> NetworkStepper:
        stepper = NetworkStepper(self.network, n, self.space)
        stepper.state = self._begin(guide, 0, len(guide))
        return stepper

    def _begin(self, guide: np.ndarray, begin: int, count: int):
        """Return the network's state before some frames of a guide, which all pieces share: worked out once."""
        return self.network.begin(*self._framed(guide, begin, count))

    def _framed(self, guide: np.ndarray, begin: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        frames, inside = framed(self._rows(guide), begin, count)
        return frames[None], inside[None]

    def _guided(self, piece) -> Guided:
        return piece if isinstance(piece, Guided) else Guided(np.asarray(piece), self._silence())

    def _silence(self) -> np.ndarray:
        """Return the only guide of a space in which a guide says nothing."""
        if self.guide != SILENT:
            raise EtudeError("a guide with every piece", "a piece alone", "Use Guided(x, guide) or given(guide).")
        return np.zeros(1, np.int64)

    def _admitted(self, x, complete=False, narrow=False):
        piece = self._guided(x)
        x, guide = self.space.check(piece.x, complete, widen=False), self.guide.check(piece.guide, widen=False)
        if len(guide) * self.hop < len(x):
            got = f"{len(guide)} frames for {len(x)} steps of which {self.hop} are a frame"
            raise EtudeError("a guide as long as its piece", got, "Lengthen the guide, or cut the piece.")
        return Guided(x, guide)

    def _rows(self, guide: np.ndarray) -> np.ndarray:
        return guide.reshape(len(guide), self.guide.entries)

    def _initial(self, rng):
        arrays = super()._initial(rng)
        channels, residual = self.options["guide_channels"], self.options["residual"]
        arrays["guide.table"] = walk_table(self.guide, channels, rng)
        arrays |= named("guide.around", linear_arrays(3 * channels, channels, rng))
        # zero, so that what is learnt of the sound is not disturbed by a guide that is not understood yet
        arrays["guide.local"] = np.zeros((channels, len(self.dilations) * 2 * residual), np.float32)
        return arrays

    def _adapted(self, arrays, train):
        return adapted(arrays, marginals([piece.x for piece in train], self.space))

    cuts = CUTS[:1]  # its windows begin with a frame

    def _windows(self, train, budget, seed):
        align = 1 if self.guide.rate is None else self.hop
        noise = Noise(self.options["noise"], self.space.levels)
        return GuidedWindows(train, budget.window, budget.batch_size, seed, self.hop, align, noise)

    def _compact(self, pieces: Sequence[Guided]) -> list[Guided]:
        xs = compact([piece.x.reshape(len(piece), self.space.entries) for piece in pieces], self.space)
        guides = compact([self._rows(piece.guide) for piece in pieces], self.guide)
        return [Guided(x, guide) for x, guide in zip(xs, guides, strict=True)]

    def _data(self, pieces):
        return [array for piece in pieces for array in (piece.x, piece.guide)]

    def _step_bits(self, xs):
        return super()._step_bits([self._guided(x) for x in xs])

    def _score(self, xs):
        count = -(-max(map(len, xs)) // self.hop)
        frames, inside = zip(*(framed(self._rows(piece.guide), 0, count) for piece in xs), strict=True)
        with self.network.following(np.stack(frames), np.stack(inside)):
            return super()._score([piece.x for piece in xs])


class Following(Streams, Conditioned, Autoregressive):
    """The pieces of a `GuidedWaveNet` that follow one guide, and last no longer; a stream's blocks are whole frames."""

    name = "following"
    generator = "etude.models.compiled.guided:GuidedGenerator"

    def __init__(self, model: GuidedWaveNet, guide: np.ndarray):
        super().__init__(model)
        self.guide = guide

    def stepper(self, n: int = 1):
        """Return a fresh state for `n` pieces, before their first step."""
        return self.model._stepper(n, self.guide)

    def local(self, begin: int, count: int) -> np.ndarray:
        """Return what some frames of the guide add to filter and gate of every layer, Float32[count, layers, 2R]."""
        return self.model.network.local(*self.model._framed(self.guide, begin, count))[0]

    _condition = Autoregressive._condition

    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        return Autoregressive._sample(self, n, min(steps, self.longest), rng, temperature, top_p, prefix)

    @property
    def longest(self) -> int:
        """Steps that the guide lasts."""
        return len(self.guide) * self.model.hop

    def _step_bits(self, xs):
        return self.model._step_bits([self.model._admitted(Guided(x, self.guide)) for x in xs])


def walk_table(guide: Space, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Return initial vectors Float32[G * (K - 1), channels] of a guide's codes: a random walk over those of each entry.

    So neighbouring codes begin alike, a key struck and held, a band soft and a little louder. The last has variance 1.
    """
    said = guide.levels - 1
    walks = rng.normal(size=(guide.entries, said, channels)).cumsum(axis=1) / np.sqrt(max(said, 1))
    return walks.reshape(-1, channels).astype(np.float32)


def hop_of(space: Space, guide: Space) -> int:
    """Return the steps of `space` in a frame of the guide; raises EtudeError where they are not a whole number."""
    if guide.rate is None:
        return FOREVER
    ratio = 0.0 if space.rate is None else space.rate / guide.rate
    if ratio < 1 or abs(ratio - round(ratio)) > 1e-6 * ratio:
        got = f"{space.rate} steps and {guide.rate} frames a second"
        raise EtudeError("a whole number of steps in a frame of the guide", got, "Choose another rate or hop.")
    return round(ratio)
