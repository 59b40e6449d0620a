"""The measures of a chorale, each defined in a line, and the six of them that every chapter shows.

Each is so many of so many, counted by `etude.evaluation.examiner` and defined exactly in the module that counts it:
`voice_leading`, `resolutions`, `harmony`, `cadences`, `phrases`, `chords`, `tonality`.
"""

from __future__ import annotations

OF_MOVES, OF_CHORDS = "per 100 moves from one four-part chord to the next", "per 100 four-part chords"
SIX = ("notes_per_second", "voices", "in_key", "parallels", "clashes", "closing")
MEASURES = {  # name -> (what it is multiplied by, definition)
    "notes_per_second": (1, "notes that begin in a second, at 80 quarters a minute"),
    "voices": (1, "pitches that sound when a note begins, mean"),
    "four_part": (100, "% of the moments at which a note begins in which exactly four voices sound"),
    "parallels": (100, f"two voices move in parallel fifths, octaves or unisons; {OF_MOVES}"),
    "parallel_fifths": (100, f"two voices move from a fifth in one direction to another; {OF_MOVES}"),
    "parallel_octaves": (100, f"the same from an octave or unison; {OF_MOVES}"),
    "parallel_unisons": (100, f"the same from a unison alone; {OF_MOVES}"),
    "hidden_fifths": (100, f"outer voices reach a fifth in one direction, the soprano by a leap; {OF_MOVES}"),
    "hidden_octaves": (100, f"the same into an octave; {OF_MOVES}"),
    "overlaps": (100, f"a voice moves beyond where its neighbour just was; {OF_MOVES}"),
    "crossings": (100, f"a voice sounds below its lower neighbour; {OF_CHORDS}"),
    "wide_spacing": (100, f"more than an octave between neighbours above the bass; {OF_CHORDS}"),
    "out_of_range": (100, f"a voice outside its usual range; {OF_CHORDS}"),
    "leaps": (100, f"a voice leaps by more than a fifth; {OF_MOVES}"),
    "unrecovered_leaps": (100, f"and goes on in the same direction; {OF_MOVES}"),
    "clashes": (100, "two notes a semitone apart, octaves removed; per 100 chords of any number of notes"),
    "leading_notes_resolved": (
        100,
        "% of leading notes of a dominant that rise to the root of its triad",
    ),
    "outer_leading_notes_resolved": (100, "% of those in the soprano or the bass that do"),
    "sevenths_resolved": (100, "% of chord sevenths that fall by a step or stay when the chord changes"),
    "non_chord_notes": (100, "% of all notes that are foreign to the chord of their beat"),
    "foreign_resolved": (100, "% of these, in four parts, whose line goes on by step"),
    "diatonic_chords": (100, "% of the beats whose chord has its root and all its notes in the scale of the key"),
    "in_key": (100, "% of all notes in the scale of the key (minor with both sevenths)"),
    "phrase_quarters": (1, "quarters in a phrase, mean"),
    "authentic": (100, "% of phrases that end with a dominant and its triad, in any key"),
    "perfect": (100, "% of phrases that do so from root to root, the soprano on the root"),
    "half": (100, "% of phrases that end on V of the piece's key"),
    "plagal": (100, "% of phrases that end with IV (or ii) and I"),
    "deceptive": (100, "% of phrases that end with V and the triad a step above it"),
    "closing": (100, "% of phrases that close: authentic or plagal"),
    "ends_at_home": (100, "% of pieces whose last chord is on the tonic of their first half"),
    "key_confidence": (1, "by how much the key's correlation exceeds the next key's, mean over pieces"),
}


def six_definitions() -> str:
    """Return a line that defines the six measures."""
    return "; ".join(f"{name.replace('_', ' ')}: {MEASURES[name][1].replace('; ', ', ')}" for name in SIX)
