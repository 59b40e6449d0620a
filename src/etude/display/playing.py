"""Players: one small sound file a piece, an `<audio>` element that loads it on demand, and a picture of it.

A page that is read where there is no sound (GitHub strips audio elements) still shows the picture, the caption and a
link. The sound itself is never written into the page.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from io import BytesIO

import numpy as np

from etude.display.page import Shown
from etude.errors import EtudeError
from etude.files import link_from_notebook
from etude.names import named_artefact
from etude.types import DURATION, ONSET, PITCH, TRACK, Audio, Piece, Score

CHURCH_ORGAN = 19  # General MIDI program, from 0
RATE = 22050  # Hz: rendered scores, and sounds whose own rate MP3 does not know
QUALITY = 0.3  # of the MP3: about 250 kB a minute of organ at 22 050 Hz
SILENCE = 1e-4  # peak below which there is nothing to hear
INK = "#4c8bf5"  # legible on light and on dark


def player(music, name: str, caption: str = "", program: int | list[int] | None = None, seconds: float = 60.0) -> Shown:
    """Write the sound of `music` once, as MP3, and show a player for it.

    Parameters
    ----------
    music : Score, Audio or Piece
        A piece without sound, and a score, are rendered.
    name : str
        Names the file, `reports/audio/NOTEBOOK/name.mp3`: see `etude.names`. The same name again replaces it.
    caption : str
    program : int, or one for each track, optional
        General MIDI instrument for scores; by default those of the score itself, or a church organ where it has none.
    seconds : float
        Longer sounds are cut, and the caption says so.
    """
    from etude.formats.audio import write_audio

    picture = thumbnail(music, seconds)
    audio = _sound(music, program)
    shown = _for_mp3(Audio(audio.samples[: round(seconds * audio.rate)], audio.rate))
    peak = float(np.abs(shown.samples).max(initial=0))
    if peak < SILENCE:
        why = "no sound" if len(shown) == 0 else f"silence ({shown.seconds:.1f} s)"
        return Shown(_figure(picture, _words(caption, name), f"<em>{why}: nothing to play</em>"), f"{name}: {why}")
    path = write_audio(shown, named_artefact("audio", name, ".mp3", "player", words=True), quality=QUALITY)
    link = link_from_notebook(path)
    length = _length(shown.seconds) + (f" of {_length(audio.seconds)}" if len(audio) > seconds * audio.rate else "")
    facts = f'{length} · <a href="{escape(link)}" download>mp3, {max(1, path.stat().st_size // 1000)} kB</a>'
    sound = f'<audio controls preload="none" src="{escape(link)}" style="width:100%;height:2.4em"></audio>'
    return Shown(
        _figure(picture, _words(caption, name), facts, sound), f"{_words(caption, name)}, {length}: {link}", path
    )


def players(music: Mapping, caption: str = "", **options) -> Shown:
    """Show several players side by side: {name: music} or {name: (music, caption)}.

    `options` are those of `player`. Files are named after the names.
    """
    if not music:
        raise EtudeError("at least one piece to play", "an empty mapping")
    shown, names = [], []
    for key, entry in music.items():
        names.append(str(key) if str(key) not in names else f"{key} ({len(names) + 1})")  # 1 and "1" are two
        entry, words = entry if isinstance(entry, tuple) else (entry, str(key))
        shown.append(player(entry, names[-1], words, **options))
    grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(16em,1fr));gap:0.4em 1.2em"
    heading = f"<p><strong>{escape(caption)}</strong></p>" if caption else ""
    body = "".join(one.html for one in shown)
    html = f'{heading}<div class="etude-players" style="{grid}">{body}</div>'
    return Shown(html, "\n".join(one.text for one in shown))


def thumbnail(music, seconds: float = 60.0, width: int = 720, height: int = 96) -> bytes:
    """Return a small PNG of the first `seconds` of `music`, on no ground: its notes, or the outline of its wave."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 100, height / 100), dpi=100, layout="none")  # the axes fill it
    ax = figure.add_axes((0, 0.04, 1, 0.92))
    ax.set_axis_off()
    score = music if isinstance(music, Score) else getattr(music, "score", None)
    if score is not None and len(score):
        _draw_score(ax, score, seconds)
    else:
        audio = music.audio if isinstance(music, Piece) else music
        heard = audio.samples[: round(seconds * audio.rate)] if isinstance(audio, Audio) else np.zeros(0, np.float32)
        _draw_wave(ax, heard, width)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", transparent=True, metadata={"Software": None})
    return buffer.getvalue()


def _draw_score(ax, score: Score, seconds: float) -> None:
    notes = score.notes
    ends = notes[:, ONSET] + 0.92 * notes[:, DURATION]
    ax.hlines(notes[:, PITCH], notes[:, ONSET], ends, colors=INK, linewidth=2.4)
    end = min(score.length, seconds * score.bpm / 60 * score.ticks_per_quarter)
    ax.set(xlim=(0, end), ylim=(notes[:, PITCH].min() - 1, notes[:, PITCH].max() + 1))


def _draw_wave(ax, samples: np.ndarray, columns: int) -> None:
    size = max(1, -(-len(samples) // columns))
    blocks = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size) if len(samples) else np.zeros((1, 1))
    peak = max(float(np.abs(blocks).max()), SILENCE)
    ax.fill_between(np.arange(len(blocks)), blocks.min(axis=1), blocks.max(axis=1), color=INK, linewidth=0.6)
    ax.set(xlim=(0, max(len(blocks) - 1, 1)), ylim=(-peak, peak))


def _sound(music, program) -> Audio:
    audio = music.audio if isinstance(music, Piece) else music
    if isinstance(audio, Audio):
        return audio
    score = music.score if isinstance(music, Piece) else music
    if not isinstance(score, Score):
        raise EtudeError("a Score, an Audio or a Piece with either", type(music).__name__, "Decode it first.")
    if len(score) == 0:
        return Audio(np.zeros(0, np.float32), RATE)
    from etude.synthesis import render

    return render(score, rate=RATE, program=_own_programs(score) if program is None else program)


def _own_programs(score: Score) -> int | list[int]:
    """Return the instruments that a score states, one for each of its tracks, or the study's organ."""
    missing = int(score.notes[:, TRACK].max(initial=-1)) + 1 - len(score.programs)
    return [*score.programs, *[score.programs[-1]] * missing] if score.programs else CHURCH_ORGAN


def _for_mp3(audio: Audio) -> Audio:
    from etude.formats.audio import MP3_RATES

    if audio.rate in MP3_RATES:
        return audio
    import soxr

    return Audio(np.clip(soxr.resample(audio.samples, audio.rate, RATE), -1, 1), RATE)


def _figure(picture: bytes, words: str, facts: str, sound: str = "") -> str:
    image = base64.b64encode(picture).decode()
    return (
        f'<figure class="etude-player" style="margin:0.4em 0;max-width:36em">'
        f'<img src="data:image/png;base64,{image}" alt="Outline of {escape(words)}" style="width:100%;height:3em"/>'
        f"{sound}<figcaption>{escape(words)} · {facts}</figcaption></figure>"
    )


def _words(caption: str, name: str) -> str:
    return caption or name.replace("-", " ").replace("_", " ")


def _length(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {seconds % 60:02.0f} s"
