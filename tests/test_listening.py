"""The listening test: loudness and length by hand, a page that tells nothing, and answers counted by hand."""

import json
import re
from math import sqrt

import numpy as np
import pytest

from etude import cli
from etude.errors import EtudeError
from etude.evaluation.listening import d_prime, listening_table, proportion, read_answers
from etude.formats.audio import read_audio
from etude.study.listening import write_test
from etude.synthesis.loudness import at_one_length, at_one_loudness, loudness
from etude.types import Audio

RATE = 48000


def tone(amplitude: float, hertz: float = 997.0, seconds: float = 2.0, rate: int = RATE) -> Audio:
    return Audio(amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate), rate)


def test_loudness_is_that_of_the_standard():
    """BS.1770-4: a sine of 997 Hz at full scale in one channel reads -3.01 LUFS; half as loud is 6.02 dB less."""
    assert loudness(tone(1.0)) == pytest.approx(-3.01, abs=0.05)
    assert loudness(tone(0.5)) == pytest.approx(-3.01 - 6.02, abs=0.05)
    assert loudness(tone(0.5, rate=22050)) == pytest.approx(-9.03, abs=0.1)
    assert loudness(tone(1.0, 40.0)) < -6  # a bass is heard less
    assert loudness(Audio(np.zeros(RATE), RATE)) == -np.inf


def test_silence_before_a_sound_does_not_make_it_softer():
    whole = tone(0.5)
    late = Audio(np.concatenate([np.zeros(3 * RATE, np.float32), whole.samples]), RATE)
    assert loudness(late) == pytest.approx(loudness(whole), abs=0.5)


def test_all_come_to_one_loudness_and_none_is_clipped():
    levelled = at_one_loudness([tone(0.9), tone(0.01), tone(0.3, 3000.0)])
    levels = [loudness(sound) for sound in levelled]
    assert np.ptp(levels) < 0.01 and max(np.abs(sound.samples).max() for sound in levelled) <= 10 ** (-1 / 20) + 1e-6
    assert max(np.abs(sound.samples).max() for sound in levelled) == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    with pytest.raises(EtudeError, match="heard"):
        at_one_loudness([tone(0.5), Audio(np.zeros(RATE), RATE)])


def test_all_have_one_length():
    for seconds in (0.5, 1.0, 3.0):
        cut = at_one_length(tone(0.5, seconds=seconds), 1.0, fade=0.1)
        assert len(cut) == RATE and abs(cut.samples[-1]) < 1e-6
    assert np.abs(at_one_length(tone(0.5), 1.0, fade=0.1).samples[: RATE // 2]).max() > 0.49


@pytest.fixture
def folder(tmp_path):
    sources = {"bach": [tone(0.5), tone(0.4)], "rnn": [tone(0.1)], "chance": [tone(0.02)]}
    write_test(tmp_path / "test", sources, 1.0, seed=3)
    return tmp_path / "test"


def test_the_page_and_the_files_tell_nothing(folder):
    page, key = (folder / "index.html").read_text(), json.loads((folder / "key.json").read_text())
    files = json.loads(re.search(r"FILES = (\[.*?\]);", page)[1])
    assert sorted(files) == sorted(path.name for path in folder.glob("*.mp3"))
    assert sorted(key["excerpts"].values()) == ["bach", "bach", "chance", "rnn"]
    assert "rnn" not in page and "chance" not in page and "__" not in page
    sounds = [read_audio(folder / name) for name in files]
    assert len({len(sound) for sound in sounds}) == 1
    assert np.ptp([loudness(sound) for sound in sounds]) < 0.3


def test_a_test_is_made_again_and_foreign_files_are_not_touched(folder):
    write_test(folder, {"bach": [tone(0.5)], "rnn": [tone(0.5)]}, 1.0, seed=4)
    assert len(list(folder.glob("*.mp3"))) == 2
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(EtudeError):
        write_test(folder, {"bach": [tone(0.5)], "rnn": [tone(0.5)]}, 1.0)
    with pytest.raises(EtudeError, match="bach"):
        write_test(folder.parent / "other", {"rnn": [tone(0.5)]}, 1.0)


def test_d_prime_by_hand():
    """8 of 9 and 1 of 9 with Hautus' correction: shares 0.85 and 0.15, z = +-1.0364."""
    found = d_prime(8, 9, 1, 9)
    assert found["d"] == pytest.approx(2 * 1.036433, abs=1e-5) and found["c"] == pytest.approx(0, abs=1e-12)
    density = np.exp(-(1.036433**2) / 2) / sqrt(2 * np.pi)
    margin = 1.959964 * sqrt(2 * 0.85 * 0.15 / (9 * density**2))
    assert found["high"] - found["d"] == pytest.approx(margin, rel=1e-5)
    assert d_prime(5, 10, 5, 10)["d"] == 0 and np.isfinite(d_prime(10, 10, 0, 10)["d"])
    assert d_prime(9, 9, 8, 9)["c"] < 0  # who calls all of it Bach
    for wrong in ((3, 2, 0, 1), (0, 0, 0, 1), (1, 2, -1, 3)):
        with pytest.raises(EtudeError):
            d_prime(*wrong)


def test_wilson_by_hand():
    """8 of 10: (0.4902, 0.9433), as in Newcombe (1998) and every table since."""
    assert proportion(8, 10) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert proportion(0, 10)[1] == pytest.approx(0, abs=1e-12)


def answered(folder, name: str, said: dict[str, str]) -> None:
    """Save the answers of a listener who says of each source what is told."""
    key = json.loads((folder / "key.json").read_text())
    answers = [{"excerpt": e, "said": said[s], "sure": 3, "plays": 1} for e, s in key["excerpts"].items()]
    (folder.parent / name).write_text(json.dumps({"test": key["test"], "answers": answers}))


def test_answers_are_counted_by_source(folder, capsys):
    answered(folder, "a.json", {"bach": "bach", "rnn": "bach", "chance": "other"})
    answered(folder, "b.json", {"bach": "bach", "rnn": "other", "chance": "other"})
    files = [folder.parent / name for name in ("a.json", "b.json")]
    table = listening_table(read_answers(folder / "key.json", files))
    assert table.loc["bach", ["listeners", "answers", "correct"]].tolist() == [2, 4, 1]
    assert table.loc["rnn", ["answers", "called_bach", "correct"]].tolist() == [2, 0.5, 0.5]
    assert table.loc["rnn", "d"] == pytest.approx(d_prime(4, 4, 1, 2)["d"]) and np.isnan(table.loc["bach", "d"])
    assert table.loc["chance", "d"] > table.loc["rnn", "d"]
    assert cli.main(["listening", "--key", str(folder / "key.json"), *map(str, files)]) == 0
    assert "called_bach" in capsys.readouterr().out


KEYS = '{"excerpt": "EXCERPT", "said": "bach", "sure": '
OF_ANOTHER_KIND = [
    *("{", "[]", "null", '"answers"', '{"test": "other", "answers": []}'),
    *(f'{{"test": "TEST", "answers": {answers}}}' for answers in ("3", "null", '"bach"', "{}", '{"a": 1}', "[3]")),
    *(f'{{"test": "TEST", "answers": [{{{answer}}}]}}' for answer in ('"excerpt": "x"', '"excerpt": ["x"]')),
    *(f'{{"test": "TEST", "answers": [{KEYS}{sure}}}]}}' for sure in ("null", "1e999", "NaN", '"very"', "[]")),
]


@pytest.mark.parametrize("text", OF_ANOTHER_KIND)
def test_answers_of_another_kind_are_refused_in_a_line(folder, capsys, text):
    key = json.loads((folder / "key.json").read_text())
    (folder.parent / "a.json").write_text(text.replace("TEST", key["test"]).replace("EXCERPT", min(key["excerpts"])))
    assert cli.main(["listening", "--key", str(folder / "key.json"), str(folder.parent / "a.json")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "a.json" in said


@pytest.mark.parametrize("excerpts", ["3", "[]", "null", '["x"]', '{"EXCERPT": ["bach"]}', '{"EXCERPT": null}'])
def test_a_key_of_another_kind_is_refused_in_a_line(folder, capsys, excerpts):
    answered(folder, "a.json", {"bach": "bach", "rnn": "bach", "chance": "other"})
    key = json.loads((folder / "key.json").read_text())
    text = f'{{"test": "{key["test"]}", "excerpts": {excerpts.replace("EXCERPT", min(key["excerpts"]))}}}'
    (folder / "key.json").write_text(text)
    assert cli.main(["listening", "--key", str(folder / "key.json"), str(folder.parent / "a.json")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "key.json" in said


def test_a_listening_test_needs_a_folder_or_a_key(capsys):
    for line in ("listening", "listening --out x --key y", "listening a.json", "listening --out x --each 0"):
        assert cli.main(line.split()) == 2
        assert capsys.readouterr().err.count("\n") == 1
