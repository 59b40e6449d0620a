"""What the README promises: the ten lines run, the links lead somewhere, the commands exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from etude.cli import _parser

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "data/README.md", "reports/README.md", "workflow/BATCHES.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("chorales")
def test_the_ten_lines_make_music(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    assert len(code.splitlines()) <= 13
    quick = code.replace("steps=300", "steps=2").replace("steps=400", "steps=120")
    assert quick != code
    script = tmp_path / "ten_lines.py"
    script.write_text("from IPython.display import display\n" + quick + "\nprint(len(midi.decode(x).score))\n")
    environment = {"ETUDE_RUN_DIR": str(tmp_path / "run"), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 0
    assert list(tmp_path.rglob("my-first-chorale.mp3"))


def test_relative_links_lead_somewhere():
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.M | re.S)  # no code
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_every_chapter_is_listed():
    for notebook in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        assert f"notebooks/{notebook.name}" in README


def test_commands_and_targets_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"^make (\w+)|`make (\w+)`", README, flags=re.M)):
        name = "".join(target)
        assert re.search(rf"^{name}:", makefile, flags=re.M), f"make {name}"
    for command in set(re.findall(r"^etude (\w+)", README, flags=re.M)):
        done = subprocess.run([sys.executable, "-m", "etude.cli", command, "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and "etude" in done.stdout, command


def command_lines() -> dict[str, str]:
    """Return every command line of étude that pages and help texts show, with where it stands."""
    found = {}
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        spans = re.findall(r"^(etude .*)$|`(etude [^`]*)`", text, flags=re.M)
        found |= {" ".join("".join(span).split()): page for span in spans}
    for path in (ROOT / "src/etude/cli").glob("*.py"):
        lines = re.findall(r"^  etude .*$", path.read_text(encoding="utf-8"), re.M)
        found |= {line.strip().removesuffix('"""'): path.name for line in lines}
    return {re.split(r"\s{2,}|\s#\s", line)[0]: place for line, place in found.items()}


COMMAND_LINES = command_lines()


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_command_that_is_shown_is_understood(line, capsys):
    words = shlex.split(line)[1:]
    if re.search(r"\b[A-Z]{2,}\b|\.\.\.|--pickup$", line):
        pytest.skip("it names an option, or has a place for something")
    try:
        _parser().parse_args(words if len(words) > 1 else [*words, "--help"])  # one word names a command
    except SystemExit as end:
        assert end.code == 0, f"{COMMAND_LINES[line]}: {capsys.readouterr().err}"
