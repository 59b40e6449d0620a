"""Synthesizers: a MIDI file and a soundfont in, samples Float32[T, channels] and their rate out.

A soundfont of the reader's own is an untrusted file, and the parser is native code: it is played in a process of its
own, so that a broken one costs an error message. The packaged soundfont is played here.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from etude.errors import MissingData, MissingPackage, UnreadableFile
from etude.files import expanded

SECONDS = 600.0  # for one stretch of a score in another process


def packaged_soundfont() -> Path:
    """Return TimGM6mb.sf2 in the installed `pretty_midi`, which is not imported for it."""
    found = find_spec("pretty_midi")
    path = Path(found.origin).with_name("TimGM6mb.sf2") if found and found.origin else None
    if path is None or not path.is_file():
        raise MissingPackage("pretty_midi, whose wheel carries a soundfont", "none", "Run: pip install pretty_midi")
    return path


def checked_soundfont(soundfont: Path | str | None) -> Path:
    """Return the soundfont to play: the packaged one by default."""
    if soundfont is None:
        return packaged_soundfont()
    path = expanded(soundfont).resolve()
    if not path.is_file():
        raise MissingData("a soundfont (.sf2)", f"no file {soundfont}", "Leave soundfont out to use the packaged one.")
    return path


@cache
def engine_version(engine: str) -> str:
    """Return the version of an engine; raises MissingPackage, saying how to get it."""
    if engine == "midirenderer":
        try:
            return version("midirenderer")
        except PackageNotFoundError as error:
            raise MissingPackage("midirenderer", "none", "Run: pip install midirenderer") from error
    told = subprocess.run([_fluidsynth(), "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    return told.strip().splitlines()[0] if told.strip() else "unknown"


def midirenderer(midi: bytes, soundfont: Path) -> tuple[np.ndarray, int]:
    """Play with midirenderer: Float32[T, 2] and 48 000 Hz."""
    if soundfont != packaged_soundfont():
        return _in_a_process([sys.executable, "-m", "etude.synthesis.apart"], midi, soundfont, [])
    return _samples(played(midi, soundfont.read_bytes()))


def fluidsynth(midi: bytes, soundfont: Path) -> tuple[np.ndarray, int]:
    """Play with the FluidSynth command: Float32[T, 2] and 48 000 Hz."""
    options = ["-n", "-i", "-q", "-r", "48000", "-T", "wav", "-O", "float"]
    return _in_a_process([_fluidsynth(), *options], midi, soundfont, ["-F"])


def played(midi: bytes, soundfont: bytes) -> bytes:
    """Return the WAV file that midirenderer makes."""
    try:
        from midirenderer import render_wave_from
    except ImportError as error:
        raise MissingPackage("midirenderer", "none", "Run: pip install midirenderer") from error
    return render_wave_from(soundfont, midi)


def _fluidsynth() -> str:
    command = shutil.which("fluidsynth")
    if command is None:
        remedy = "Install it (apt install fluidsynth, brew install fluid-synth), or use engine='midirenderer'."
        raise MissingPackage("the command fluidsynth", "none on the path", remedy)
    return command


def _in_a_process(command: list[str], midi: bytes, soundfont: Path, before_output: list[str]) -> tuple[np.ndarray, int]:
    with tempfile.TemporaryDirectory(prefix="etude-") as room:
        score, sound = Path(room, "score.mid"), Path(room, "sound.wav")
        score.write_bytes(midi)
        command = [*command, *before_output, str(sound), str(soundfont), str(score)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            raise _unplayable(soundfont, f"no sound after {SECONDS:g} s") from error
        told = (done.stderr or done.stdout).strip().splitlines()
        complaints = [line for line in told if "error" in line.lower()]  # FluidSynth plays silence, and ends with 0
        if done.returncode or complaints or not sound.is_file() or sound.stat().st_size <= 44:
            reason = (complaints or told or [f"the synthesizer ended with {done.returncode}"])[0]
            raise _unplayable(soundfont, reason)
        return _samples(sound.read_bytes())


def _unplayable(soundfont: Path, reason: str) -> UnreadableFile:
    return UnreadableFile("a SoundFont 2 file", f"{soundfont.name}: {reason.rstrip('.')}", "Try another soundfont.")


def _samples(wav: bytes) -> tuple[np.ndarray, int]:
    import soundfile

    return soundfile.read(io.BytesIO(wav), dtype="float32", always_2d=True)


ENGINES = {"midirenderer": midirenderer, "fluidsynth": fluidsynth}
