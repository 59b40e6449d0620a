"""A score written as MEI (Music Encoding Initiative, version 5), which Verovio engraves.

What a `Score` does not say is supplied by convention: key signature and note names by `spelling`, staves by `staves`,
4/4 unless told otherwise, and an upbeat of a quarter where the last chord would else begin on a weak beat (chorales
close on the first or third beat). Times are on a grid of sixteenths.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from xml.sax.saxutils import escape

import numpy as np

from etude.display.spelling import ACCIDENTALS, key_signature, signature_alterations, spell
from etude.display.staves import Chord, Staff, staves
from etude.errors import EtudeError
from etude.types import DURATION, ONSET, Score

QUARTER = 4  # sixteenths
UNITS = (2, 4, 8, 16)  # of a metre
MOST_BARS = 400
VALUES = {16: "1", 12: "2.", 8: "2", 6: "4.", 4: "4", 3: "8.", 2: "8", 1: "16"}  # sixteenths -> note value


def write_mei(
    score: Score,
    title: str = "",
    meter: tuple[int, int] = (4, 4),
    pickup: float | None = None,
    bars: int | None = None,
) -> str:
    """Return `score` as an MEI document.

    Parameters
    ----------
    title : str
        Set above the first system.
    meter : (int, int)
        Beats of a bar and their unit (2, 4, 8 or 16).
    pickup : float, optional
        Quarters before the first full bar; by default one or none, by where the last chord falls.
    bars : int, optional
        Full bars to write, an upbeat apart; by default all, up to 400.
    """
    if meter[0] < 1 or meter[1] not in UNITS:
        raise EtudeError("a meter such as (4, 4), (3, 4) or (6, 8)", repr(meter))
    bar = meter[0] * 16 // meter[1]
    upbeat = _upbeat(score, bar) if pickup is None else round(pickup * QUARTER) % bar
    stop = None if bars is None else upbeat + bar * max(1, bars)
    signature = key_signature(score)
    score, complete = _cut(score, stop)
    lines = [upbeat + bar * i for i in range(_bar_count(score, upbeat, bar) + 1)]  # bar lines, in sixteenths
    if score.pickup and complete and lines[-1] - _sixteenths(score) == upbeat:
        lines[-1] -= upbeat  # the last bar completes the upbeat
    spans = ([(0, upbeat)] if upbeat else []) + list(pairwise(lines))
    writer = _Writer(staves(score), signature, upbeat, bar, QUARTER if meter[1] != 8 or meter[0] % 3 else 6)
    measures = "".join(
        writer.measure(i, start, end, last=(end == lines[-1] and complete))
        for i, (start, end) in enumerate(spans, start=0 if upbeat else 1)
    )
    return _document(escape(title), writer.definition(meter), measures)


def _upbeat(score: Score, bar: int) -> int:
    notes = score.notes
    if len(notes) == 0:
        return 0
    last = notes[notes[:, ONSET] + notes[:, DURATION] == (notes[:, ONSET] + notes[:, DURATION]).max()]
    onset = int(np.median(last[:, ONSET])) * QUARTER // score.ticks_per_quarter
    strong = bar // 2 if bar == 16 else bar
    return QUARTER if bar > QUARTER and onset % strong // QUARTER == 1 else 0


def _cut(score: Score, stop: int | None) -> tuple[Score, bool]:
    """The score up to `stop` sixteenths, and whether that is all of it."""
    ticks = score.length if stop is None else min(score.length, stop * score.ticks_per_quarter // QUARTER)
    return score.excerpt(0, ticks), ticks == score.length


def _sixteenths(score: Score) -> int:
    return -(-score.length * QUARTER // score.ticks_per_quarter)


def _bar_count(score: Score, upbeat: int, bar: int) -> int:
    count = max(1, -(-(_sixteenths(score) - upbeat) // bar))
    if count > MOST_BARS:
        raise EtudeError(f"at most {MOST_BARS} bars to engrave", f"{count} bars", "Pass bars=16, or cut the score.")
    return count


class _Writer:
    """Writes one measure after another of given staves."""

    def __init__(self, staves: list[Staff], signature: int, upbeat: int, bar: int, beat: int):
        self.staves, self.signature, self.upbeat, self.bar, self.beat = staves, signature, upbeat, bar, beat
        self.alterations = signature_alterations(signature)

    def definition(self, meter: tuple[int, int]) -> str:
        keysig = f"{abs(self.signature)}{'s' if self.signature > 0 else 'f'}" if self.signature else "0"
        lines = {"G": 2, "F": 4}
        staffs = "".join(
            f'<staffDef n="{n}" lines="5" clef.shape="{staff.clef}" clef.line="{lines[staff.clef]}"/>'
            for n, staff in enumerate(self.staves, 1)
        )
        symbol = ' symbol="brace"' if len(self.staves) == 2 else ' symbol="bracket"' if len(self.staves) > 2 else ""
        return (
            f'<scoreDef keysig="{keysig}" meter.count="{meter[0]}" meter.unit="{meter[1]}">'
            f'<staffGrp bar.thru="true"{symbol}>{staffs}</staffGrp></scoreDef>'
        )

    def measure(self, number: int, start: int, end: int, last: bool) -> str:
        body = "".join(self._staff(n, staff, start, end) for n, staff in enumerate(self.staves, 1))
        short = ' metcon="false"' if end - start < self.bar else ""
        attributes = f' n="{number}"{short}' + (' right="end"' if last else "")
        return f"<measure{attributes}>{body}</measure>"

    def _staff(self, n: int, staff: Staff, start: int, end: int) -> str:
        shown: dict[tuple[str, int], int] = {}  # accidentals in force, by letter and octave: one memory for the staff
        pieces = [self._pieces(layer, start, end) for layer in staff.layers]
        marks = self._accidentals(pieces, shown)
        layers = []
        for i, layer in enumerate(pieces, 1):
            if i > 1 and all(kind == "rest" for _, _, kind, _ in layer):
                continue
            gap = "rest" if staff.voices or i == 1 else "space"
            whole = i == 1 and all(kind == "rest" for _, _, kind, _ in layer)
            content = "<mRest/>" if whole else self._layer(layer, gap, marks)
            layers.append(f'<layer n="{i}">{content}</layer>')
        return f'<staff n="{n}">{"".join(layers)}</staff>'

    def _pieces(self, layer: list[Chord], start: int, end: int) -> list:
        """Rows (onset, sixteenths, "rest" or "chord", chord): everything in the bar, cut to writable values."""
        rows, now = [], start
        for chord in layer:
            if chord.end <= start or chord.onset >= end:
                continue
            onset, stop = max(chord.onset, start), min(chord.end, end)
            rows += [(t, d, "rest", None) for t, d in self._values(now, onset)]
            rows += [(t, d, "chord", chord) for t, d in self._values(onset, stop)]
            now = stop
        return rows + [(t, d, "rest", None) for t, d in self._values(now, end)]

    def _values(self, onset: int, end: int):
        """Cut a span into note values that leave the beats of the bar legible."""
        while onset < end:
            place, length = (onset - self.upbeat) % self.bar, end - onset
            rest_of_beat = self.beat - place % self.beat
            fits = [
                v
                for v in VALUES
                if v <= min(length, rest_of_beat)
                or (v <= length and place % self.beat == 0 and (v % self.beat == 0 or (v == 6 and length == 6)))
            ]
            step = max(fits)
            yield onset, step
            onset += step

    def _accidentals(self, pieces: list, shown: dict) -> dict:
        """The printed accidental of each (layer chord, onset, pitch): only where it changes what is in force."""
        marks = {}
        events = sorted(
            ((t, id(c), c) for layer in pieces for t, _, kind, c in layer if kind == "chord"),
            key=lambda event: event[0],
        )
        for time, key, chord in events:
            spelt = [spell(pitch, self.signature) for pitch in chord.pitches]
            lines = [(letter, octave) for letter, _, octave in spelt]
            for pitch, (letter, alteration, octave), line in zip(chord.pitches, spelt, lines, strict=True):
                twice = lines.count(line) > 1  # F and F sharp in one chord: both are said, tied or not
                if time > chord.onset and not twice:
                    continue  # the second half of a tie
                if twice or shown.get((letter, octave), self.alterations[letter]) != alteration:
                    marks[key, time, pitch] = ACCIDENTALS[alteration]
                shown[letter, octave] = alteration
        return marks

    def _layer(self, rows: list, gap: str, marks: dict) -> str:
        out = []
        for _, group in groupby(rows, key=lambda row: (row[0] - self.upbeat) // self.beat):
            for short, run in groupby(group, key=lambda row: row[2] == "chord" and row[1] < QUARTER):
                texts = [self._event(row, gap, marks) for row in run]
                out.append(f"<beam>{''.join(texts)}</beam>" if short and len(texts) > 1 else "".join(texts))
        return "".join(out)

    def _event(self, row, gap: str, marks: dict) -> str:
        time, length, kind, chord = row
        value = VALUES[length]
        dur = f' dur="{value.rstrip(".")}"' + (' dots="1"' if "." in value else "")
        if kind == "rest":
            return f"<{gap}{dur}/>"
        notes = [self._note(pitch, chord, time, time + length, marks) for pitch in chord.pitches]
        if len(notes) == 1:
            return notes[0].replace("<note", f"<note{dur}", 1)
        return f"<chord{dur}>{''.join(notes)}</chord>"

    def _note(self, pitch: int, chord: Chord, onset: int, end: int, marks: dict) -> str:
        letter, alteration, octave = spell(pitch, self.signature)
        mark = marks.get((id(chord), onset, pitch))
        accidental = f' accid="{mark}"' if mark else f' accid.ges="{ACCIDENTALS[alteration]}"' if alteration else ""
        before, after = onset > chord.onset or pitch in chord.begun, end < chord.end or pitch in chord.held
        tie = {(False, True): ' tie="i"', (True, True): ' tie="m"', (True, False): ' tie="t"'}.get((before, after), "")
        return f'<note pname="{letter.lower()}" oct="{octave}"{accidental}{tie}/>'


def _document(title: str, definition: str, measures: str) -> str:
    head = f'<pgHead><rend halign="center" valign="top" fontsize="150%">{title}</rend></pgHead>' if title else ""
    definition = definition.replace("<staffGrp", f"{head}<staffGrp", 1)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0">'
        f"<meiHead><fileDesc><titleStmt><title>{title}</title></titleStmt><pubStmt/></fileDesc></meiHead>"
        f"<music><body><mdiv><score>{definition}<section>{measures}</section></score></mdiv></body></music></mei>"
    )
