"""Files of notated music: archives, encodings, names that lie, the second reader, and any bytes at all."""

import gzip
import io
import random
import zipfile
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notation_files import KERN, XML, note, xml

from etude.errors import EtudeError, UnreadableFile
from etude.formats import musicxml_reader, mxl
from etude.formats.musicxml import PARSERS, read_musicxml
from etude.formats.notation import notation_text
from etude.formats.notes_written import sounding
from etude.types import Score

# Archives and encodings


def archive(**files: str | bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return data.getvalue()


def container(*names: str, kind: str = "") -> str:
    roots = "".join(f'<rootfile full-path="{name}"{kind}/>' for name in names)
    return f'<?xml version="1.0"?><container xmlns="urn:x"><rootfiles>{roots}</rootfiles></container>'


C, D = xml([note("C4", 8)]), xml([note("D4", 8)])
ARCHIVES = {
    "another first": {"META-INF/container.xml": container("score.xml"), "a/flute.xml": D, "score.xml": C},
    "the container last": {"a.xml": D, "z/score.xml": C, "META-INF/container.xml": container("z/score.xml")},
    "two roots": {"b.xml": D, "a.xml": C, "META-INF/container.xml": container("a.xml", "b.xml")},
    "a space": {"my score.xml": C, "META-INF/container.xml": container("my%20score.xml"), "x.xml": D},
    "no container": {"score.musicxml": C, "cover.png": b"png", "__MACOSX/._score.musicxml": b"\0\5\x16\7"},
    "in UTF-16": {"META-INF/container.xml": container("score.xml"), "score.xml": C.encode("utf-16")},
    "a named kind": {
        "META-INF/container.xml": container("score.pdf", kind=' media-type="application/pdf"').replace(
            "</rootfiles>",
            '<rootfile full-path="s.xml" media-type="Application/vnd.recordare.MusicXML; q=1"/></rootfiles>',
        ),
        "score.pdf": b"%PDF",
        "s.xml": C,
    },
}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("suffix", [".mxl", ".xml", ".musicxml", ".krn"])
def test_the_root_of_an_archive_is_what_its_container_names(tmp_path, name, suffix):
    path = tmp_path / f"song{suffix}"
    path.write_bytes(archive(**ARCHIVES[name]))
    assert read_musicxml(path).notes[:, 2].tolist() == [60]


def test_archives_that_hold_no_score_are_refused(tmp_path, monkeypatch):
    whole = archive(**{"META-INF/container.xml": container("a.xml"), "a.xml": C})
    bad = {
        "names another": archive(**{"META-INF/container.xml": container("b.xml"), "a.xml": C}),
        "no container and two": archive(**{"a.xml": C, "b.xml": D}),
        "cut": whole[:-40],
        "damaged": whole.replace(b"score-partwise", b"score-portwise")[:200] + b"x" * 200 + whole[400:],
        "a broken container": archive(**{"META-INF/container.xml": "<container", "a.xml": C}),
    }
    for name, data in bad.items():
        (tmp_path / f"{name}.mxl").write_bytes(data)
        with pytest.raises(UnreadableFile):
            read_musicxml(tmp_path / f"{name}.mxl")
    monkeypatch.setattr(mxl, "LARGEST_FILE", 2**20)
    bomb = archive(**{"META-INF/container.xml": container("a.xml"), "a.xml": C + " " * 2**22})
    with pytest.raises(UnreadableFile, match="unpacks to at most"):
        mxl.unpacked(bomb)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_encodings(tmp_path, encoding):
    text = C.replace("<part-name>0", "<part-name>Flöte")
    if encoding in ("latin-1", "cp1252"):
        text = text.replace('"1.0"?', f'"1.0" encoding="{encoding}"?')
    (tmp_path / "song.xml").write_bytes(text.encode(encoding))
    kern = "!!!COM: Händel\n**kern\n4c\n*-\n"
    (tmp_path / "song.krn").write_bytes(kern.encode(encoding))
    assert [len(read_musicxml(tmp_path / name)) for name in ("song.xml", "song.krn")] == [1, 1]


def test_a_declaration_that_does_not_hold(tmp_path):
    (tmp_path / "song.xml").write_bytes(C.replace('"1.0"?', '"1.0" encoding="UTF-16"?').encode())
    (tmp_path / "other.xml").write_bytes(gzip.compress(C.encode()))
    assert read_musicxml(tmp_path / "song.xml") == read_musicxml(tmp_path / "other.xml")


# The second reader, and any bytes


VEROVIO_DIFFERS = {
    "octaves of a transposition, and its end": "keeps the first transposition of a part",
    "an empty bar": "gives it no time; music21 the time of its metre, as we do",
    "two whole rests in a bar": "gives it the time of both; music21 that of its metre, as we do",
    "chords of unequal lengths": "gives all notes of a chord one length",
    "a tremolo between two notes": "plays both notes from the beginning",
}


def rows_in_quarters(score: Score) -> list[tuple]:
    quarter = score.ticks_per_quarter
    return [(Fraction(a, quarter), Fraction(b, quarter), p, track) for a, b, p, _, track in score.notes.tolist()]


@pytest.mark.parametrize("name", sorted(set(XML) - set(VEROVIO_DIFFERS)))
def test_verovio_reads_the_same(tmp_path, name):
    (tmp_path / "song.xml").write_text(xml(XML[name][0]))
    ours, theirs = (read_musicxml(tmp_path / "song.xml", parser) for parser in PARSERS)
    assert rows_in_quarters(ours) == rows_in_quarters(theirs)


def test_no_reader_answers_where_the_count_is_wrong(tmp_path, monkeypatch):
    (tmp_path / "song.krn").write_text("**kern\n4c\n4d\n*-\n")
    monkeypatch.setattr("etude.formats.notation.sounding", lambda notes: sounding(notes)[:1])
    with pytest.raises(UnreadableFile, match="2 notes, as its heads and ties count; got 1"):
        read_musicxml(tmp_path / "song.krn")
    assert len(read_musicxml(tmp_path / "song.krn", "Verovio")) == 2
    with pytest.raises(EtudeError, match="Did you mean"):
        read_musicxml(tmp_path / "song.krn", "verovio")


SEEDS = [xml(bars).encode() for bars, _ in XML.values()] + [text.encode() for text, _ in KERN.values()]
SEEDS += [archive(**files) for files in ARCHIVES.values()]


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_any_bytes_are_a_score_or_an_error_of_ours(tmp_path_factory, seed, changes):
    rng = random.Random(seed)
    data = bytearray(rng.choice(SEEDS))
    for _ in range(changes):
        place = rng.randrange(len(data) + 1)
        data[place : place + rng.randrange(4)] = rng.choice([b"", b"*^", b"\t", b"<note>", b"9" * 30, rng.randbytes(2)])
    path = tmp_path_factory.mktemp("any") / "song.xml"
    path.write_bytes(data)
    try:
        assert isinstance(read_musicxml(path), Score)
    except EtudeError as error:
        assert error.expected and error.got


def test_text_of_any_bytes():
    assert notation_text(b"\xff\xfe\xff") and notation_text(b"\xe9") == "é"


PRIMES = [p for p in range(1009, 2000, 2) if all(p % q for q in range(3, 45, 2))]
LARGE = {
    "ever finer lengths": "**kern\n" + "\n".join(f"{p}c" for p in PRIMES) + "\n*-",
    "ever finer divisions": xml(
        ["".join(f"<attributes><divisions>{p}</divisions></attributes>{note('C4', 1)}" for p in PRIMES)]
    ),
    "deep": "<score-partwise><part>" + "<measure>" * 10**5,
    "a bar of endless elements": "<score-partwise><part><measure>" + "<a/>" * 11_000 + "</measure>",
}


@pytest.mark.parametrize("name", LARGE)
def test_what_would_take_endless_time_or_memory_is_refused(tmp_path, name, monkeypatch):
    assert musicxml_reader._MOST_ELEMENTS == 10**6
    monkeypatch.setattr(musicxml_reader, "_MOST_ELEMENTS", 10_000)  # a file of a hundredth, in a hundredth of the time
    (tmp_path / "song.xml").write_text(LARGE[name])
    with pytest.raises(UnreadableFile, match=r"grid|elements"):
        read_musicxml(tmp_path / "song.xml")


def test_more_notes_than_are_held(tmp_path, monkeypatch):
    for module in ("kern", "musicxml_reader"):
        monkeypatch.setattr(f"etude.formats.{module}.MOST_WRITTEN", 50)
    for text in ("**kern\n" + "4c\n" * 51 + "*-\n", xml([note("C4", 2)] * 51)):
        (tmp_path / "song.xml").write_text(text)
        with pytest.raises(UnreadableFile, match="at most 50 notes"):
            read_musicxml(tmp_path / "song.xml")


def test_a_line_ends_where_a_kern_line_ends(tmp_path):
    (tmp_path / "song.krn").write_bytes(b"!! caf\xe9 \x85 \x0c\r**kern\r4c\r\n4d\n*-")
    assert len(read_musicxml(tmp_path / "song.krn")) == 2
