"""The whole way: the command, Snakemake, papermill and kernels, in a small checkout of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

import etude

PACKAGE = Path(etude.__file__).parent
HOME = PACKAGE.parents[1]
pytestmark = pytest.mark.skipif(not (HOME / "workflow").is_dir(), reason="needs a checkout with workflow/")

USES = """from etude import study
import etude.models.floors.marginal
run = study.start("01_uses", seed=seed, sizes=sizes)
print(type(sizes).__name__, sizes, run.number("doubled", 2 * seed))
run.finish()"""
PLAIN = """import os, sys
from etude import study
run = study.start("02_plain", word=word)
print(word, os.environ["OMP_NUM_THREADS"], os.path.basename(os.getcwd()), "etude.models.floors.marginal" in sys.modules)
print("noise", file=sys.stderr)
run.finish()"""
LISTS = """from etude import display, study
run = study.start("05_lists")
kept = run.checkpoint("fit") / "state"
print("there", kept.exists())
kept.write_text("learnt")
run.finish()"""
SLOW = """import time
from etude import study
run = study.start("04_slow")
kept = run.checkpoint("fit") / "state"
resumed = kept.exists()
kept.write_text("half way")
while not resumed:
    time.sleep(0.1)
print("resumed", resumed)
run.finish()"""


def write(root, name, *code):
    first = nbformat.v4.new_code_cell(code[0], metadata={"tags": ["parameters"]}, id="parameters")
    cells = [nbformat.v4.new_code_cell(text, id=f"cell-{n}") for n, text in enumerate(code[1:])]
    prose = nbformat.v4.new_markdown_cell("# Old words", id="title")
    nbformat.write(nbformat.v4.new_notebook(cells=[prose, first, *cells]), root / "notebooks" / f"{name}.ipynb")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A git checkout of the package and the workflow with notebooks of its own, and a kernel that must not be used."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(PACKAGE, root / "src" / "etude")  # with what is compiled: processes of the tests write none
    shutil.copytree(HOME / "workflow", root / "workflow")
    for profile in ("smoke", "quick", "full"):
        (root / "workflow" / "profiles" / f"{profile}.yaml").write_text("cell_timeout: 100\n")
    for name in (".gitignore", "pyproject.toml"):
        shutil.copy(HOME / name, root)
    (root / "notebooks").mkdir()
    write(root, "01_uses", "seed = 1\nsizes = (1, 2)", USES)
    write(root, "02_plain", "word = 'nan'", PLAIN)
    write(root, "03_fails", "divisor = 0", "1 + 1", "x = 1\n1 / divisor\n")
    stray = root / "stray" / "kernels" / "python3"
    stray.mkdir(parents=True)
    spec = {"argv": ["false"], "display_name": "not this one", "language": "python"}
    (stray / "kernel.json").write_text(json.dumps(spec))
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "start")
    return root


def git(root, *arguments):
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def environment(root):
    ours = {"ETUDE_ROOT": str(root), "PYTHONPATH": str(root / "src"), "JUPYTER_PATH": str(root / "stray")}
    others = {key: value for key, value in os.environ.items() if not key.startswith(("ETUDE_", "SNAKEMAKE"))}
    return {**others, **ours, "PYTHONDONTWRITEBYTECODE": "1"}


def command(*arguments):
    return [sys.executable, "-m", "etude.cli", *arguments]


def run_etude(root, *arguments):
    done = subprocess.run(
        command(*arguments), cwd=root, env=environment(root), capture_output=True, text=True, timeout=240
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def output(root, run, name):
    nb = nbformat.read(root / "reports" / "runs" / run / "notebooks" / f"{name}.ipynb", 4)
    return "".join(out.text for c in nb.cells if c.cell_type == "code" for out in c.outputs if "text" in out)


def test_refusals_come_before_a_kernel(checkout):
    for arguments, message in [
        (["01", "-p", "sed=3"], "Did you mean 'seed'"),
        (["01", "-p", "seed=many"], "expected an integer for seed; got 'many'"),
        (["01_use"], "Did you mean '01_uses'"),
        (["--executor", "locl"], "Did you mean 'local'"),
    ]:
        done = run_etude(checkout, "run", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr and done.stderr.count("\n") == 1
    assert not (checkout / "reports").exists()


@pytest.mark.slow
def test_a_run_a_failure_a_change_and_what_is_current(checkout):
    done = run_etude(checkout, "run", "--jobs", "2")
    assert done.returncode == 1
    assert "03_fails failed in cell 3 (`x = 1`): ZeroDivisionError: division by zero" in done.stderr
    assert "log: reports/runs/quick/logs/03_fails.log" in done.stderr
    assert "again: etude run --profile quick --only 03_fails\n" in done.stderr
    assert "2 done, 1 failed" in done.stdout
    quick = checkout / "reports/runs/quick"
    assert sorted(path.name for path in (quick / "notebooks").iterdir()) == ["01_uses.ipynb", "02_plain.ipynb"]
    kept = nbformat.read(quick / "logs/03_fails.failed.ipynb", 4)
    assert any(out.output_type == "error" for cell in kept.cells for out in cell.get("outputs", []))
    assert output(checkout, "quick", "01_uses") == "tuple (1, 2) 2\n"
    assert re.fullmatch(r"nan \d+ notebooks False\n", output(checkout, "quick", "02_plain"))
    assert "noise" in (quick / "logs/02_plain.log").read_text()
    for log in (quick / "logs").glob("0*.log"):
        assert "once more" not in log.read_text() and "[IPKernelApp]" not in log.read_text(), "kernels met"
    assert git(checkout, "status", "--porcelain") == ""

    write(checkout, "03_fails", "divisor = 1", "1 + 1", "x = 1\n1 / divisor\n")
    path = checkout / "notebooks/02_plain.ipynb"
    path.write_text(path.read_text().replace("Old words", "New words"))
    edit(checkout, "models/floors/marginal.py", "\n\n\nclass ", "\n\n\n# Written differently.\nclass ")
    edit(checkout, "models/floors/uniform.py", "\n\n\nclass ", "\n\nANOTHER = 1\n\n\nclass ")
    (checkout / "src/etude/models/floors/new.py").write_text("NEW = 1\n")
    dry = run_etude(checkout, "run", "--dry-run").stdout
    assert re.search(r"01_uses +current\n", dry), "a comment, a new module and one that it does not use"
    edit(checkout, "models/floors/marginal.py", "\n\n\n# Written", "\n\nANOTHER = 1\n\n\n# Written")
    dry = run_etude(checkout, "run", "--dry-run").stdout
    assert re.search(r"01_uses +runs: etude.models.floors.marginal changed\n", dry)
    assert re.search(r"02_plain +current\n", dry)
    done = run_etude(checkout, "run")
    assert done.returncode == 0 and "1 current, 2 done" in done.stdout
    assert "New words" in (quick / "notebooks/02_plain.ipynb").read_text()
    assert output(checkout, "quick", "02_plain").startswith("nan"), "new prose keeps the outputs"
    assert not (quick / "logs/03_fails.failed.ipynb").exists()

    again = run_etude(checkout, "run")
    assert again.returncode == 0 and "all current, nothing to do" in again.stdout
    assert not (checkout / ".snakemake").exists()


@pytest.mark.slow
def test_listings_are_refreshed_and_fits_kept_or_learnt_anew(checkout):
    write(
        checkout, "05_lists", "n = 1", LISTS, "from etude.types import Score\n\ndisplay.show_source(Score.transposed)"
    )
    try:
        assert run_etude(checkout, "run", "05").returncode == 0
        assert output(checkout, "quick", "05_lists") == "there False\n"
        page = checkout / "reports/runs/quick/notebooks/05_lists.ipynb"
        summary = checkout / "reports/runs/quick/reports/summaries/05_lists.json"
        before = json.loads(summary.read_text())
        assert list(before["listings"]) == ["etude.types.Score.transposed"]
        edit(checkout, "types.py", '"""Return the score moved by', '"""Return another score, moved by')
        done = run_etude(checkout, "run", "05")
        assert "05_lists: current; listings refreshed" in done.stderr and "current, nothing to do" in done.stdout
        assert "Return another score, moved by" in page.read_text()
        after = json.loads(summary.read_text())
        assert all(after.pop(part) != before.pop(part) for part in ("listings", "seal")) and after == before
        assert run_etude(checkout, "run", "05", "--force").returncode == 0
        assert output(checkout, "quick", "05_lists") == "there True\n", "a page that runs again reads its fits"
        (checkout / "data/fits/state").write_text("old")
        assert run_etude(checkout, "run", "05", "--refit").returncode == 0
        assert output(checkout, "quick", "05_lists") == "there False\n"
        assert (checkout / "data/fits/state").read_text() == "learnt" and not list(checkout.glob("**/*.refit"))
    finally:
        (checkout / "notebooks/05_lists.ipynb").unlink()


def edit(root, path, old, new):
    file = root / "src" / "etude" / path
    text = file.read_text(encoding="utf-8")
    assert old in text, (path, old)
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.slow
def test_a_sweep_keeps_its_runs_apart(checkout):
    done = run_etude(checkout, "run", "01_uses", "--sweep", "seed=3,4", "-p", "sizes=5,6", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    run = "quick-seed=3,4-sizes=5,6"
    assert output(checkout, f"{run}/seed=3", "01_uses") == "tuple (5, 6) 6\n"
    assert output(checkout, f"{run}/seed=4", "01_uses") == "tuple (5, 6) 8\n"
    summary = json.loads((checkout / "reports/runs" / run / "seed=4/reports/summaries/01_uses.json").read_text())
    assert summary["parameters"] == {"seed": 4, "sizes": [5, 6]} and summary["seeds"] == [4]
    assert "etude.models.floors.marginal" in summary["source"]["modules"]


@pytest.mark.slow
def test_only_full_is_published(checkout):
    before = git(checkout, "status", "--porcelain")
    assert run_etude(checkout, "run", "02", "--profile", "full", "-p", "word=x").returncode == 0
    assert git(checkout, "status", "--porcelain") == before
    done = run_etude(checkout, "run", "02", "--profile", "full")
    assert "02_plain: published" in done.stderr
    changed = set(git(checkout, "status", "--porcelain", "-uall").split("\n")) - set(before.split("\n"))
    new = {"?? reports/README.md", "?? reports/summaries/02_plain.json"}
    assert new <= changed <= new | {" M notebooks/02_plain.ipynb"}
    nb = nbformat.read(checkout / "notebooks/02_plain.ipynb", 4)
    assert [cell.get("execution_count") for cell in nb.cells] == [None, 1, 2]
    assert [out.name for out in nb.cells[2].outputs if out.output_type == "stream"] == ["stdout"]
    assert "papermill" not in json.dumps(nb) and str(checkout) not in json.dumps(nb)
    again = run_etude(checkout, "run", "02", "--profile", "full")
    assert "current, nothing to do" in again.stdout and "published" not in again.stderr


def start_slow(root):
    """Start `etude run 04` and return the process once its notebook has a checkpoint."""
    write(root, "04_slow", "n = 1", SLOW)
    state = root / "data/fits/state"
    state.unlink(missing_ok=True)
    process = subprocess.Popen(
        command("run", "04"),
        cwd=root,
        env=environment(root),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    until(state.exists)
    return process


def heed_interrupts():
    """Undo what a shell does to its background jobs, and so to tests that run in one: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def kernels_of(root):
    """Return the processes that work in the run's folder or name it."""
    if not Path("/proc").is_dir():
        return []
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == root / "reports/runs/quick/notebooks":
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_stopping_and_killing_lose_nothing(checkout):
    process = start_slow(checkout)
    second = run_etude(checkout, "run", "04")
    assert second.returncode == 2 and f"process {process.pid}" in second.stderr
    assert kernels_of(checkout) or not Path("/proc").is_dir()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "Go on with: etude run 04" in said
    until(lambda: not kernels_of(checkout), 30)
    assert not (checkout / "reports/runs/quick/notebooks/04_slow.ipynb").exists()

    process = start_slow(checkout)
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not kernels_of(checkout), 30)
    done = run_etude(checkout, "run", "04")
    assert done.returncode == 0, done.stderr
    assert output(checkout, "quick", "04_slow") == "resumed True\n"


@pytest.fixture
def benchmark_chapter(checkout):
    """A chapter that needs the benchmark's files."""
    write(checkout, "22_benchmark", "sets = ['JSB_Chorales', 'Nottingham']", "1 / 0")
    path = checkout / "notebooks" / "22_benchmark.ipynb"
    nb = nbformat.read(path, 4)
    nb.metadata["etude"] = {"needs": ["benchmark"]}
    nbformat.write(nb, path)
    yield
    path.unlink()


def test_a_chapter_without_its_data_is_left_out_in_one_line(checkout, benchmark_chapter):
    line = (
        "22_benchmark is left out: no JSB_Chorales.mat, Nottingham.mat in data/raw/polyphonic. "
        "Run `etude fetch benchmark`, or put the files there.\n"
    )
    alone = run_etude(checkout, "run", "22_benchmark")
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, "", line)
    dry = run_etude(checkout, "run", "22", "02", "--dry-run")
    assert dry.returncode == 0 and dry.stderr == line
    assert "22_benchmark" not in dry.stdout and "of 1 would run" in dry.stdout
    listed = run_etude(checkout, "run", "22", "--parameters")
    assert listed.returncode == 0 and "sets = ['JSB_Chorales', 'Nottingham']" in listed.stdout
    beside = run_etude(checkout, "run", "22", "02", "--name", "beside")
    assert beside.returncode == 0 and line in beside.stderr and beside.stdout.startswith("02_plain: 1 done")
    assert not (checkout / "reports/runs/beside/notebooks/22_benchmark.ipynb").exists()
