"""CONTRIBUTING.md is true: its code and its commands, followed in a copy of the repository, do what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from etude.files import cache_dir

ROOT = Path(__file__).parents[1]
NEEDED = ("src", "tests", "workflow", "data/README.md", "data/splits", "notebooks", "README.md", "pyproject.toml")
FENCE = re.compile(r"^```(python|text|bash)\n(.*?)^```$", re.M | re.S)
COMMANDS = {"pytest": ["-m", "pytest", "-p", "no:cacheprovider"], "etude": ["-m", "etude.cli"]}
LOOK = """
import etude
from etude.corpora import overview
from etude.study.book import chapters
from etude.study.site import sources
from pathlib import Path

assert overview(["scales"])["digest"][0] == etude.corpus("scales").digest()
root = Path("reports/runs/try").resolve()
pages = {name: text.decode(errors="replace") for name, text in sources(root, chapters(root)).items()}
assert "How much does a scale tell" in pages["index.md"] and "notebooks/45_scales.ipynb" in pages
for module, name in (("representations", "NoteList"), ("models", "Pairs"), ("corpora", "Scales")):
    assert any(name in text for page, text in pages.items() if page.startswith("api/") and module in page), name
assert "pairs" in pages["results.md"] and "scales" in pages["corpora.md"]
"""


class Copy:
    """A copy of the repository in which instructions are followed."""

    def __init__(self, folder: Path):
        self.folder, self.said = folder, ""
        for name in NEEDED:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name, **({"ignore": JUNK} if copy is shutil.copytree else {}))
        self.environment = {
            name: text for name, text in os.environ.items() if not name.startswith(("ETUDE_", "PYTEST"))
        }
        self.environment |= {"PYTHONPATH": str(folder / "src"), "ETUDE_CACHE": str(cache_dir())}

    def python(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        self.said += done.stdout
        assert done.returncode == 0, f"{arguments}\n{(done.stdout + done.stderr)[-3000:]}"

    def follow(self, language: str, block: str) -> None:
        head, _, body = block.partition("\n")
        if language == "bash":
            for line in block.splitlines():
                words = re.findall(r'"([^"]*)"|(\S+)', line)
                command, *options = [quoted or plain for quoted, plain in words]
                self.python(*COMMANDS[command], *options)
        elif head == "# run":
            self.python("-c", body)
        elif head.startswith("# file "):
            path = self.folder / head.removeprefix("# file ")
            assert path.parent.is_dir() and not path.exists(), f"{path} in a folder that there is"
            path.write_text(body, encoding="utf-8")
        else:
            after, place = re.fullmatch(r"# (?:line in|row under) `?([^` ]+)`? of (\S+)", head).groups()
            self.add(after, self.folder / place, body.replace("DIGEST", self.digest()) if "DIGEST" in body else body)

    def add(self, after: str, path: Path, line: str) -> None:
        """Put a line below the first that begins as a table of that name, or that names that row."""
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        place = next(i for i, old in enumerate(lines, 1) if old.startswith(f"{after} = {{") or f"{after}`" in old
                     or f"{after})" in old)  # fmt: skip
        path.write_text("".join([*lines[:place], line, *lines[place:]]), encoding="utf-8")

    def digest(self) -> str:
        self.python("-c", "import etude; print(etude.corpus('scales').digest()[:12])")
        return self.said.split()[-1]


JUNK = shutil.ignore_patterns("*.egg-info")  # what is compiled is copied too: it holds as long as its text


@pytest.mark.slow
def test_the_steps_lead_where_they_say(tmp_path):
    blocks = FENCE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert [language for language, _ in blocks].count("bash") == 4 and len(blocks) > 12
    copy = Copy(tmp_path / "copy")
    for language, block in blocks:
        copy.follow(language, block)
    assert copy.said.count(" passed") == 3 and "no tests ran" not in copy.said
    for told in ("note-list", "pairs-pianoroll", "Major scales", "45_scales: 1 done"):
        assert told in copy.said
    copy.python("-c", LOOK)


@pytest.mark.slow
def test_what_is_registered_wrongly_is_seen(tmp_path):
    """A representation whose decoder is not total fails the contract that the steps run."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").replace("duration.clip(1)", "duration")
    blocks = [(language, block) for language, block in FENCE.findall(text) if "note" in block][:3]
    copy = Copy(tmp_path / "copy")
    for language, block in blocks[:2]:
        copy.follow(language, block)
    with pytest.raises(AssertionError, match=" failed"):
        copy.follow(*blocks[2])
