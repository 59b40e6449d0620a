"""The store of fits: shared by chapters, listed, pruned of what no summary names, and of nothing else."""

import json
import os

import numpy as np
import pytest

import etude
from etude import Budget, cli
from etude.files import fits_dir
from etude.locks import alone
from etude.study import start
from etude.study.fits import prune, stored, unused

BUDGET = Budget(steps=2, batch_size=2, window=8, valid_every=1)
SPACE = etude.Space((), 5)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    for name in ("ETUDE_RUN_DIR", "ETUDE_NOTEBOOK", "ETUDE_PROFILE", "ETUDE_FITS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path


def learn(chapter: str, keep: bool = True, **options):
    """Fit a little RNN in a chapter of a run of its own, and finish that."""
    os.environ["ETUDE_RUN_DIR"] = str(fits_dir().parents[1] / "reports/runs/smoke")
    os.environ.pop("ETUDE_NOTEBOOK", None)
    run = start(chapter)
    model = etude.model("rnn", SPACE, hidden=4, layers=1, embedding=3, **options)
    pieces = [np.arange(12) % 5, np.arange(20) % 4]
    history = model.fit(pieces, pieces[:1], BUDGET, 0, run.checkpoint("rnn"))
    if keep:
        run.cost("rnn", history)
        run.finish()
    return history


def test_chapters_share_one_store(project, monkeypatch):
    first, second = learn("11_rnn"), learn("12_cnn")
    assert first.fit == second.fit and first.rows == second.rows, "learnt once, read once"
    assert sorted(p.suffix for p in (project / "data/fits").glob("[0-9a-f]*")) == [".ckpt", ".json"]
    (fit,) = stored()
    assert fit.used_by == ("11_rnn (smoke)", "12_cnn (smoke)")
    assert fit.bits == pytest.approx(min(row["valid"] for row in first.rows)) and fit.size > 1000
    assert fit.about == "rnn [1 x 5], embedding=3, hidden=4, layers=1, 2 steps, seed 0"
    cost = json.loads((project / "reports/runs/smoke/reports/summaries/11_rnn.json").read_text())["cost"]["rnn"]
    assert (cost["fit"], cost["family"], cost["output"]) == (first.fit, "rnn", "categorical")
    monkeypatch.setenv("ETUDE_FITS", str(project / "elsewhere"))
    learn("11_rnn")
    assert len(list((project / "elsewhere").glob("*.ckpt"))) == 1 and not list((project / "data/fits").glob("x*"))


def test_only_what_no_summary_names_is_dropped_and_nothing_of_others(project, capsys, monkeypatch):
    used, loose = learn("11_rnn"), learn("12_cnn", keep=False, dropout=0.5)
    store = project / "data/fits"
    (store / "notes.json").write_text("{}")
    (store / "0123456789abcdef.json").write_text('{"name": "rnn"}')
    (store / "0123456789abcdef.ckpt").write_text("not ours: its name is not the digest of what it says")
    (fit,) = unused()
    assert fit.digest == loose.fit and "dropout=0.5" in fit.about
    files = set(store.iterdir())
    assert cli.main(["fits", "--prune", "--dry-run"]) == 0 and set(store.iterdir()) == files
    assert f"{loose.fit}  " in capsys.readouterr().out
    assert cli.main(["fits", "--prune"]) == 0 and set(store.iterdir()) == files, "nobody said yes"
    assert cli.main(["fits", "--prune", "--yes"]) == 0
    assert files - set(store.iterdir()) == {store / f"{loose.fit}.ckpt", store / f"{loose.fit}.json"}
    assert prune([]) == 0 and [fit.digest for fit in stored()] == [used.fit]
    assert cli.main(["fits"]) == 0 and "used by 11_rnn (smoke)" in capsys.readouterr().out
    assert cli.main(["fits", "--yes"]) == 2


def test_what_runs_elsewhere_use_and_what_is_learnt_now_is_no_waste(project, monkeypatch):
    used, learning = learn("11_rnn"), learn("12_cnn", keep=False, dropout=0.5)
    elsewhere = project / "elsewhere"
    (project / "reports/runs").rename(elsewhere)
    monkeypatch.setenv("ETUDE_RUNS", str(elsewhere))
    assert {fit.digest: fit.used_by for fit in stored()} == {used.fit: ("11_rnn (smoke)",), learning.fit: ()}
    with alone(fits_dir() / f"{learning.fit}.ckpt"):
        assert unused() == []
    assert [fit.digest for fit in unused()] == [learning.fit]


def test_what_killed_processes_left_goes_with_the_next_pruning(project, capsys):
    used, store = learn("11_rnn"), project / "data/fits"
    digest = used.fit
    old = [f".{digest}.ckpt.lock", f".{digest}-abc1.ckpt", f".{digest}-x_9.json", f".{digest}.ckpt.lease-0a"]
    kept = [f".{digest}.ckpt.lease", ".notes", f".{digest}.txt"]
    for name in [*old, *kept]:
        (store / name).touch()
    for name in [*old, ".notes", f".{digest}.txt"]:
        os.utime(store / name, (1e9, 1e9))
    assert cli.main(["fits", "--prune", "--yes"]) == 0
    assert "4 files that killed processes left there" in capsys.readouterr().out
    assert sorted(path.name for path in store.glob(".*")) == sorted(kept)
    assert [fit.digest for fit in stored()] == [digest]


def test_make_clean_spares_the_fits():
    makefile = (etude.files.project_root() / "Makefile").read_text(encoding="utf-8")
    (line,) = [line for line in makefile.splitlines() if line.strip().startswith("rm -rf")]
    assert not [path for path in line.split()[2:] if "data/fits".startswith(path.rstrip("/"))]
