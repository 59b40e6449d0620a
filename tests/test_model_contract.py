"""One contract for every model in every framework: it is a probability, and every way to walk it agrees.

The spaces are small enough to write down all pieces. A model that is registered is tested from that day on; sizes for
speed go into `TINY`. At the end faults are planted, and the checks must see each of them.
"""

from functools import cache
from itertools import product

import numpy as np
import pytest

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.errors import SpaceMismatch
from etude.models.autoregressive import Autoregressive, cut_at_end, draw, nucleus, repeat
from etude.models.outputs import DEPENDENT
from etude.registry import MODELS, model_class

SPACES = {
    "tokens": Space((), 3, end=2),
    "samples": Space((), 3, rate=4.0),
    "frames": Space((2,), 3),
    "keys": Space((3,), 2),
}
STEPS = {"tokens": 4, "samples": 4, "frames": 2, "keys": 2}  # lengths whose pieces are all written down: at most 81
NADE = {"output": "nade", "output_hidden": 5}
RBM = {"output": "rbm", "output_hidden": 3}
TINY = {
    "memoryless": ({}, NADE, RBM),
    "rnn": (
        {"hidden": 8, "layers": 1, "embedding": 4},
        {"hidden": 6, "cell": "gru", "dropout": 0.0},
        {"hidden": 8, "layers": 1, "recall": 2},
        {"hidden": 8, "layers": 1, **NADE},
        {"hidden": 8, "layers": 1, **RBM},
    ),
    "tcn": ({"channels": 6, "blocks": 2, "kernel": 2, "embedding": 4}, {"channels": 6, "blocks": 1, **NADE}),
    "wavenet": (
        {"residual": 6, "skip": 8, "stacks": 1, "dilations": 3},
        {"residual": 6, "skip": 8, "stacks": 2, "dilations": 2, **NADE},
        {"residual": 6, "skip": 8, "stacks": 1, "dilations": 2, **RBM},
    ),
}
BUDGET = Budget(steps=20, batch_size=8, window=16, learning_rate=0.05, valid_every=10)
TOLERANCE = {"numpy": 1e-9}  # bits that two ways to compute one number may differ by; float32 elsewhere
CASES = [
    (name, framework, variant, space)
    for name, halves in MODELS.items()
    for framework in halves
    for variant in range(len(TINY.get(name, ({},))))
    for space in SPACES
    if SPACES[space].event_shape or TINY.get(name, ({},))[variant].get("output") not in DEPENDENT
]


def music(space: Space, n: int = 30, seed: int = 0) -> list[np.ndarray]:
    """Pieces with something to learn: sticky codes, a habit of beginning with 0, and lengths that vary."""
    rng, pieces = np.random.default_rng(seed), []
    codes = space.levels if space.end is None else space.levels - 1
    for _ in range(n):
        x = np.zeros((rng.integers(3, 12), *space.event_shape), np.int64)
        for t in range(1, len(x)):
            x[t] = np.where(rng.random(space.event_shape) < 0.7, x[t - 1], rng.integers(0, codes, space.event_shape))
        pieces.append(x if space.end is None else np.append(x, space.end))
    return pieces


def build(name, framework, variant, space):
    return etude.model(name, space, framework=framework, seed=3, **TINY.get(name, ({},))[variant])


@cache
def fitted(name, framework, variant, space_name):
    space = SPACES[space_name]
    model = build(name, framework, variant, space)
    model.fit(music(space), music(space, 5, seed=1), BUDGET, seed=7)
    return model


@pytest.fixture(params=CASES, ids=lambda case: "-".join(map(str, case)))
def model(request):
    return fitted(*request.param)


def tolerance(model) -> float:
    return TOLERANCE.get(model.framework, 1e-4)


def all_pieces(space: Space, steps: int) -> list[np.ndarray]:
    """Every array of `steps` steps, and with an end code every shorter piece that it closes."""
    shape = (steps, *space.event_shape)
    arrays = [np.array(codes).reshape(shape) for codes in product(range(space.levels), repeat=int(np.prod(shape)))]
    cut = {cut_at_end(x, space.end).tobytes(): cut_at_end(x, space.end) for x in arrays}
    return list(cut.values())


def steps_of(model) -> int:
    return next(STEPS[name] for name, space in SPACES.items() if space == model.space)


def probabilities(model, pieces) -> np.ndarray:
    return np.array([2.0 ** -bits.sum() for bits in model.step_bits(pieces)])


class Recorder:
    """A chooser that returns a known piece and keeps the distributions it is shown."""

    def __init__(self, x):
        self.x, self.shown = x, []

    def walk(self, model) -> np.ndarray:
        """Return the surprise of every entry, as the stepper has it."""
        stepper, bits = model.stepper(1), np.full((len(self.x), model.space.entries), np.nan)
        for t, event in enumerate(self.x.reshape(bits.shape)):

            def choose(p, entries, t=t, event=event):
                assert p.shape == (1, len(entries), model.space.levels)
                self.shown.append(p[0])
                bits[t, entries] = -np.log2(p[0, np.arange(len(entries)), event[entries]])
                return event[entries][None]

            assert np.array_equal(stepper.step(choose)[0].reshape(-1), event)
        return bits.reshape(self.x.shape)


# The checks ------------------------------------------------------------------------------------------------------


def check_that_all_pieces_have_mass_one(model):
    total = probabilities(model, all_pieces(model.space, steps_of(model))).sum()
    assert total == pytest.approx(1, abs=10 * tolerance(model))


def check_that_bits_of_samples_are_the_entropy(model, n=3000):
    pieces = all_pieces(model.space, steps_of(model))
    p = probabilities(model, pieces)
    samples = model.sample(n, steps_of(model), seed=11)
    bits = np.array([b.sum() for b in model.step_bits(samples)])
    entropy = -(p * np.log2(p)).sum()
    assert abs(bits.mean() - entropy) < 5 * bits.std() / np.sqrt(n) + tolerance(model)
    drawn = {piece.tobytes(): 0 for piece in pieces}
    for sample in samples:
        drawn[sample.tobytes()] += 1
    often, expected = np.array(list(drawn.values())), n * p
    common = expected >= 5
    chi_squared = ((often - expected)[common] ** 2 / expected[common]).sum()
    assert chi_squared < common.sum() + 6 * np.sqrt(2 * common.sum())  # mean and deviation of chi-squared


def check_that_the_stepper_walks_the_same_numbers(model):
    for x in music(model.space, 6, seed=5):
        recorder = Recorder(x)
        assert recorder.walk(model) == pytest.approx(model.step_bits([x])[0], abs=tolerance(model))
        shown = np.concatenate(recorder.shown)
        assert np.isfinite(shown).all() and (shown > 0).all()
        assert shown.sum(axis=-1) == pytest.approx(1, abs=1e-6)


def check_that_conditional_bits_add_up(model):
    x = music(model.space, 1, seed=8)[0]
    known = model.condition(Evidence.prefix(x[:2]))
    prefix_bits = model.step_bits([x[:2]])[0].sum()
    assert known.bits([x]).total + prefix_bits == pytest.approx(model.bits([x]).total, abs=10 * tolerance(model))
    for sample in known.sample(20, 5, seed=2):
        assert np.array_equal(sample[:2], x[:2]) and len(sample) <= 5


def check_that_company_does_not_matter(model):
    pieces = [*music(model.space, 7, seed=6), music(model.space, 1, seed=6)[0][-1:]]
    together, alone = model.bits(pieces).values, [model.bits([x]).total for x in pieces]
    assert together == pytest.approx(alone, abs=10 * tolerance(model))


CHECKS = [check for name, check in sorted(globals().items()) if name.startswith("check_that")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_that_"))
def test_contract(model, check):
    check(model)


def test_bits_are_the_sum_of_step_bits_and_exact(model):
    pieces = music(model.space, 4, seed=4)
    bits = model.bits(pieces)
    assert bits.kind == model.kind == "exact"
    assert bits.values == pytest.approx([b.sum() for b in model.step_bits(pieces)])
    assert [b.shape for b in model.step_bits(pieces)] == [x.shape for x in pieces]
    if model.space.end is None:
        assert model.bits([np.zeros((0, *model.space.event_shape), int)]).total == 0


def test_learning_helps(model):
    if model.name == "uniform":
        pytest.skip("it has nothing to learn")
    space = model.space
    steps = sum(x.size for x in music(space))
    assert model.bits(music(space)).total < 0.95 * steps * np.log2(space.levels)
    assert model.parameters > 0


def test_seeds_decide_samples(model):
    one, same, other = (model.sample(8, 12, seed=seed) for seed in (5, 5, 6))
    assert all(map(np.array_equal, one, same))
    assert not all(map(np.array_equal, one, other))


def test_temperature_zero_takes_the_likeliest(model):
    first, second = (model.sample(3, 6, seed=seed, temperature=0) for seed in (1, 2))
    assert all(map(np.array_equal, first, second))
    shown = Recorder(first[0])
    shown.walk(model)
    assert first[0].reshape(-1).tolist() == [p.argmax() for step in shown.shown for p in step]


def test_temperature_sharpens(model):
    if model.name == "uniform":
        pytest.skip("flat at every temperature")
    mean = [np.mean([b.sum() for b in model.step_bits(model.sample(500, 3, 1, t))]) for t in (0.5, 1.0, 3.0)]
    assert mean[0] < mean[1] < mean[2]


@pytest.mark.parametrize("top_p", [0.4, 0.8])
def test_the_nucleus_is_all_that_is_drawn_from(model, top_p):
    for x in model.sample(30, 4, seed=3, top_p=top_p):
        recorder = Recorder(x)
        recorder.walk(model)
        shown = [row for step in recorder.shown for row in step]
        for p, code in zip(shown, x.reshape(-1), strict=True):
            assert p[p > p[code]].sum() < top_p + 1e-6  # what is likelier does not fill the nucleus by itself
    likeliest = model.sample(2, 4, seed=1, temperature=0)
    assert all(map(np.array_equal, model.sample(2, 4, seed=2, top_p=1e-6), likeliest))
    with pytest.raises(EtudeError, match="top_p above 0"):
        model.sample(1, 4, top_p=0)


def test_samples_stop_at_the_end_or_at_the_limit(model):
    for steps in (0, 1, 6):
        for x in model.sample(20, steps, seed=1):
            closed = model.space.end is not None and len(x) and x[-1] == model.space.end
            assert len(x) == steps or closed
            assert model.space.end is None or (x[:-1] != model.space.end).all()


def test_a_saved_model_comes_back(model, tmp_path):
    back = etude.load(model.save(tmp_path / "model"))
    assert type(back) is type(model) and back.describe() == model.describe()
    pieces = music(model.space, 5, seed=9)
    assert np.array_equal(back.bits(pieces).values, model.bits(pieces).values)
    assert all(map(np.array_equal, back.sample(4, 8, seed=1), model.sample(4, 8, seed=1)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_the_same_fit_gives_the_same_numbers(case):
    name, framework, variant, space_name = case
    space, once = SPACES[space_name], fitted(*case)
    again = build(name, framework, variant, space)
    history = again.fit(music(space), music(space, 5, seed=1), BUDGET, seed=7)
    assert np.array_equal(again.bits(music(space)).values, once.bits(music(space)).values)
    assert history.rows and {"step", "train", "valid", "seconds"} <= history.rows[-1].keys()
    assert history.parameters == again.parameters
    pieces = music(space, 5, seed=1)
    best = min(row["valid"] for row in history.rows)
    assert again.bits(pieces).total / sum(map(len, pieces)) == pytest.approx(best, abs=1e-4)


def test_an_untrained_model_is_a_probability(model):
    fresh = type(model)(model.space, seed=1, **model.options)
    check_that_all_pieces_have_mass_one(fresh)


def test_other_spaces_are_refused(model):
    for wrong in ([np.full((3, *model.space.event_shape), model.space.levels)], [np.zeros((3, 5), int)], [[0.5]]):
        with pytest.raises(SpaceMismatch):
            model.bits(wrong)
    if model.space.end is not None:
        with pytest.raises(SpaceMismatch, match="closed"):
            model.bits([[0, 1]])
    gap = Evidence(np.zeros((3, *model.space.event_shape), int), np.zeros((3, *model.space.event_shape), bool))
    gap.known[1] = True
    with pytest.raises(EtudeError, match="prefix"):
        model.condition(gap)
    with pytest.raises(EtudeError, match="music to learn from"):
        model.fit([])


def test_each_family_is_named_as_it_is_registered():
    for name, halves in MODELS.items():
        for framework in halves:
            cls = model_class(name, framework)
            assert (cls.name, cls.framework) == (name, framework)


# Planted faults: a contract that passes everything tests nothing ---------------------------------------------------


class Altered(Autoregressive):
    """The counts with a fault in one place."""

    name, _learnt = "altered", None

    def __init__(self, space):
        super().__init__(space)
        self.sound = fitted("counts", "numpy", 0, next(name for name, s in SPACES.items() if s == space))

    def stepper(self, n=1):
        return self.sound.stepper(n)

    def _step_bits(self, xs):
        return self.sound._step_bits(xs)

    def _fit(self, *args):
        raise NotImplementedError

    _arrays = _restore = _fit


class WrongTemperature(Altered):
    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        return super()._sample(n, steps, rng, 0.8 * temperature, top_p, prefix)


class LostFirstSymbol(Altered):
    def _step_bits(self, xs):
        return [np.concatenate([0 * bits[:1], bits[1:]]) for bits in super()._step_bits(xs)]


class Peeking(Altered):
    """Scores a step knowing half of it already."""

    def _step_bits(self, xs):
        return [bits / 2 for bits in super()._step_bits(xs)]


class LostEnd(Altered):
    def _step_bits(self, xs):
        parts = zip(super()._step_bits(xs), xs, strict=True)
        return [bits * (x != self.space.levels - 1) for bits, x in parts]


class OffByOne(Altered):
    """The stepper forgets the last step."""

    def stepper(self, n=1):
        inner = self.sound

        class Forgetful:
            def __init__(self):
                self.events = []

            def step(self, choose):
                walker = inner.stepper(n)
                for event in self.events[:-1]:
                    walker.step(repeat(event))
                self.events.append(walker.step(choose)[0])
                return np.repeat(self.events[-1][None], n, axis=0)

        return Forgetful()


class ForgetsThePrefix(Altered):
    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        return super()._sample(n, steps, rng, temperature, top_p)


class PaddingLeaks(Altered):
    def _step_bits(self, xs):
        longest = max((len(x) for x in xs), default=0)
        return [bits + 1e-3 * (longest - len(x)) for bits, x in zip(super()._step_bits(xs), xs, strict=True)]


class Biased(Altered):
    """Writes 0 for half of the 1s."""

    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        xs = super()._sample(n, steps, rng, temperature, top_p, prefix)
        return [np.where((rng.random(x.shape) < 0.5) & (x == 1), 0, x) for x in xs]


SEEN_BY = {
    WrongTemperature: check_that_bits_of_samples_are_the_entropy,
    Biased: check_that_bits_of_samples_are_the_entropy,
    LostFirstSymbol: check_that_all_pieces_have_mass_one,
    Peeking: check_that_all_pieces_have_mass_one,
    LostEnd: check_that_all_pieces_have_mass_one,
    OffByOne: check_that_the_stepper_walks_the_same_numbers,
    ForgetsThePrefix: check_that_conditional_bits_add_up,
    PaddingLeaks: check_that_company_does_not_matter,
}


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("fault", SEEN_BY, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_seen(fault, space):
    with pytest.raises(AssertionError):
        SEEN_BY[fault](fault(SPACES[space]))


@pytest.mark.parametrize("space", SPACES)
def test_without_a_fault_nothing_is_seen(space):
    for check in CHECKS:
        check(Altered(SPACES[space]))


def test_draws_have_the_frequencies_they_should():
    p = np.array([0.1, 0.0, 0.6, 0.3])
    drawn = draw(np.random.default_rng(0))(np.tile(p, (20_000, 1, 1)), np.array([0]))
    assert np.bincount(drawn[:, 0], minlength=4) / 20_000 == pytest.approx(p, abs=0.012)
    assert not (drawn == 1).any()


def test_a_nucleus_by_hand():
    p = np.array([[0.1, 0.4, 0.3, 0.2], [0.25, 0.25, 0.25, 0.25]])
    assert nucleus(p, 0.6) == pytest.approx(np.array([[0, 4 / 7, 3 / 7, 0], [1 / 3, 1 / 3, 1 / 3, 0]]))
    assert nucleus(p, 0.39) == pytest.approx(np.array([[0, 1, 0, 0], [0.5, 0.5, 0, 0]]))
    assert nucleus(p, 1.0) is p
    choose = draw(np.random.default_rng(0), temperature=0.5, top_p=0.6)  # squares: .01 .16 .09 .04 of .3
    drawn = choose(np.tile(p[:1], (20_000, 1, 1)), np.array([0]))
    assert np.bincount(drawn[:, 0], minlength=4) / 20_000 == pytest.approx([0, 16 / 25, 9 / 25, 0], abs=0.012)


@pytest.mark.parametrize("output", DEPENDENT)
def test_outputs_over_entries_refuse_scalar_steps_and_say_why(output):
    with pytest.raises(SpaceMismatch, match="depends on no other"):
        etude.model("rnn", SPACES["samples"], output=output)


def test_the_rbm_output_refuses_more_units_than_it_can_enumerate():
    with pytest.raises(EtudeError, match="at most 12 hidden units"):
        etude.model("memoryless", SPACES["keys"], output="rbm", output_hidden=13)


@pytest.mark.parametrize("name", ["tcn", "wavenet"])
def test_a_receptive_field_is_what_the_next_step_depends_on(name):
    space = SPACES["samples"]
    sizes = {"tcn": {"channels": 8, "blocks": 2, "kernel": 2}, "wavenet": {"stacks": 1, "dilations": 3}}[name]
    net = etude.model(name, space, seed=2, dropout=0.0, **sizes)
    field, x = net.receptive_field, np.random.default_rng(0).integers(0, 3, 40)
    before = net.step_bits([x])[0]
    reached = np.zeros(40, bool)
    for code in (1, 2):
        y = x.copy()
        y[10] = (y[10] + code) % 3
        reached |= np.abs(net.step_bits([y])[0] - before) > 1e-7
    assert not reached[:10].any() and not reached[11 + field :].any()
    assert reached[11] and reached[10 + field]
