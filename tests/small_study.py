"""A checkout with three small notebooks: one fits a network with checkpoints, one draws, one reads the others."""

from __future__ import annotations

import shutil
from pathlib import Path

from nbformat import v4, write

HOME = Path(__file__).parents[1]
FITTED = """import etude, numpy as np
from etude import Budget, study
run = study.start("11_fitted", globals())
rng = np.random.default_rng(seed)
pieces = [rng.integers(0, 5, 60) for _ in range(8)]
model = etude.model("rnn", etude.Space((), 5), hidden=8, layers=1, embedding=3, dropout=0.2, seed=seed)
history = model.fit(pieces, pieces[:2], Budget(steps=steps, batch_size=4, window=16, valid_every=4), seed,
                    checkpoint=run.checkpoint("rnn"))
run.cost("rnn", history)
run.table("curve", [{k: v for k, v in row.items() if k != "seconds"} for row in history.rows])
run.number("bits", model.bits(pieces).total, "bits")
run.table("sample", [{"code": int(c)} for c in np.ravel(model.sample(1, 40, seed=seed)[0])])
run.finish()"""
COUNTED = """import etude, numpy as np
import matplotlib.pyplot as plt
from etude import display, study
run = study.start("12_counted", globals())
pieces = [np.random.default_rng(seed).integers(0, 5, 60)]
model = etude.model("marginal", etude.Space((), 5))
model.fit(pieces)
run.number("bits", model.bits(pieces).total, "bits")
fig, ax = plt.subplots()
ax.plot(pieces[0])
run.figure("codes", fig, "codes over time")
run.finish()"""
READS = """from etude import study
run = study.start("13_reads")
run.number("sum", sum(study.read_summary(name).number("bits") for name in ("11_fitted", "12_counted")), "bits")
run.finish()"""
SMALL = {"11_fitted": FITTED, "12_counted": COUNTED}


def small_checkout(root: Path) -> Path:
    """Write the checkout and return its folder."""
    shutil.copytree(HOME / "workflow", root / "workflow")
    (root / "workflow/profiles/smoke.yaml").write_text("cell_timeout: 300\n", encoding="utf-8")
    shutil.copy(HOME / "pyproject.toml", root)
    (root / "notebooks").mkdir()
    for name, code in SMALL.items():
        _write(root, name, "seed = 1\nsteps = 60", code, [])
    _write(root, "13_reads", "n = 1", READS, list(SMALL))
    return root


def _write(root: Path, name: str, parameters: str, code: str, needs: list[str]) -> None:
    cells = [v4.new_markdown_cell("# ?"), v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    page = v4.new_notebook(cells=[*cells, v4.new_code_cell(code)], metadata={"etude": {"needs": needs}})
    write(page, root / "notebooks" / f"{name}.ipynb")
