"""A trial: what it fits on, what it is set against, and the verdict."""

import numpy as np
import pytest

import etude
from etude.evaluation import bits_per_sixteenth, moments
from etude.models.sequence.guided import Guided
from etude.study import record, trial


@pytest.fixture
def small(chorales):
    return {"train": chorales["train"][:4], "valid": chorales["valid"][:2], "test": chorales["test"][:3]}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("ETUDE_FITS", str(tmp_path / "fits"))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "99_trial")
    return record.start("99_trial", seed=0)


def test_a_trial_from_pieces_to_verdict(small, run, tmp_path):
    one = trial.encode(small, etude.representation("text"), semitones=[0, 2])
    assert len(one.train) == 2 * len(small["train"])
    budget = etude.Budget(steps=2, batch_size=2, window=16, valid_every=2)
    trial.fit(run, one, "rnn", budget, seeds=[0, 1], cell="gru", hidden=8, layers=1)
    table = trial.with_floors(one).table().set_index("model")
    assert set(table.index) >= {"uniform", "marginal", "counts", "xz primed", "ppmd primed", "rnn"}
    assert table.loc["rnn", "seeds"] == 2 and table.loc["rnn", "seed_sd"] > 0

    verdict = trial.against_best_floor(one)
    floors = table["bits_per_second"].drop("rnn")
    assert verdict["best_floor"] == floors.idxmin()
    assert verdict["rnn"] == pytest.approx(table.loc["rnn", "bits_per_second"])
    assert verdict["difference"] == pytest.approx(verdict["rnn"] - floors.min())
    assert verdict["low"] < verdict["difference"] < verdict["high"]

    again = etude.load(tmp_path / "models" / "rnn-text")
    assert again.bits(one.codes["test"]).values == pytest.approx(one.models[0].bits(one.codes["test"]).values)


@pytest.mark.parametrize("name", ["midi", "text", "pianoroll"])
def test_surprise_keeps_every_bit_and_finds_the_moment(chorales, name):
    representation = etude.representation(name)
    piece = chorales["test"][0]
    x = representation.encode(piece)
    bits = np.random.default_rng(0).random(x.shape)
    spent = bits_per_sixteenth(representation, x, bits)
    assert len(spent) == piece.score.common().length
    assert spent.sum() == pytest.approx(bits.sum())
    onsets = np.unique(piece.score.common().notes[:, 0])
    elsewhere = np.setdiff1d(np.arange(len(spent)), onsets)
    if name == "midi":  # a token belongs to the latest note; text also spells notes that only go on
        assert not spent[elsewhere].any()
    elif name == "text":
        assert spent[elsewhere].sum() < 0.1 * spent.sum()


def test_every_step_has_its_moment(chorales):
    piece = chorales["test"][0]
    for name in ("midi", "pianoroll"):
        representation = etude.representation(name)
        x = representation.encode(piece)
        when = moments(representation, x)
        assert when.shape == (len(x),) and (np.diff(when) >= 0).all() and when[0] == 0
    assert np.array_equal(when, np.arange(len(x)))  # a frame is a sixteenth


def test_cells_of_a_grid_share_data_and_floors_and_keep_apart_what_they_learn(small, run, tmp_path):
    one = trial.encode(small, etude.representation("pianoroll", grid=1), semitones=[0])
    one.floors = {"uniform": etude.model("uniform", one.representation.space)}
    budget = etude.Budget(steps=1, batch_size=2, window=8, valid_every=1)
    cells = [trial.cell(one, f"memoryless-{output}") for output in ("independent", "nade")]
    for each in cells:
        output = each.label.partition("-")[2]
        trial.fit(run, each, "memoryless", budget, [0], publish=False, output=output)
    assert not one.models and cells[0].train is one.train
    assert [set(each.table()["model"]) for each in cells] == [{"uniform", each.label} for each in cells]
    assert trial.against_best_floor(cells[1])["memoryless-nade"] > 0
    folders = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert folders == ["memoryless-independent-pianoroll", "memoryless-nade-pianoroll"]
    assert len(list((tmp_path / "fits").glob("*.ckpt"))) == 2


def test_a_conditional_family_is_tried_as_any_other(run):
    """Its pieces are pairs, which the floors take as the pieces alone."""
    sound, notes = etude.representation("waveform", rate=800), etude.Space((2,), 2, rate=8.0)
    rng, pieces, codes = np.random.default_rng(0), {}, {}
    for split, n in (("train", 4), ("valid", 2), ("test", 2)):
        guides = [rng.integers(0, 2, (6, 2)) for _ in range(n)]
        audio = [
            etude.Audio(np.repeat(guide[:, 0] - 0.5 * guide[:, 1], 100).astype(np.float32), 800) for guide in guides
        ]
        pieces[split] = [etude.Piece(f"{split}{i}", audio=one) for i, one in enumerate(audio)]
        codes[split] = [Guided(sound.encode(p), guide) for p, guide in zip(pieces[split], guides, strict=True)]
    one = trial.Trial(sound, pieces, codes, codes["train"])
    sizes = {"residual": 4, "skip": 4, "stacks": 1, "dilations": 2, "guide_channels": 2, "guide": notes}
    budget = etude.Budget(steps=4, batch_size=2, window=200, valid_every=2)
    trial.fit(run, one, "guided-wavenet", budget, seeds=[0, 1], **sizes)
    table = trial.with_floors(one).table().set_index("model")
    assert table.loc["guided-wavenet", "seeds"] == 2 and {"marginal", "counts"} <= set(table.index)
    alone = one.floors["marginal"].bits([pair.x for pair in codes["test"]])
    assert np.array_equal(one.floors["marginal"].bits(codes["test"]).values, alone.values)
    given = one.models[0].given(codes["test"][0].guide)
    assert given.bits([codes["test"][0].x]).total == pytest.approx(one.models[0].bits(codes["test"][:1]).total)
