"""A stranger's folder: its split, what is kept beside the notes, and whether a page knows that its files changed."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import etude
from etude import EtudeError, Piece, Score
from etude.corpora.folder import Folder
from etude.corpora.folder_entries import Entry, Source
from etude.corpora.folder_split import divided
from etude.corpora.one_file import read_piece
from etude.display.playing import _own_programs
from etude.errors import MissingData
from etude.formats.headings import heading
from etude.formats.midi import read_midi, write_midi
from etude.formats.midi_notes import DRUM_KIT
from etude.formats.musicxml import write_musicxml
from etude.representations.grid import fitting_grid, off_grid
from etude.study.parameters import brought_paths
from etude.study.source import file_digests

SIDES, SHARES = ("train", "valid", "test"), (0.8, 0.1, 0.1)
LINE = [(4 * i, 4, 60 + i % 12, 80, 0) for i in range(400)]  # a hundred bars


def entries(n, kind="midi", seconds=60.0, prefix="piece"):
    made = []
    for k in range(n):
        sha = hashlib.sha256(f"{k}".encode()).hexdigest()
        made.append(Entry(f"{prefix}{k}", Source(Path(f"{prefix}{k}"), f"{prefix}{k}", kind, sha), 0, sha, seconds))
    return made


def split(some, score=None, shares=SHARES):
    return divided(some, shares, SIDES, lambda entry: score or Score(LINE, 4))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 10, 37, 2000])
def test_no_side_is_empty_and_names_do_not_matter(n):
    one, other = split(entries(n)), split(entries(n, prefix="other"))
    assert set(one.side.values()) == set(SIDES) and set(one.side) == {entry.name for entry in one.entries}
    assert [one.side[e.name] for e in one.entries] == [other.side[e.name] for e in other.entries]
    assert ("cut by bars" in one.words, "by rank" in one.words or "by content" in one.words) == (n < 3, n >= 3)
    if n == 2000:
        assert "new file moves no old" in one.words
        assert list(one.side.values()).count("train") / n == pytest.approx(0.8, abs=0.03)


def test_a_side_without_a_share_stays_empty_and_copies_stay_together():
    assert set(split(entries(1), shares=(1, 0, 0)).side.values()) == {"train"}
    twice = entries(4) + [e._replace(name=f"copy of {e.name}") for e in entries(4)]
    side = split(twice).side
    assert all(side[f"piece{k}"] == side[f"copy of piece{k}"] for k in range(4))


def test_sections_of_one_score_stand_in_order_and_apart():
    found = split(entries(1))
    spans = {side: [e.span for e in found.entries if found.side[e.name] == side] for side in SIDES}
    before, after = (max(end for _, end in spans[side]) for side in ("train", "valid"))
    assert min(begin for begin, _ in spans["valid"]) - before == 16  # a bar of 4/4 between the sides
    assert min(begin for begin, _ in spans["test"]) - after == 16
    rests = Score([(0, 4, 60, 80, 0), (1500, 4, 62, 80, 0)], 4)  # nearly all silence: two sections sound
    assert "Too little music" in split(entries(1), rests).words


@pytest.mark.parametrize("parts", [1, 3])
def test_a_recording_is_cut_in_time_with_gaps(parts):
    whole = [e._replace(name=f"{e.name}#{k}", part=k, parts=parts, seconds=100.0 / parts)
             for e in entries(1, "audio") for k in range(parts)]  # fmt: skip
    found = split(whole)
    spans = {side: [e.span for e in found.entries if found.side[e.name] == side] for side in SIDES}
    assert all(len(some) > 1 for some in spans.values())
    assert min(a for a, _ in spans["valid"]) - max(b for _, b in spans["train"]) == pytest.approx(2.0)
    assert max(b for _, b in spans["test"]) == pytest.approx(100.0) and min(a for a, _ in spans["train"]) == 0


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "mine"
    folder.mkdir()
    waltz = Score([(n * 480, 480, 60 + n % 7, 80, n % 2) for n in range(48)], 480, 150.0, None, (3, 4), (73, 32))
    for k in range(3):
        write_midi(waltz.transposed(k), folder / f"waltz{k}.mid")
    write_midi(replace(waltz, programs=(DRUM_KIT, DRUM_KIT)), folder / "drums.mid")
    (folder / "air.abc").write_text("X:1\nT:The Air &amp; Mine\nM:6/8\nL:1/8\nK:G\n" + "GABcde|" * 6 + "\n")
    return folder


def opened(folder, **options):
    return Folder(folder, verbose=False, workers=1, **options)


def test_a_folder_gives_pieces_by_name_and_title_and_says_what_they_are(mine):
    folder = opened(mine)
    frame = folder.frame().set_index("name")
    assert folder.piece("waltz1.mid").score.meter == (3, 4) and folder.piece("waltz1.mid").score.programs == (73, 32)
    assert folder.piece("The Air & Mine").name == "air.abc" and frame.loc["air.abc", "metre"] == "6/8"
    row = frame.loc["waltz2.mid"]
    assert (row["voices"], row["metre"], row["lowest"], row["off_grid"]) == (2, "3/4", 62, 0.0)
    assert row["bpm"] == pytest.approx(150) and row["quarters"] == 48
    with pytest.raises(EtudeError, match="waltz1"):
        folder.piece("waltz9.mid")


def test_drums_alone_are_used_on_request(mine):
    assert opened(mine).ledger["file"].tolist() == ["drums.mid"]
    folder = opened(mine, drums=True)
    assert folder.piece("drums.mid").score.programs == (DRUM_KIT, DRUM_KIT) and len(folder.ledger) == 0
    assert opened(mine, only="score").kinds() == {"abc": 1, "midi": 3}
    with pytest.raises(MissingData, match="none in"):
        opened(mine, only="audio")
    with pytest.raises(EtudeError, match="score"):
        opened(mine, only="notes")


def test_one_file_is_read_in_sections_whose_notes_are_those_of_the_file(mine):
    for name in ("waltz1.mid", "waltz2.mid", "drums.mid", "air.abc"):
        (mine / name).unlink()
    folder = opened(mine, split=(0.5, 0.25, 0.25))
    pieces = [piece for side in folder.splits for piece in folder.load(side)]
    assert all(folder.count(side) for side in folder.splits) and "cut by bars" in folder.division
    assert sum(len(piece.score) for piece in pieces) == 48 - 6  # two bars of three quarters are left out between sides
    assert all(piece.score.meter == (3, 4) and piece.score.notes[0, 0] == 0 for piece in pieces)


UPBEATS = {  # name: quarters of the upbeat, and what is in the file
    "jig.abc": (0.5, "X:1\nM:6/8\nL:1/8\nK:G\nD|GAB cde|g3 g2|]\n"),
    "waltz.krn": (1.0, "**kern\n*M3/4\n4g\n=1\n2.c\n=2\n2c\n==\n*-\n"),
    "free.abc": (0.0, "X:1\nM:none\nL:1/8\nK:G\nD|GAB cde|]\n"),
}


def test_upbeats_are_kept_from_the_file_to_the_frame(mine):
    for name, (_, text) in UPBEATS.items():
        (mine / name).write_text(text)
    air = Score([(0, 480, 67, 80, 0), (480, 1440, 60, 80, 0)], 480, 90.0, None, (3, 4), (), 1.0)
    write_midi(air, mine / "air.mid")
    write_musicxml(air, mine / "air.musicxml")
    expected = {name: pickup for name, (pickup, _) in UPBEATS.items()} | {"air.mid": 1.0, "air.musicxml": 1.0}
    for folder in (opened(mine), opened(mine)):  # from the files, from the cache
        frame = folder.frame().set_index("name")["pickup"]
        assert frame[list(expected)].to_dict() == expected and frame["air.abc"] == frame["waltz1.mid"] == 0
        assert {name: folder.piece(name).score.pickup for name in expected} == expected
        assert folder.piece("waltz.krn").score.meter == (3, 4) and read_piece(mine / "jig.abc").score.pickup == 0.5


def test_sections_are_cut_at_bar_lines_and_the_first_has_the_upbeat(mine):
    for path in list(mine.iterdir()):
        path.unlink()
    notes = [(0, 480, 72, 80, 0)] + [(480 + 480 * n, 480, 60 + n % 3, 80, 0) for n in range(48)]
    write_midi(Score(notes, 480, 150.0, None, (3, 4), (), 1.0), mine / "waltz.mid")
    folder = opened(mine, split=(0.5, 0.25, 0.25))
    pieces = [piece for side in folder.splits for piece in folder.load(side)]
    assert "cut by bars" in folder.division and len(pieces) > 3
    first = next(piece for piece in pieces if "@bars1-" in piece.name)
    assert (first.score.pickup, first.score.length) == (1.0, 7 * 480)  # two bars and the upbeat
    for piece in pieces:
        one = piece.score.notes[piece.score.notes[:, 2] == 60]  # the first note of each bar
        assert ((one[:, 0] - 480 * piece.score.pickup) % 1440 == 0).all()
        assert piece.score.pickup == (piece is first)


def test_a_page_knows_the_reader_s_folder_by_its_files(mine):
    assert brought_paths({"path": str(mine), "out_folder": "", "steps": 3, "files": ["a"]}) == [str(mine), "a"]
    before = file_digests([str(mine)])
    (mine / "notes.txt").write_text("no music")
    assert file_digests([str(mine)]) == before and before[str(mine)]
    (mine / "waltz0.mid").write_bytes((mine / "waltz1.mid").read_bytes())
    changed = file_digests([str(mine)])
    (mine / "waltz0.mid").rename(mine / "renamed.mid")
    assert len({before[str(mine)], changed[str(mine)], file_digests([str(mine)])[str(mine)]}) == 3
    assert file_digests([str(mine / "gone")]) == {str(mine / "gone"): ""}


def test_tempo_metre_and_instruments_come_back_where_asked(tmp_path):
    score = Score([(0, 4, 60, 80, 0), (0, 8, 48, 80, 1)], 4, 100.0, None, (3, 4), (40, 42), 1.0)
    roll = etude.representation("pianoroll")
    plain, like = (roll.decode(roll.encode(Piece("a", score)), **o).score for o in ({}, {"like": Piece("a", score)}))
    assert (plain.bpm, plain.meter, plain.programs, plain.pickup) == (80.0, None, (), 0)
    assert like.pickup == 1
    assert (like.bpm, like.meter, like.programs) == (
        100.0,
        (3, 4),
        (42,),
    ) and like.notes.tolist() == plain.notes.tolist()
    assert _own_programs(plain) == 19 and _own_programs(score) == [40, 42]
    again = read_midi(write_midi(score, tmp_path / "a.mid"))
    assert again == score
    assert (again.meter, again.programs, again.pickup) == (score.meter, score.programs, score.pickup)
    assert score.part(1).like(score).programs == (40, 42) and score.common().programs == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("X:1\nT:A  B\nM:C|\nK:C\n", ("A B", (2, 2))),
        ("X:1\nM:none\nK:C\n", ("", None)),
        ("<score><work-title>&quot;O&quot;</work-title><beats>5</beats>\n<beat-type>8</beat-type>", ('"O"', (5, 8))),
        ("!!!OTL: Ode\n**kern\t**kern\n*M9/8\t*M9/8\n", ("Ode", (9, 8))),
        ("M:7/0\nM:1/3", ("", None)),
        ("", ("", None)),
    ],
)
def test_headings(text, found):
    assert heading(text) == found


def test_the_grid_that_suits():
    straight, triplets = Score(LINE, 4), Score([(160 * k, 160, 60, 80, 0) for k in range(30)], 480)
    free = Score([(int(137.7 * k) + 41 * (k % 7), 100, 60, 80, 0) for k in range(200)], 480)
    assert [fitting_grid([s]) for s in (straight, triplets, free)] == [4, 6, None]
    assert off_grid(straight) == 0 and off_grid(triplets) == pytest.approx(2 / 3) and off_grid(free) > 0.5
    assert fitting_grid([straight] * 99 + [Score(triplets.notes[:3], 480)]) == 4  # two of 40 000 onsets


def test_a_loaded_model_knows_its_representation(tmp_path):
    from etude.models.storage import write_made_by

    roll = etude.representation("pianoroll", lowest=48, highest=60)
    model = etude.model("uniform", roll.space)
    assert model.representation is None and etude.load(model.save(tmp_path / "m")).representation is None
    write_made_by(tmp_path / "m", {"representation": roll.describe()})
    assert etude.load(tmp_path / "m").representation.describe() == roll.describe()


@pytest.mark.parametrize(("family", "options"), [("rnn", {"hidden": 4, "layers": 1}), ("counts", {})])
def test_compiled_code_draws_the_same_sample(family, options):
    model = etude.model(family, etude.Space((), 5, end=4), **options)
    if family == "counts":
        model.fit([np.array([0, 1, 2, 4])])
    assert all(map(np.array_equal, model.sample(3, 20, seed=1), model.sample(3, 20, seed=1, fast=True)))
    prefix = {"prefix": np.array([1, 2]), "new": 9, "seed": 2}
    assert np.array_equal(model.sample(**prefix)[0], model.sample(**prefix, fast=True)[0])
