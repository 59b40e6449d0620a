"""What étude writes, and where: nothing of anyone else's is replaced, names are no paths, and refusals are one line."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import etude
from etude import Space, cli
from etude.corpora.folder import Folder
from etude.errors import EtudeError, ForeignFiles, MissingData, Unwritable, unknown_name
from etude.files import (
    artefact,
    cache_dir,
    fits_dir,
    from_checkout,
    made_folder,
    replacing,
    replacing_folder,
    runs_dir,
)
from etude.locks import alone
from etude.places import plain_name, refuse_foreign, writing
from etude.study.outputs import check
from etude.study.plan import make_plan, read_profile
from etude.study.publish import _refuse_foreign
from etude.study.record import Run
from etude.synthesis.engines import checked_soundfont

PATHS = [".", "..", "../x", "a/b", "/etc", "a\\b", "", " ", "~", ".hidden", "a\0b", "x" * 101, "字" * 70,
         "a\n", "a ", "a.", "-x"]  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small checkout in which the reader stands."""
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    for variable in ("ETUDE_CACHE", "ETUDE_RUN_DIR", "ETUDE_RUNS", "ETUDE_NOTEBOOK"):
        monkeypatch.delenv(variable, raising=False)
    for folder in ("notebooks", "workflow/profiles", "workflow/executors/local", "data/splits"):
        (tmp_path / folder).mkdir(parents=True)
    cell = nbformat.v4.new_code_cell("path = ''\npaths = ['a']\nsteps = 7", metadata={"tags": ["parameters"]}, id="p")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "notebooks" / "41_your_music.ipynb")
    (tmp_path / "workflow/profiles/quick.yaml").write_text("cell_timeout: 100\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one_line(capsys, *arguments):
    assert cli.main(list(map(str, arguments))) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "Traceback" not in said.err and said.out == ""
    return said.err


# Names


@pytest.mark.parametrize("name", PATHS, ids=repr)
def test_a_name_is_no_path(name, project, monkeypatch):
    monkeypatch.setenv("ETUDE_NOTEBOOK", "41_your_music")
    for use in (
        lambda: plain_name("thing", name),
        lambda: artefact("audio", name),
        lambda: make_plan(name=name or "/"),
        lambda: Run(name, {}),
    ):
        with pytest.raises(EtudeError):
            use()
    assert sorted(path.name for path in project.iterdir()) == ["data", "notebooks", "workflow"] or name != ".."


@pytest.mark.parametrize("name", ["rnn-midi", "tune 1", "C#.wav", "тема.png", "a=1,b+c", "x" * 100, "0"])
def test_names_of_every_language_are_names(name):
    assert plain_name("thing", name) == name


def test_a_site_is_asked_for_by_a_name(project, capsys):
    (project / "reports/runs/quick").mkdir(parents=True)
    (project / "site").mkdir()
    (project / "site" / "mine.html").write_text("mine")
    for name in (".", "..", "quick/..", str(project), "", "quick/", "./quick"):
        assert "the name of a run" in one_line(capsys, "site", "--name", name)
    assert (project / "site" / "mine.html").read_text() == "mine"


# Folders of others


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    folder = tmp_path / "out"
    with replacing_folder(folder) as new:
        (new / "deep").mkdir()
        (new / "deep" / "a").write_text("1")
    for foreign, text in (("mine", "x"), ("deep/b", ""), ("deep/a", "changed by hand"), (".hidden", "")):
        before = (folder / foreign).read_text() if (folder / foreign).is_file() else None
        (folder / foreign).write_text(text)
        with pytest.raises(ForeignFiles, match=Path(foreign).name), replacing_folder(folder):
            raise AssertionError("made for nothing")
        assert (folder / foreign).read_text() == text
        (folder / foreign).unlink() if before is None else (folder / foreign).write_text(before)
    with replacing_folder(folder) as new:
        (new / "b").write_text("2")
    assert (folder / "b").read_text() == "2" and not (folder / "deep").exists()


def test_what_comes_while_a_folder_is_made_stays(tmp_path):
    with pytest.raises(ForeignFiles), replacing_folder(tmp_path / "out"):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").write_text("x")
    assert (tmp_path / "out" / "mine").read_text() == "x" and len(list(tmp_path.iterdir())) == 1


def test_links_and_files_are_no_folders_to_replace(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_text("x")
    for name in ("link", "file"):
        with pytest.raises(ForeignFiles), replacing_folder(tmp_path / name):
            pass
    (tmp_path / "empty").mkdir()
    refuse_foreign(tmp_path / "empty")
    (tmp_path / "with").mkdir()
    (tmp_path / "with" / "link").symlink_to("/nowhere")
    with pytest.raises(ForeignFiles):
        refuse_foreign(tmp_path / "with")


def test_a_model_is_saved_over_a_model_and_nothing_else(tmp_path):
    model = etude.model("marginal", Space((), 4))
    model.save(tmp_path / "m")
    model.save(tmp_path / "m")
    (tmp_path / "m" / "thesis.tex").write_text("years of work")
    with pytest.raises(ForeignFiles, match=r"thesis\.tex"):
        model.save(tmp_path / "m")
    with pytest.raises(ForeignFiles):
        model.save(tmp_path)
    assert (tmp_path / "m" / "thesis.tex").read_text() == "years of work"


def test_a_list_of_files_that_is_damaged_protects_all(tmp_path):
    with replacing_folder(tmp_path / "out") as new:
        (new / "a").write_text("1")
    (tmp_path / "out" / ".etude-files.json").write_text("[1]")
    with pytest.raises(ForeignFiles):
        refuse_foreign(tmp_path / "out")


def test_what_is_published_replaces_only_what_a_run_wrote(project):
    pretrained, audio = project / "data/pretrained/m", project / "reports/audio/41_your_music"
    for folder in (pretrained, audio):
        folder.mkdir(parents=True)
    (pretrained / "model.json").write_text("{}")
    (audio / "shown.mp3").write_bytes(b"x")
    notebook = project / "notebooks/41_your_music.ipynb"
    notebook.write_text(notebook.read_text().replace("steps = 7", "shown.mp3"))
    for path in ("data/pretrained/m", "reports/audio/41_your_music", "reports/figures/41_your_music"):
        _refuse_foreign(project, path, "41_your_music")
    for folder in (pretrained, audio):
        (folder / "mine.txt").write_text("x")
        with pytest.raises(ForeignFiles, match=r"mine\.txt"):
            _refuse_foreign(project, folder.relative_to(project).as_posix(), "41_your_music")


# Places that cannot be written


def failing(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number), "/the/place")

    return fail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_place_that_cannot_be_written_is_named(tmp_path, monkeypatch, number):
    """Whichever step of writing fails; nothing is left behind and what was there stays."""
    (tmp_path / "a").write_text("old")
    for step in ("os.open", "pathlib.Path.write_text", "pathlib.Path.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(step, failing(number))
            with pytest.raises(Unwritable, match="/the/place") as error, replacing(tmp_path / "a") as new:
                new.write_text("new")
            assert os.strerror(number) in error.value.got and error.value.remedy
        assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"
    monkeypatch.setattr("tempfile.mkdtemp", failing(number))
    with pytest.raises(Unwritable), replacing_folder(tmp_path / "b"):
        pass


def test_the_remedy_names_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_ROOT", "/proc/checkout")
    monkeypatch.delenv("ETUDE_CACHE", raising=False)
    monkeypatch.delenv("ETUDE_RUNS", raising=False)
    for use, variable in (
        (cache_dir, "ETUDE_CACHE"),
        (lambda: made_folder(runs_dir() / "quick"), "ETUDE_RUNS"),
        (lambda: alone(Path("/proc/checkout/data/cache/x")).__enter__(), "ETUDE_CACHE"),
    ):
        with pytest.raises(Unwritable) as error:
            use()
        assert variable in error.value.remedy and "/proc/checkout" in error.value.got
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("ETUDE_RUNS", str(tmp_path / "r"))
    assert cache_dir() == tmp_path / "c" and runs_dir() == tmp_path / "r"


def test_an_error_in_reading_is_not_taken_for_one_of_writing(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a"):
        (tmp_path / "not there").read_text()
    with pytest.raises(FileNotFoundError), writing(tmp_path, only={errno.ENOSPC}):
        (tmp_path / "not there").read_text()


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="no device that is always full")
def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("etude.files._draft", lambda _: Path("/dev/full"))
    monkeypatch.setattr("pathlib.Path.unlink", lambda *_, **__: None)
    with pytest.raises(Unwritable, match="No space left"), replacing(tmp_path / "a") as new:
        new.write_text("x")


def test_a_library_that_hides_a_full_disk_is_seen_through(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    with pytest.raises(RuntimeError, match="System error"), replacing(tmp_path / "a"):
        raise RuntimeError("System error")
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage._replace(free=0))
    with pytest.raises(Unwritable, match="No space left"), replacing(tmp_path / "a"):
        raise RuntimeError("System error")
    with pytest.raises(MissingData), replacing(tmp_path / "a"):
        raise MissingData("a", "b")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.ENOTDIR], ids=errno.errorcode.get)
def test_no_command_ends_in_a_traceback_of_the_system(project, monkeypatch, capsys, number):
    (project / "reports/runs/quick").mkdir(parents=True)
    monkeypatch.setattr("pathlib.Path.mkdir", failing(number))
    monkeypatch.setattr("tempfile.mkdtemp", failing(number))
    monkeypatch.setattr("etude.corpora.fetch._download", lambda url: b"x")
    monkeypatch.setattr("etude.corpora.overview", lambda names: cache_dir())
    for command in ("run 41", "corpora", "fetch benchmark", "site", "site --name quick"):
        said = one_line(capsys, *command.split())
        assert said.startswith("etude: expected") and ("/the/place" in said or "fetch" in command or "quick" in command)


def test_a_run_that_cannot_be_written_says_where_runs_go(project, capsys):
    (project / "reports").write_text("a file where the folder should be")
    said = one_line(capsys, "run", "41")
    assert "reports/runs" in said and "ETUDE_RUNS" in said


# Surroundings


def test_paths_of_the_command_line_are_meant_from_where_the_reader_stands(project, monkeypatch):
    reader = "/" + "home/reader"
    monkeypatch.setenv("HOME", reader)
    here = project / "work"
    here.mkdir()
    monkeypatch.chdir(here)

    def given(setting):
        return make_plan(["41"], settings=[setting]).jobs[0].parameters

    assert given("path=tunes") == {"path": str(here / "tunes")}
    assert given("path=../a b") == {"path": str(here / "../a b")} and given("path=~/t") == {"path": f"{reader}/t"}
    assert given("path=/x/{y}%20'z'") == {"path": "/x/{y}%20'z'"} and given("path=") == {}
    assert given("paths=a,~/b") == {"paths": [str(here / "a"), f"{reader}/b"]}
    assert make_plan(["41"], sweep=["path=a,b"]).jobs[1].parameters == {"path": str(here / "b")}


@pytest.fixture
def homeless(monkeypatch):
    """A process whose user has no home: neither the variable nor an entry in the table of users."""
    for variable in ("HOME", "XDG_CACHE_HOME", "ETUDE_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)


def test_a_checkout_needs_no_home(project, homeless):
    assert cache_dir() == project / "data" / "cache"
    check({"cells": [{"outputs": [{"text": "~/music is where the reader's music lies"}]}]})
    with pytest.raises(EtudeError, match="paths of this machine"):
        check({"cells": [{"outputs": [{"text": f"{project}/notebooks"}]}]})


def test_without_a_home_the_cache_is_asked_for_and_other_refusals_stay(tmp_path, homeless, monkeypatch):
    monkeypatch.delenv("ETUDE_ROOT", raising=False)
    monkeypatch.setattr("etude.files.__file__", str(tmp_path / "site-packages/etude/files.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EtudeError, match="Set ETUDE_CACHE"):
        cache_dir()
    with pytest.raises(Unwritable, match="/proc"):
        made_folder(Path("/proc/elsewhere"))
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    assert cache_dir() == tmp_path / "cache"


NOBODY = "~no-such-user/music"


def test_the_home_of_nobody_is_refused_in_a_line(project, capsys):
    for command in ("study {}", "run 41 -p path={}", "run 41 -p paths=a,{}", "run 41 --sweep-file {}"):
        assert NOBODY in one_line(capsys, *command.format(NOBODY).split())
    for use in (Folder, checked_soundfont):
        with pytest.raises(EtudeError, match=NOBODY):
            use(NOBODY)


@pytest.mark.parametrize(
    ("variable", "use"), [("ETUDE_CACHE", cache_dir), ("ETUDE_FITS", fits_dir), ("ETUDE_RUNS", runs_dir)]
)
def test_a_variable_that_names_the_home_of_nobody_is_named(project, monkeypatch, variable, use):
    monkeypatch.setenv(variable, NOBODY)
    with pytest.raises(EtudeError, match=f"{NOBODY}.*{variable}"):
        use()
    with pytest.raises(Unwritable, match="/proc"):  # of another place
        made_folder(Path("/proc/elsewhere"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("parameters: {41_your_musik: {steps: 3}}", "Did you mean '41_your_music'"),
        ("parameters: {41_your_music: {stepps: 3}}", "Did you mean 'steps'"),
        ("parameters: {41_your_music: 3}", "by name"),
        ("parameters: [1]", "by name"),
        ("parameters: 3", "by name"),
        ("[1, 2]", "by name"),
        ("3", "by name"),
        ("cell_timeout: many", "cell_timeout"),
        ("cell_timeout: -3", "cell_timeout"),
        ("cell_timeout: true", "cell_timeout"),
        ("cell_timeout: .inf", "cell_timeout"),
        ("cell_timeout: [", "YAML"),
        ("timeout: 3", "Did you mean 'cell_timeout'"),
        ("? [1, 2]\n: 3", "YAML"),
        ("parameters: {3: {}}", "notebook"),
    ],
)
def test_a_profile_of_another_shape_is_one_line(project, capsys, text, said):
    (project / "workflow/profiles/quick.yaml").write_text(text)
    assert said in one_line(capsys, "run", "--dry-run")


def test_a_profile_of_bytes_is_one_line(project, capsys):
    (project / "workflow/profiles/quick.yaml").write_bytes(b"\xff\xfe\x00")
    assert "YAML" in one_line(capsys, "run", "--dry-run")
    (project / "workflow/profiles/quick.yaml").write_text("")
    assert read_profile("quick") == {"cell_timeout": 3600, "parameters": {}}


def test_without_a_checkout_every_command_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("ETUDE_ROOT", raising=False)
    monkeypatch.delenv("ETUDE_BENCHMARK", raising=False)
    monkeypatch.setattr("etude.files.__file__", str(tmp_path / "site-packages/etude/files.py"))
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for command in ("run", "run 11_rnn", "run --dry-run", "corpora", "corpora tunes", "fetch benchmark", "site"):
        said = one_line(capsys, *command.split())
        assert "checkout" in said and "ETUDE_ROOT" in said
    with pytest.raises(MissingData, match="checkout"):
        from_checkout("notebooks")
    assert list((tmp_path / "here").iterdir()) == [], "and leaves nothing where it was called"
    monkeypatch.delenv("ETUDE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_dir() == tmp_path / "caches" / "etude"


def test_many_names_are_not_listed_one_by_one():
    known = [f"bwv{number}.{part}" for number in range(200) for part in (1, 2)]
    said = str(unknown_name("chorale", "bwv32", known))
    assert "Did you mean 'bwv32.1'" in said and "400" in said and len(said) < 300
    assert len(str(unknown_name("chorale", "x" * 10**6, known))) < 400
    assert str(unknown_name("set", "b", ["a", "c"])).endswith("Known: a, c.")


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["{study} {} a b'c\"d 100%s тетрадь $x&[y]*"])
def test_a_checkout_may_lie_anywhere(tmp_path, folder):
    """From the command to the record: Snakemake, papermill and a kernel, under a name that each could trip over."""
    home = Path(etude.__file__).parents[2]
    if not (home / "workflow").is_dir():
        pytest.skip("needs a checkout with workflow/")
    root = tmp_path / folder
    (root / "notebooks").mkdir(parents=True)
    for part in ("src", "pyproject.toml"):
        (root / part).symlink_to(home / part)
    shutil.copytree(home / "workflow", root / "workflow")
    (root / "workflow/profiles/quick.yaml").write_text("cell_timeout: 100\n")
    first = nbformat.v4.new_code_cell("word = 'x'", metadata={"tags": ["parameters"]}, id="p")
    more = 'from etude import study\nrun = study.start("02_plain", word=word)\nprint(word)\nrun.finish()'
    cells = [first, nbformat.v4.new_code_cell(more, id="c")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "notebooks/02_plain.ipynb")
    (root / "python").symlink_to(Path(sys.prefix))
    python = root / "python" / "bin" / Path(sys.executable).name
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ETUDE_", "SNAKEMAKE"))}
    environment |= {"ETUDE_ROOT": str(root), "PYTHONPATH": str(home / "src"), "ETUDE_CACHE": str(tmp_path / "cache")}
    command = [python if python.exists() else sys.executable, "-m", "etude.cli", "run", "02", "-p", "word={a} '%s'"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr + done.stdout
    (executed,) = root.glob("reports/runs/*/notebooks/02_plain.ipynb")
    assert "{a} '%s'" in "".join(
        out.get("text", "") for c in nbformat.read(executed, 4).cells for out in c.get("outputs", [])
    )
