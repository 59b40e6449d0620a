"""Composing with a model: it harmonises a melody, fills a hole, goes on, and finds what lies between two pieces.

What a person gives stays note for note, in its own ticks, key, tempo and tracks; a model only adds. Scores in, scores
out: `etude.harmonise`, `etude.fill`, `etude.continue_`, `etude.morph`. The commands of these names do it with files.
"""
