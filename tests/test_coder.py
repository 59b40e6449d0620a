"""Code lengths are proven: files of the claimed size that decode to the same codes; damaged files do no harm."""

import numpy as np
import pytest

import etude
from etude import EtudeError, Space
from etude.errors import UnreadableFile
from etude.evaluation.coder import decode, decode_all, encode, encode_all, proof
from etude.evaluation.lengths import LONGEST, elias_delta, length_bits, read_elias_delta
from etude.evaluation.portable_coder import GUARD, STEP, rounded, sure_grid
from etude.evaluation.range_coder import Reader, Writer
from etude.models.autoregressive import Autoregressive

SPACES = [Space((), 5, end=4), Space((), 256), Space((12,), 3), Space((), 1), Space((2, 3), 2)]


def pieces(space, n=6, seed=0, longest=80):
    rng, xs = np.random.default_rng(seed), []
    for _ in range(n):
        codes = space.levels - (space.end is not None)
        x = np.repeat(rng.integers(0, codes, (longest, *space.event_shape)), 3, axis=0)
        x = x[: rng.integers(1, longest)]
        xs.append(x if space.end is None else np.append(x, space.end))
    return xs


def counts(space):
    model = etude.model("counts", space)
    model.fit(pieces(space, 8, seed=1), pieces(space, 3, seed=2))
    return model


@pytest.fixture(scope="module", params=SPACES, ids=str)
def model(request):
    return counts(request.param)


def test_files_decode_to_the_same_codes_and_have_the_claimed_size(model):
    table = proof(model, pieces(model.space))
    assert table.decoded_equal.all()
    single, together = table[:-1], table.iloc[-1]
    assert (single.excess_bits < 12).all()  # a file is whole bytes, and a byte closes it
    assert single.excess_bits.mean() < 8
    assert together.pieces == 6
    assert together.excess_bits < 12 + 2e-3 * together.claimed_bits
    assert together.claimed_bits == pytest.approx(single.claimed_bits.sum() + length_bits(6))


def test_a_long_file_is_within_half_a_percent():
    space = Space((), 64, end=63)
    model = etude.model("uniform", space)
    x = np.append(np.random.default_rng(0).integers(0, 63, 4000), 63)
    size = 8 * len(encode(model, x))
    assert 0 <= size - 6 * 4001 <= 16
    assert np.array_equal(decode(model, encode(model, x)), x)


def test_certain_and_impossible_codes_are_written():
    class Stubborn(Autoregressive):
        """Sure that every code is 0."""

        name = "stubborn"
        _fit = _arrays = _restore = _step_bits = None

        def stepper(self, n=1):
            class Walk:
                def step(self, choose):
                    return choose(np.tile([1.0, 0.0, 0.0], (n, 1, 1)), np.array([0]))[:, 0]

            return Walk()

    Stubborn.__abstractmethods__ = frozenset()
    model = Stubborn(Space((), 3))
    assert len(encode(model, np.zeros(5000, int))) <= 4
    x = np.array([0, 2, 1, 0])
    assert np.array_equal(decode(model, encode(model, x)), x)


def test_the_rnn_too(tmp_path):
    space = Space((), 5, end=4)
    model = etude.model("rnn", space, hidden=8, layers=1, embedding=4)
    table = proof(model, pieces(space, 3))
    assert table.decoded_equal.all() and (table.excess_bits < 12).all()


@pytest.mark.parametrize("kind", ["cut", "flipped", "random", "empty"])
def test_damaged_files_raise_or_decode_to_something_else(model, kind, monkeypatch):
    monkeypatch.setattr("etude.evaluation.coder.MOST_STEPS", 2**12)  # how long a file of nothing may run on
    rng, x = np.random.default_rng(3), pieces(model.space)[0]
    for _ in range(15):
        data = bytearray(encode(model, x))
        if kind == "cut":
            data = data[: rng.integers(0, max(1, len(data)))]
        elif kind == "flipped" and data:
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        elif kind == "random":
            data = bytearray(rng.bytes(rng.integers(0, 60)))
        else:
            data = bytearray()
        try:
            model.space.check(decode(model, bytes(data)))
            decode_all(model, bytes(data))
        except EtudeError as error:
            assert "damaged" in str(error)


def test_a_file_cannot_hold_more_than_its_size(monkeypatch):
    monkeypatch.setattr("etude.evaluation.coder.MOST_STEPS", 2**12)
    model = etude.model("uniform", Space((), 4, end=3))
    data = encode(model, np.append(np.zeros(400, int), 3))
    with pytest.raises(EtudeError, match="beyond its size"):
        decode(model, data[:50])  # zeros past the end are codes 0, and no end comes


@pytest.mark.parametrize("p", [2.0**-24, 1.9 * 2.0**-24, 2.0**-30, 1e-4])
def test_a_file_of_what_is_hardly_believed_is_read_back(p):
    distributions = np.tile([1 - p, p], (3000, 1))
    symbols, writer = np.ones(3000, int), Writer()
    writer.write(symbols, distributions)
    assert np.array_equal(Reader(writer.data()).read(distributions), symbols)


def test_pieces_that_no_decoder_would_read_are_not_written(monkeypatch):
    monkeypatch.setattr("etude.evaluation.coder.MOST_STEPS", 100)
    model = etude.model("uniform", Space((), 2))
    assert len(decode(model, encode(model, np.zeros(100, int)))) == 100
    with pytest.raises(EtudeError, match="100 steps"):
        encode(model, np.zeros(101, int))


def test_only_models_that_write_step_by_step_can_prove():
    with pytest.raises(EtudeError, match="step by step"):
        encode(object(), [0])
    with pytest.raises(EtudeError, match="closed"):
        encode(etude.model("uniform", Space((), 3, end=2)), [0, 1])


def test_closing_a_file_costs_less_than_a_byte_on_average():
    rng, waste = np.random.default_rng(0), []
    for _ in range(400):
        n, levels = rng.integers(1, 40), rng.integers(2, 40)
        p = rng.dirichlet(np.full(levels, 0.3), n)
        symbols = np.array([rng.choice(levels, p=row) for row in p])
        writer = Writer()
        writer.write(symbols, p)
        assert np.array_equal(Reader(writer.data()).read(p), symbols)
        waste.append(8 * len(writer.data()) + np.log2(p[np.arange(n), symbols]).sum())
    assert np.mean(waste) < 5
    assert max(waste) < 16


def test_an_empty_list_of_pieces():
    model = counts(SPACES[0])
    assert decode_all(model, encode_all(model, [])) == []


def test_elias_delta_by_hand():
    codes = {1: "1", 2: "0100", 3: "0101", 4: "01100", 8: "00100000", 17: "001010001"}
    for n, code in codes.items():
        assert "".join(map(str, elias_delta(n))) == code
    assert [length_bits(steps) for steps in (0, 1, 3, 255)] == [1, 4, 5, 15]
    with pytest.raises(EtudeError):
        elias_delta(0)


def test_elias_delta_is_a_prefix_code_that_reads_back():
    rng = np.random.default_rng(0)
    numbers = [1, 2, LONGEST, *(int(2**e) for e in rng.uniform(0, 47, 200))]
    bits = iter([bit for n in numbers for bit in elias_delta(n)])
    assert [read_elias_delta(lambda: next(bits)) for _ in numbers] == numbers
    assert next(bits, None) is None
    assert sum(2.0 ** -length_bits(steps) for steps in range(2**16)) < 1  # Kraft


def test_a_length_of_zeros_only_is_refused():
    with pytest.raises(EtudeError, match="damaged"):
        read_elias_delta(lambda: 0)


# Files that do not depend on the last digits ---------------------------------------------------------------------


def test_what_lies_in_the_middle_is_rounded_on_another_grid():
    middle = np.exp(-100.5 * STEP)  # of two points of the first grid
    p = np.array([[middle, 1 - middle]])
    apart = [rounded(p * (1 + sign * 1e-12), 0) for sign in (-1, 1)]
    assert not np.array_equal(*apart), "rounding alone depends on the last digits"
    grid = sure_grid(p)
    assert grid > 0 and np.array_equal(*(rounded(p * (1 + sign * 1e-12), grid) for sign in (-1, 1)))


def test_probabilities_that_agree_to_the_guard_are_rounded_alike():
    rng = np.random.default_rng(0)
    for p in rng.dirichlet(np.full(30, 0.2), size=(2000, 1)):
        noise = np.exp(rng.uniform(-0.9, 0.9, p.shape) * GUARD)
        grid = sure_grid(p)
        assert np.array_equal(rounded(p, grid), rounded(p * noise, grid))
        assert np.abs(np.log(rounded(p, grid) / p)[p > 1e-6]).max() < 2 * STEP


def test_portable_files_decode_and_cost_little(model):
    xs = pieces(model.space)
    data, plain = encode_all(model, xs, portable=True), encode_all(model, xs)
    assert all(map(np.array_equal, decode_all(model, data, portable=True), xs))
    assert len(data) <= len(plain) + 4 + 0.003 * len(plain)
    one = encode(model, xs[0], portable=True)
    assert np.array_equal(decode(model, one, portable=True), xs[0])


def test_a_portable_file_that_another_model_reads_is_noticed():
    space = Space((), 8, end=7)
    one, other = counts(space), counts(space)
    other.fit(pieces(space, 8, seed=5))
    refused = 0
    for x in pieces(space, 10, seed=3):
        try:
            decode(other, encode(one, x, portable=True), portable=True)
        except UnreadableFile:
            refused += 1
    assert refused == 10
