"""The engine: windows, schedule, identity, and fits that are killed, interrupted, damaged or finished already."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import etude
from etude import Budget, EtudeError, Space
from etude.errors import CorruptCheckpoint
from etude.models.halves import CHOICE, halves
from etude.training import Windows, similar_lengths
from etude.training.progress import progress_bar, watched
from etude.training.schedule import warm_up_cosine
from etude.training.task import data_digest, digest, step_seed
from etude.training.windows import pad

SPACE = Space((), 6, end=5)
BUDGET = Budget(steps=50, batch_size=4, window=16, learning_rate=1e-2, valid_every=10)
AVERAGED = replace(BUDGET, learning_rate=3e-2, average=0.95)
SHORT = replace(BUDGET, steps=2, valid_every=1)


def pieces(n=12, seed=0):
    rng = np.random.default_rng(seed)
    return [np.append(rng.integers(0, 5, rng.integers(3, 40)), 5) for _ in range(n)]


SMALL = {  # framework -> models that are learnt, and traced, in no time, the other one larger
    "torch": ("rnn", {"cell": "gru", "hidden": 12, "layers": 2, "embedding": 8}, {"hidden": 32, "layers": 1}),
    "tensorflow": ("tcn", {"channels": 12, "blocks": 1, "embedding": 8}, {"channels": 32, "blocks": 2}),
}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in SMALL])
def framework(request):
    """Each framework in turn, as the variable of the environment names it, so that processes inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHOICE, request.param)
        yield request.param


@pytest.fixture
def torch_only(monkeypatch):
    """PyTorch, whatever the other tests of the file do."""
    monkeypatch.setenv(CHOICE, "torch")


def small(dropout=0.3, larger=False):
    family, *sizes = SMALL[os.environ.get(CHOICE, "torch")]
    return etude.model(family, SPACE, dropout=dropout, **sizes[larger])


def fitted(checkpoint=None, budget=BUDGET, seed=0, model=None):
    model = model or small()
    return model, model.fit(pieces(), pieces(3, seed=9), budget, seed=seed, checkpoint=checkpoint)


def scores(history):
    return [(row["step"], row["train"], row["valid"]) for row in history.rows]


def same(a, b):
    return all(np.array_equal(a._arrays()[name], array) for name, array in b._arrays().items())


@pytest.fixture(scope="module")
def whole(framework):
    """The fit that nothing disturbs."""
    return fitted()


@pytest.fixture(scope="module")
def checkpoint(framework, tmp_path_factory):
    """The folder of that fit's checkpoint, to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    fitted(folder)
    return folder


@pytest.fixture(scope="module")
def averaged(framework):
    """The fit whose weights are averaged, undisturbed."""
    return fitted(budget=AVERAGED)


# Windows ---------------------------------------------------------------------------------------------------------


def test_a_window_is_the_piece_and_the_event_before_it():
    piece = np.arange(1, 31)
    windows = Windows([piece], window=8, batch_size=64, seed=3)
    batch = windows.batch(0)
    assert batch.events.shape == (64, 9, 1) and batch.mask.all()
    for row, first in zip(batch.events[:, :, 0], batch.first, strict=True):
        start = row[1] - 1
        assert np.array_equal(row[1:], piece[start : start + 8])
        assert first == (start == 0)
        assert first or row[0] == piece[start - 1]
    assert 0 < batch.first.sum() < 64


def test_batches_are_functions_of_seed_and_step():
    one, other = (Windows(pieces(), 16, 4, seed=1) for _ in range(2))
    later = one.batch(7)
    assert all(np.array_equal(a, b) for a, b in zip(later, other.batch(7), strict=True))
    assert len({one.batch(step).events.tobytes() for step in range(20)}) == 20
    assert not np.array_equal(Windows(pieces(), 16, 4, seed=2).batch(7).events, later.events)
    assert step_seed(0, 1) != step_seed(1, 0)


def test_every_step_is_learnt_about_equally_often_and_the_first_too():
    lengths, window = [10, 40, 160], 16
    coded = [1000 * i + np.arange(n) for i, n in enumerate(lengths)]
    windows = Windows(coded, window, 50, seed=0)
    seen = np.zeros(3000)
    for step in range(200):
        batch = windows.batch(step)
        np.add.at(seen, batch.events[:, 1:, 0][batch.mask], 1)
    each = seen[2000:2160] / seen[2000:2160].mean()
    assert each.min() > 0.4 and each.max() < 1.6  # the first and last half windows are the rarer ones
    # a piece shorter than a window is drawn by its length, but no window is wider than it
    assert seen[0] == pytest.approx(200 * 50 * 10 / 210, rel=0.2) and len(set(seen[:10])) == 1
    assert (seen[1000:1040] > 0).all()


def test_padding_is_masked():
    batch = pad([(np.array([[1], [2], [3]]), True), (np.array([[7], [8]]), False)])
    assert batch.events[:, :, 0].tolist() == [[0, 1, 2, 3], [7, 8, 0, 0]]
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]


def test_groups_hold_every_piece_once_and_waste_little():
    lengths = [5, 100, 7, 90, 1, 0, 100]
    groups = similar_lengths(lengths, 200)
    assert sorted(np.concatenate(groups).tolist()) == list(range(7))
    assert all(max(lengths[i] for i in g) * len(g) <= 200 for g in groups)
    assert [len(similar_lengths([1000], 10)), similar_lengths([], 10)] == [1, []]


def test_schedule_rises_then_falls():
    factors = np.array([warm_up_cosine(step, 1000) for step in range(1000)])
    peak = factors.argmax()
    assert factors.max() == 1 and peak <= 50
    assert (np.diff(factors[:peak]) > 0).all() and (np.diff(factors[peak + 1 :]) < 0).all()
    assert 0 < factors[-1] < 0.03 and factors[0] > 0
    assert warm_up_cosine(0, 1) > 0


def test_digests_tell_contents_order_and_shape_apart():
    a, b = np.array([1, 2, 3]), np.array([4])
    variants = [([a, b], []), ([b, a], []), ([a], [b]), ([np.array([1, 2]), np.array([3, 4])], []), ([a, b + 1], [])]
    assert len({data_digest(*v) for v in variants}) == len(variants)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})


# Fits ------------------------------------------------------------------------------------------------------------


def test_same_seed_same_numbers(whole):
    model, history = whole
    again, history_again = fitted()
    other, _ = fitted(seed=1)
    assert scores(history) == scores(history_again) and same(model, again)
    assert not same(model, other)


def test_codes_on_disk_are_learnt_from_where_they_lie(tmp_path, monkeypatch, whole):
    """Hours of audio are never copied into memory: windows are cut from the mapped file, and the fit is the same."""
    mapped, cut = [], Windows.__init__
    for i, x in enumerate(pieces()):
        x.astype(np.uint8).tofile(tmp_path / f"{i}.codes")
        mapped.append(np.memmap(tmp_path / f"{i}.codes", np.uint8, "r"))

    def watched_cut(self, train, *rest):
        assert all(np.shares_memory(a, b) for a, b in zip(train, mapped, strict=True))
        cut(self, train, *rest)

    monkeypatch.setattr(Windows, "__init__", watched_cut)
    model = small()
    history = model.fit(mapped, pieces(3, seed=9), BUDGET, 0)
    assert scores(history) == scores(whole[1]) and same(model, whole[0])


def test_a_fit_leaves_the_callers_randomness_alone(framework):
    def seeded(between=lambda: None):
        if framework == "torch":
            import torch as source

            source.manual_seed(5)
        else:
            import random as source

            source.seed(5)
        between()
        return float(source.rand(1)) if framework == "torch" else source.random()

    short = Budget(steps=2, batch_size=2, window=8, valid_every=2)
    assert seeded(lambda: fitted(budget=short)) == seeded()


def test_history_counts_steps_and_ends_at_the_budget(framework):
    _, history = fitted(budget=Budget(steps=25, batch_size=4, window=16, valid_every=10))
    assert [row["step"] for row in history.rows] == [10, 20, 25]
    seconds = [row["seconds"] for row in history.rows]
    assert seconds == sorted(seconds) and history.seconds > 0
    assert history.parameters == small().parameters


def test_the_best_weights_by_validation_are_kept(whole):
    model, history = whole
    best = min(history.rows, key=lambda row: row["valid"])
    assert history.best_step == best["step"]
    valid = pieces(3, seed=9)
    assert model.bits(valid).total / sum(map(len, valid)) == pytest.approx(best["valid"], abs=1e-9)


def test_best_is_not_merely_last(framework):
    budget = Budget(steps=120, batch_size=8, window=32, learning_rate=2e-2, valid_every=10)
    valid = pieces(3, seed=9)
    rng = np.random.default_rng(0)
    train = [np.append(rng.integers(0, 5, 20), 5)]  # one random piece: learnt by heart, useless for others
    model = small(dropout=0.0, larger=True)
    history = model.fit(train, valid, budget)
    assert history.best_step < 120 and history.rows[-1]["valid"] > min(r["valid"] for r in history.rows) + 0.5
    assert model.bits(valid).total / sum(map(len, valid)) == pytest.approx(
        min(r["valid"] for r in history.rows), abs=1e-9
    )
    short = small(dropout=0.0, larger=True).fit(train, valid, replace(budget, patience=2))
    assert short.rows[-1]["step"] == short.best_step + 20 < 120


def test_without_validation_the_last_weights_stay(framework):
    model = small()
    history = model.fit(pieces(), (), Budget(steps=20, batch_size=4, window=16, valid_every=10))
    assert history.best_step == 20 and history.rows[-1]["valid"] is None


KILLED = """
    import os, signal, sys
    sys.path.insert(0, {tests!r})
    import test_training as t
    from etude.training import Windows
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
    batch = Windows.batch
    def fatal(self, step):
        if step == {step}:
            os.kill(os.getpid(), {signal})
        return batch(self, step)
    Windows.batch = fatal
    t.fitted({folder!r})
"""


def run_and_kill(folder, step, how):
    script = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder), step=step, signal=int(how))
    return subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)


@pytest.mark.parametrize(("how", "step"), [(signal.SIGKILL, 25), (signal.SIGINT, 37)])
def test_a_killed_fit_continues_as_if_nothing_had_happened(tmp_path, whole, monkeypatch, how, step):
    killed = run_and_kill(tmp_path, step, how)
    assert killed.returncode != 0
    if how == signal.SIGINT:
        assert "KeyboardInterrupt" in killed.stderr and "SystemExit" not in killed.stderr
    [file] = tmp_path.glob("*.ckpt")
    steps, batch = [], Windows.batch
    monkeypatch.setattr(Windows, "batch", lambda self, step: steps.append(step) or batch(self, step))
    resumed, history = fitted(tmp_path)
    assert steps == list(range(step // 10 * 10, 50)), "goes on from the last border, no step twice"
    model, expected = whole
    assert scores(history) == scores(expected) and history.best_step == expected.best_step
    assert same(model, resumed)
    assert [file] == list(tmp_path.glob("*.ckpt"))


class Cut(BaseException):
    """Ends a fit without giving it a chance to tidy up."""


@contextmanager
def cut_at(step, monkeypatch):
    """Let a fit end where it asks for the batch of a step."""
    batch = Windows.batch

    def cut(self, at):
        if at == step:
            raise Cut
        return batch(self, at)

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(Windows, "batch", cut)
        yield


@pytest.mark.parametrize("valid", [pieces(3, seed=9), ()], ids=["patience", "no validation"])
@pytest.mark.parametrize("step", [12, 25])
def test_patience_and_fits_without_validation_resume_too(framework, tmp_path, monkeypatch, valid, step):
    if framework == "tensorflow" and step == 12:
        pytest.skip("step 25 shows it, and a fit is costly there")
    budget = Budget(steps=200, batch_size=8, window=32, learning_rate=2e-2, valid_every=10, patience=2)
    budget = budget if valid else Budget(steps=45, batch_size=8, window=32, valid_every=10)

    def fit(checkpoint=None):
        model = small(0.2, larger=True)
        return model, model.fit(pieces(1), valid, budget, checkpoint=checkpoint)

    model, history = fit()
    assert history.rows[-1]["step"] == history.best_step + 20 < 200 if valid else history.rows[-1]["step"] == 45
    with cut_at(step, monkeypatch):
        fit(tmp_path)
    resumed, continued = fit(tmp_path)
    assert scores(continued) == scores(history) and same(model, resumed)


def engine_part(framework, name):
    """Return a module of a framework's engine."""
    return import_module(f"{next(half for half in halves('rnn') if half.name == framework).table.ENGINE}.{name}")


def weights_of(network) -> dict:
    """Return what is learnt, by names of the shared layout."""
    return {name: array.astype(np.float64) for name, array in network.arrays().items()}


def test_averaged_weights_are_scored_and_kept(framework, monkeypatch):
    averaging = engine_part(framework, "averaging").Averaging
    seen, update, model = [], averaging.on_train_batch_end, small()

    def watched_update(self, *given, **named):
        seen.append(weights_of(model.network))
        update(self, *given, **named)

    monkeypatch.setattr(averaging, "on_train_batch_end", watched_update)
    _, history = fitted(budget=AVERAGED, model=model)
    mean, plain = seen[0], weights_of(model.network)
    for t, weights in enumerate(seen[: history.best_step]):
        d = min(0.95, (1 + t) / (10 + t))
        mean = {name: d * mean[name] + (1 - d) * w for name, w in weights.items()}
    assert len(seen) == 50 and history.best_step >= 20
    for name, weight in plain.items():
        assert weight == pytest.approx(mean[name], abs=1e-5)
    assert any(np.abs(mean[name] - w).max() > 1e-3 for name, w in seen[history.best_step - 1].items())
    valid, best = pieces(3, seed=9), min(row["valid"] for row in history.rows)
    assert model.bits(valid).total / sum(map(len, valid)) == pytest.approx(best, abs=1e-9)


def test_averaging_does_not_disturb_the_fit(whole):
    averaged = fitted(budget=replace(BUDGET, average=0.9))[1]
    assert [row["train"] for row in averaged.rows] == [row["train"] for row in whole[1].rows]
    assert [row["valid"] for row in averaged.rows] != [row["valid"] for row in whole[1].rows]


@pytest.mark.parametrize("step", [12, 35])
def test_an_averaged_fit_resumes_exactly(averaged, tmp_path, monkeypatch, step):
    model, history = averaged
    with cut_at(step, monkeypatch):
        fitted(tmp_path, AVERAGED)
    resumed, continued = fitted(tmp_path, AVERAGED)
    assert scores(continued) == scores(history) and same(model, resumed)


def test_weight_decay_shrinks_matrices_and_nothing_else(framework):
    norms, matrix = [], {"torch": "rnn.0.recurrent", "tensorflow": "tcn.0.second.weight"}[framework]
    for decay in (0.0, 5.0):
        model, _ = fitted(budget=replace(BUDGET, weight_decay=decay, valid_every=50))
        norms.append([np.linalg.norm(model._arrays()[name]) for name in (matrix, "output.bias")])
    assert norms[1][0] < 0.7 * norms[0][0] and norms[1][1] > 0.7 * norms[0][1]


@pytest.mark.parametrize("patience", [None, 1])
def test_a_finished_fit_is_not_repeated(framework, tmp_path, monkeypatch, patience):
    budget = Budget(steps=60, batch_size=8, window=32, learning_rate=2e-2, valid_every=5, patience=patience)

    def fit():
        model = small(0.2, larger=True)
        return model, model.fit(pieces(1), pieces(3, seed=9), budget, checkpoint=tmp_path)

    first, history = fit()
    assert (history.rows[-1]["step"] < 60) == (patience is not None)
    monkeypatch.setattr(Windows, "batch", lambda self, step: pytest.fail("learns again"))
    again, found = fit()
    assert same(first, again) and found == history


def test_other_settings_data_or_weights_are_other_fits(framework, tmp_path):
    model, _ = fitted(tmp_path, SHORT)
    fitted(tmp_path, SHORT, seed=1)
    fitted(tmp_path, SHORT, model=model)  # goes on from learnt weights
    small().fit(pieces(), pieces(4, seed=9), SHORT, checkpoint=tmp_path)
    assert len(list(tmp_path.glob("*.ckpt"))) == 4


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "code", "foreign", "renamed"])
def test_a_damaged_checkpoint_is_put_aside(framework, tmp_path, whole, checkpoint, damage, caplog, monkeypatch):
    import torch

    if framework == "tensorflow" and damage in ("empty", "foreign", "code"):
        pytest.skip("no safetensors file, as noise is none")
    monkeypatch.chdir(tmp_path)
    folder = Path(shutil.copytree(checkpoint, tmp_path / "checkpoints"))
    [file] = folder.glob("*.ckpt")
    content = file.read_bytes()
    if damage == "code":
        torch.save({"state_dict": Bomb()}, file)
    elif damage == "foreign":
        torch.save({"weights": torch.zeros(3)}, file)
    elif damage == "renamed":
        fitted(folder, SHORT)
        [other] = set(folder.glob("*.ckpt")) - {file}
        other.replace(file)
    else:
        file.write_bytes({"cut": content[: len(content) // 2], "noise": os.urandom(3000), "empty": b""}[damage])
    bad = file.read_bytes()
    model, history = fitted(folder)
    assert scores(history) == scores(whole[1]) and same(model, whole[0])
    assert "afresh" in caplog.text
    assert file.with_suffix(".damaged").read_bytes() == bad
    assert not (tmp_path / "exploded").exists()


def test_the_bomb_is_live(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Bomb()))
    assert (tmp_path / "exploded").exists()


def test_a_diverging_fit_says_so(framework):
    with pytest.raises(EtudeError, match="Lower the learning rate"):
        fitted(budget=Budget(steps=20, batch_size=4, window=16, learning_rate=1e30, valid_every=10))


@pytest.mark.parametrize("name", ["steps", "batch_size", "window", "valid_every", "patience", "learning_rate"])
def test_budgets_are_positive(name):
    with pytest.raises(EtudeError, match=f"{name} is"):
        Budget(**{name: 0})


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight_decay": -1.0},
        {"average": 1.0},
        {"steps": 2.5},
        {"learning_rate": float("nan")},
        {"learning_rate": float("inf")},
    ],
)
def test_budgets_lie_in_their_ranges(wrong):
    with pytest.raises(EtudeError, match=f"a budget whose {next(iter(wrong))}"):
        Budget(**wrong)


def test_a_fit_is_silent_where_nobody_watches(torch_only, tmp_path):
    script = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_training as t
        t.fitted({str(tmp_path)!r})
    """
    ran = subprocess.run(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(script)], capture_output=True, text=True, cwd=tmp_path
    )
    ours = [line for line in ran.stderr.splitlines() if "etude" in line or "ightning" in line or "step" in line]
    assert (ran.returncode, ran.stdout, ours) == (0, "", [])
    assert not (tmp_path / "lightning_logs").exists()


def test_nobody_watches_a_pipe_or_a_runner(monkeypatch, capsys):
    assert not watched()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert watched()
    monkeypatch.setenv("ETUDE_RUN_DIR", "somewhere")
    assert not watched()
    bar = progress_bar(10)
    bar.update(5)
    bar.set_postfix_str("x")
    bar.close()
    assert capsys.readouterr() == ("", "")


def test_threads_are_bounded_only_while_fitting(torch_only, monkeypatch):
    import torch

    seen, before, batch = [], torch.get_num_threads(), Windows.batch
    monkeypatch.setenv("ETUDE_THREADS", "1")
    torch.set_num_threads(2)
    monkeypatch.setattr(Windows, "batch", lambda self, step: seen.append(torch.get_num_threads()) or batch(self, step))
    try:
        fitted(budget=Budget(steps=2, batch_size=2, window=8, valid_every=2))
        assert seen == [1, 1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_fit_says_what_it_is_beside_its_checkpoint(torch_only, tmp_path):
    model, history = fitted(tmp_path)
    [described] = tmp_path.glob("*.json")
    identity = json.loads(described.read_text())
    assert digest(identity)[:16] == described.stem == history.fit and (tmp_path / f"{history.fit}.ckpt").is_file()
    assert identity["options"] == model.options and identity["revisions"] == {"family": 1, "engine": 1, "output": 1}
    assert fitted()[1].fit == ""


@pytest.mark.parametrize("who", ["family", "engine", "output"])
def test_a_raised_revision_is_another_fit(torch_only, tmp_path, monkeypatch, who):
    from etude.models.sequence.outputs import OUTPUTS

    _, before = fitted(tmp_path)
    model = small()
    if who == "family":
        monkeypatch.setattr(type(model), "revision", 2)
    elif who == "engine":
        monkeypatch.setattr(model.half.engine, "REVISION", 2)
    else:
        monkeypatch.setitem(OUTPUTS, model.options["output"], 2)
    _, after = fitted(tmp_path, model=model)
    assert after.fit != before.fit and scores(after) == scores(before)


def test_no_flipped_bit_in_a_checkpoint_passes(framework, tmp_path):
    """A bit either breaks the file, or changes what it holds, or lies where nothing is held."""
    checkpoints = engine_part(framework, "checkpoints")
    contents_digest, read_checkpoint = checkpoints.contents_digest, checkpoints.read_checkpoint
    fitted(tmp_path)
    [file] = tmp_path.glob("*.ckpt")
    content, sound = file.read_bytes(), contents_digest(read_checkpoint(file))
    rng, refused = np.random.default_rng(0), 0
    for place in rng.integers(len(content), size=200):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1 << rng.integers(8)]) + content[place + 1 :])
        try:
            assert contents_digest(read_checkpoint(file)) == sound
        except CorruptCheckpoint:
            refused += 1
    assert refused > 100


def test_a_changed_weight_is_seen_though_the_file_is_sound(torch_only, tmp_path):
    import torch

    from etude.training.torch.checkpoints import read_checkpoint

    fitted(tmp_path)
    [file] = tmp_path.glob("*.ckpt")
    held = torch.load(file, weights_only=True)
    next(iter(held["callbacks"]["Recording"]["best"].values())).view(-1)[0] += 1e-3
    torch.save(held, file)
    with pytest.raises(CorruptCheckpoint, match="matches its digest"):
        read_checkpoint(file)


def test_two_processes_at_one_fit_give_one_result(tmp_path, whole):
    script = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_training as t
        model, history = t.fitted({str(tmp_path)!r})
        print(history.rows)
    """
    both = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    one, other = (process.communicate()[0] for process in both)
    assert one == other != "" and [process.returncode for process in both] == [0, 0]
    again, history = fitted(tmp_path)
    assert scores(history) == scores(whole[1]) and same(again, whole[0])


def test_identities_are_json(whole):
    model, _ = whole
    identity = model._identity([], [], BUDGET, 0)
    assert json.loads(json.dumps(identity)) == json.loads(json.dumps(identity, sort_keys=True))
    assert {"budget", "data", "revisions", "start", "versions", "framework", "fit_seed"} <= identity.keys()
