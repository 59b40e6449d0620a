"""The counts: estimates by hand, contexts of every space, orders chosen by the validation pieces, bounded memory."""

import numpy as np
import pytest

import etude
from etude import EtudeError, Space
from etude.models.floors.contexts import ENTRY, LONGEST, ROLL, SPECTRUM, Contexts, template
from etude.models.floors.kneser_ney import FALLBACK, KeyCounter, Table, discounts, insertion


def fitted(space, train, valid=(), **options):
    model = etude.model("counts", space, **options)
    model.fit(train, valid)
    return model


def first_step(model):
    """The distribution of the first entry of a piece."""
    seen = []
    model.stepper(1).step(lambda p, entries: seen.append(p[0, 0]) or p.argmax(axis=-1))
    return seen[0]


def test_order_zero_by_hand():
    # counts 3, 2, 1 of the codes 0, 1, 2; the fourth was not seen; no code was counted 4 times, so discounts are 1/2
    model = fitted(Space((), 4), [np.array([0, 0, 0, 1, 1, 2])], order=0)
    shared = 3 * FALLBACK / 6 / 4
    assert first_step(model) == pytest.approx([2.5 / 6 + shared, 1.5 / 6 + shared, 0.5 / 6 + shared, shared])


def test_order_one_by_hand():
    # pairs: outside 0, 0 1 (twice), 1 0, 1 2; so 0 follows two different codes, 1 and 2 one each
    model = fitted(Space((), 3), [np.array([0, 1, 0, 1, 2])], order=1)
    zero = np.array([1.5, 0.5, 0.5]) / 4 + 1.5 / 4 / 3
    given_one = np.array([0.5, 0.0, 0.5]) / 2 + 1 / 2 * zero
    bits = model.step_bits([np.array([0, 1, 0])])[0]
    given_outside = np.array([0.5, 0, 0]) + 0.5 * zero
    given_zero = np.array([0.0, 1.5, 0.0]) / 2 + 0.5 / 2 * zero
    assert 2.0**-bits == pytest.approx([given_outside[0], given_zero[1], given_one[0]])


def test_discounts_of_chen_and_goodman():
    counts = np.repeat([1, 2, 3, 4, 9], [40, 20, 10, 5, 3])
    y = 40 / (40 + 2 * 20)
    assert discounts(counts) == pytest.approx([1 - 2 * y * 0.5, 2 - 3 * y * 0.5, 3 - 4 * y * 0.5])
    assert discounts(np.array([1, 1, 5])).tolist() == [FALLBACK] * 3


def test_unseen_contexts_are_the_shorter_context():
    table = Table(np.array([0, 1, 5]), np.array([2, 1, 4]), 3)
    shorter = np.array([0.2, 0.5])
    assert table.given(np.array([-1, -1]), np.array([0, 2]), shorter).tolist() == shorter.tolist()
    rows = table.rows(np.array([-1, 0, 1]), np.full((3, 3), 1 / 3))
    assert rows[0] == pytest.approx([1 / 3] * 3) and rows.sum(axis=1) == pytest.approx([1, 1, 1])


def test_a_rule_is_learnt_to_its_order():
    rng = np.random.default_rng(0)
    pieces = []
    for _ in range(40):
        x = rng.integers(0, 2, 100)
        for t in range(3, 100):
            x[t] = x[t - 3] ^ x[t - 1]  # known from three steps, unknowable from two
        pieces.append(x)
    model = fitted(Space((), 2), pieces[:30], pieces[30:])
    assert model.order >= 3
    rates = [fitted(Space((), 2), pieces[:30], order=k).bits(pieces[30:]).total / 1000 for k in range(4)]
    assert rates[2] > 0.8 and rates[3] < 0.1


def test_validation_pieces_keep_the_order_low_where_there_is_no_rule():
    rng = np.random.default_rng(1)
    pieces = [rng.integers(0, 20, 200) for _ in range(12)]
    assert fitted(Space((), 20), pieces[:8], pieces[8:]).order == 0


def test_the_chosen_order_is_that_of_a_fit_with_it():
    rng = np.random.default_rng(2)
    pieces = [np.cumsum(rng.integers(-1, 2, 150)) % 12 for _ in range(12)]
    chosen = fitted(Space((), 12), pieces[:9], pieces[9:])
    bits = [fitted(Space((), 12), pieces[:9], order=k).bits(pieces[9:]).total for k in range(7)]
    assert chosen.order == int(np.argmin(bits))
    assert chosen.bits(pieces[9:]).total == min(bits)


@pytest.mark.parametrize("space", [Space((), 300), Space((88,), 3), Space((20,), 64), Space((2, 3), 2)])
def test_templates_look_back_only(space):
    for place in template(space):
        assert place is ENTRY or place[0] > 0 or (place[0] == 0 and place[1] < 0)
    assert {*template(Space((88,), 3))} == {*ROLL} and {*template(Space((20,), 64))} == {*SPECTRUM}
    assert len(template(Space((), 300))) == LONGEST


def test_windows_read_what_the_template_says():
    space = Space((5,), 3)
    contexts, rng = Contexts(space), np.random.default_rng(0)
    x = rng.integers(0, 3, (9, 5))
    for order, place in enumerate(contexts.places, start=1):
        got = contexts.codes(contexts.window(x, 2, 9), order).reshape(7, 5)
        for t in range(2, 9):
            for k in range(5):
                if place is ENTRY:
                    expected = k
                else:
                    row, column = t - place[0], k + place[1]
                    expected = x[row, column] if row >= 0 and 0 <= column < 5 else 3
                assert got[t - 2, k] == expected


def test_entries_of_a_frame_know_those_below():
    rng = np.random.default_rng(3)
    frames = [np.repeat(rng.integers(0, 2, (60, 1)), 3, axis=1) for _ in range(20)]  # three keys that always agree
    model = fitted(Space((3,), 2), frames[:15], frames[15:])
    bits = np.concatenate(model.step_bits(frames[15:]))
    assert bits[:, 0].mean() > 0.9 and bits[:, 1:].mean() < 0.05


@pytest.mark.parametrize("space", [Space((4,), 3), Space((4,), 20), Space((), 6)])
def test_the_stepper_reads_the_whole_template(space):
    rng = np.random.default_rng(8)
    pieces = [np.sort(rng.integers(0, 3, (40, *space.event_shape)), axis=0) for _ in range(10)]
    model = fitted(space, pieces, order=len(template(space)))
    new = rng.integers(0, space.levels, (30, *space.event_shape))  # contexts that training never saw among them
    stepper, bits = model.stepper(1), []
    for event in new.reshape(30, -1):

        def choose(p, entries, event=event):
            bits.append(-np.log2(p[0, 0, event[entries[0]]]))
            return event[entries][None]

        stepper.step(choose)
    assert bits == pytest.approx(model.step_bits([new])[0].reshape(-1), abs=1e-9)


def test_groups_do_not_change_the_numbers(monkeypatch):
    rng = np.random.default_rng(4)
    for space in (Space((), 9), Space((4,), 3)):
        pieces = [rng.integers(0, 3, (n, *space.event_shape)) for n in (50, 1, 0, 33)]
        whole = fitted(space, pieces, pieces[:1])
        monkeypatch.setattr("etude.models.floors.contexts.BLOCK", 16)
        monkeypatch.setattr(KeyCounter, "BUFFER", 20)
        parts = fitted(space, pieces, pieces[:1])
        assert parts.order == whole.order
        assert all(
            np.array_equal(a, b) for a, b in zip(whole._arrays().values(), parts._arrays().values(), strict=True)
        )
        assert np.array_equal(np.concatenate(whole.step_bits(pieces)), np.concatenate(parts.step_bits(pieces)))
        monkeypatch.undo()


def test_keys_are_counted_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(KeyCounter, "BUFFER", 100)
    counter, rng, everything = KeyCounter(), np.random.default_rng(5), []
    for _ in range(60):
        keys = rng.integers(0, 50, 37)
        everything.append(keys)
        counter.add(keys)
        assert sum(len(run) for run, _ in counter.runs) <= 50 * 8 and counter.waiting < 100
    expected = np.unique(np.concatenate(everything), return_counts=True)
    assert all(map(np.array_equal, counter.total(), expected))
    assert all(len(part) == 0 for part in KeyCounter().total())


def test_insertion_is_searchsorted():
    rng = np.random.default_rng(6)
    known = np.unique(rng.integers(0, 10_000, 3000))
    for n in (10, 6000):
        wanted = rng.integers(-5, 10_005, n)
        assert np.array_equal(insertion(known, wanted), np.searchsorted(known, wanted))


def test_impossible_orders_are_refused():
    for order in (-1, LONGEST + 1):
        with pytest.raises(EtudeError, match="an order from 0 to"):
            etude.model("counts", Space((), 5), order=order)
    for name in ("marginal", "copy-previous"):
        with pytest.raises(EtudeError, match="smoothing > 0"):
            etude.model(name, Space((), 5), smoothing=0.0)


def test_a_large_alphabet_and_one_of_a_single_code():
    rng = np.random.default_rng(7)
    big = fitted(Space((), 40_000), [rng.integers(0, 40_000, 500)], order=2)
    assert np.isfinite(big.bits([rng.integers(0, 40_000, 50)]).total)
    for name in ("uniform", "marginal", "copy-previous", "counts"):
        single = etude.model(name, Space((2,), 1))
        single.fit([np.zeros((9, 2), int)])
        assert single.bits([np.zeros((5, 2), int)]).total == pytest.approx(0, abs=1e-9)
        assert single.sample(1, 4)[0].shape == (4, 2)


def test_marginal_and_copy_previous_by_hand():
    space, x = Space((), 3), np.array([0, 0, 1, 1, 1, 0])
    marginal, copy = etude.model("marginal", space), etude.model("copy-previous", space)
    marginal.fit([x])
    copy.fit([x])
    assert marginal.probabilities()[0] == pytest.approx(np.array([3.5, 3.5, 0.5]) / 7.5)
    stay = np.array([1.5 / 3, 2.5 / 4, 0.5 / 1])  # stays and visits: 1 of 2, 2 of 3, 0 of 0
    arrive = np.array([1.5, 1.5, 0.5]) / 3.5  # one move to 0, one to 1
    p = 2.0 ** -copy.step_bits([np.array([0, 0, 2, 1])])[0]
    moves = (1 - stay[0]) * arrive[2] / (1 - arrive[0]), (1 - stay[2]) * arrive[1] / (1 - arrive[2])
    assert p == pytest.approx([3.5 / 7.5, stay[0], *moves])


def test_counts_before_a_fit_can_be_saved(tmp_path):
    back = etude.load(etude.model("counts", Space((), 5)).save(tmp_path / "m"))
    assert back.bits([np.arange(4)]).total == pytest.approx(4 * np.log2(5))
