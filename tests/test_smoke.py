"""The check that runs every chapter: a line for each, and it fails where one fails or is missing."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))


def smoke(folder: Path, lines: list[str], status: int = 0) -> subprocess.CompletedProcess:
    """Run the check with an interpreter that only says what a run of the study would say."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    python = folder / "python"
    said = "\n".join(["Reading the chorales (once)", *lines])
    where = f'echo "$PWD" > {folder / "where"}; ls -d notebooks/00_question.ipynb data/raw/* >> {folder / "where"}'
    python.write_text(f"#!/bin/sh\n{where}\ncat <<'END'\n{said}\nEND\nexit {status}\n")
    python.chmod(0o755)
    return subprocess.run([ROOT / ".ci" / "smoke", python], capture_output=True, text=True, timeout=120)


def test_a_line_for_each_chapter_in_a_clean_copy(tmp_path):
    done = smoke(tmp_path, [f" ✓ {name}  done" for name in CHAPTERS])
    assert done.returncode == 0, done.stderr
    assert "Reading" not in done.stdout and done.stdout.count("✓") == len(CHAPTERS)
    assert f"{len(CHAPTERS)} of {len(CHAPTERS)} chapters passed, 0 left out" in done.stdout
    copy, *there = (tmp_path / "where").read_text().splitlines()
    assert Path(copy) != ROOT and not Path(copy).exists() and "notebooks/00_question.ipynb" in there


def test_a_chapter_without_its_data_is_left_out_with_a_line(tmp_path):
    line = f"{CHAPTERS[-1]} is left out: no JSB_Chorales.mat in data/raw."
    done = smoke(tmp_path, [line, *(f" ✓ {name}  done" for name in CHAPTERS[:-1])])
    assert done.returncode == 0 and line in done.stdout and "1 left out" in done.stdout


@pytest.mark.parametrize(("lines", "status"), [([f" ✗ {CHAPTERS[0]}  failed"], 1), ([], 0)], ids=["failed", "missing"])
def test_it_fails_where_a_chapter_fails_or_is_missing_and_shows_the_log(tmp_path, lines, status):
    done = smoke(tmp_path, [*lines, *(f" ✓ {name}  done" for name in CHAPTERS[1:])], status)
    assert done.returncode == 1 and "Reading the chorales" in done.stdout
