"""`etude generate`: music from a model that a run has trained, in the format that the file's suffix names."""

from __future__ import annotations

import argparse
from pathlib import Path

from etude.cli.saved_models import choose_representation, find_model, read_representation
from etude.errors import EtudeError, MissingData

EXAMPLES = """\
examples:
  etude generate rnn --representation midi --out song.mid
  etude generate rnn --representation text --out tune.abc --seed 7 --temperature 0.9 --top-p 0.95
  etude generate rnn --representation pianoroll --out song.mp3 --seconds 30
  etude generate rnn --representation midi --prime opening.mid --out continued.svg
  etude generate wavenet --out sound.wav --seconds 20
  etude generate samplernn --out continued.wav --prime opening.wav
  etude generate guided-wavenet --out played.wav --score tune.mid --temperature 0.2

The model is the one that comes with the study, else the one that the newest run has saved (etude run 11_rnn); --from
names another run or folder. Without --representation, a sound file asks for a model of sound where there is one. Sound
goes to disk as it is made, hours too. Same model, seed, temperature and top-p: same music."""

SCORES = (".mid", ".midi", ".abc", ".musicxml", ".xml", ".svg")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
MOST_STEPS = 4000  # where a step has no fixed length: the piece ends by itself, or here


def add(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "generate",
        help="let a trained model write music",
        description="Let a trained model write music: a score, a sound or an engraving, by the suffix of --out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a family of models, as rnn")
    parser.add_argument("--representation", metavar="NAME", help="what it was trained on, as midi")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help=" ".join((*SCORES, *SOUNDS)))
    parser.add_argument("--from", dest="source", metavar="RUN", help="a run's name or a folder")
    parser.add_argument("--seconds", type=float, help="length of the music (default 30 where a step has a length)")
    parser.add_argument("--steps", type=int, help="steps of the model at most, instead of --seconds")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another piece (default 0)")
    parser.add_argument("--temperature", type=float, default=1.0, help="below 1 safer, above 1 wilder (default 1)")
    parser.add_argument("--top-p", type=float, default=1.0, help="draw from the likeliest share only (default 1: all)")
    parser.add_argument("--prime", type=Path, metavar="FILE", help="music to begin with")
    parser.add_argument("--score", type=Path, metavar="FILE", help="what a model that follows notes shall play")
    parser.add_argument("--framework", metavar="NAME", help="which computes (default: the one that learnt it)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Sample, decode, write."""
    from etude.registry import MODELS, REPRESENTATIONS, load

    _check_arguments(given, MODELS, REPRESENTATIONS)
    sound = given.out.suffix.lower() in SOUNDS
    wanted = given.representation or choose_representation(given.model, given.source, sound)
    folder = find_model(f"{given.model}-{wanted}", given.source)
    representation, model = read_representation(folder), load(folder, given.framework)
    if not sound and representation.domain == "audio":
        raise EtudeError(f"a sound file ({' '.join(SOUNDS)})", given.out.name, "This model writes sound, not notes.")
    prefix = _prefix(representation, given.prime) if given.prime else None
    steps = given.steps or _steps(representation.space.rate, given.seconds)
    if given.score or model.name == "guided-wavenet":
        facts = _write_played(model, folder, representation, prefix, given)
    elif representation.name == "waveform" and _streams(model):
        facts = _write_stream(model, representation, prefix, steps, given)
    else:
        facts = _write_sample(model, representation, prefix, steps, given)
    print(f"{given.out}: {facts}, by {folder.name} ({_origin(folder)})")
    return 0


def _write_sample(model, representation, prefix, steps: int, given: argparse.Namespace) -> str:
    if prefix is not None:
        steps, model = steps + len(prefix), _conditioned(model, prefix)
    (codes,) = model.sample(1, steps, given.seed, given.temperature, given.top_p)
    piece = representation.decode(codes)
    if given.seconds and not given.steps and representation.space.rate is None:
        piece = piece.with_score(_opening(piece.score, given.seconds))
    write_piece(piece, given.out)
    return f"{piece.seconds:.1f} s, {_amount(piece)}"


def _streams(model) -> bool:
    """Say whether compiled code draws from the model."""
    from etude.models.compiled.generator import FAMILIES

    return model.name in FAMILIES and model.options["output"] == "categorical" and not model.options.get("recall")


def _write_stream(model, waveform, prefix, steps: int, given: argparse.Namespace) -> str:
    """Draw a sound block by block and write it as it comes."""
    from etude.models.compiled.generator import stream

    if prefix is not None:
        steps += len(prefix)
    blocks = stream(model, 1, steps, given.seed, given.temperature, given.top_p, prefix)
    return _write_codes(blocks, waveform, given.out)


def _write_played(model, folder: Path, waveform, prefix, given: argparse.Namespace) -> str:
    """Let a model that follows notes play a score, and write the sound as it comes."""
    if model.name != "guided-wavenet":
        raise EtudeError("guided-wavenet, which plays a score", model.name, "Leave out --score.")
    if given.score is None:
        raise EtudeError("--score FILE, what it shall play", "none", "Give a .mid, .abc, .musicxml or .krn file.")
    following = model.follow(read_representation(folder, "guide").encode(read_piece(given.score)))
    steps = given.steps or (round(given.seconds * waveform.rate) if given.seconds else None)
    blocks = following.stream(1, steps, given.seed, given.temperature, given.top_p, prefix)
    return _write_codes(blocks, waveform, given.out)


def _write_codes(blocks, waveform, out: Path) -> str:
    from etude.formats.audio_blocks import write_blocks

    written = write_blocks((waveform.decode(codes[0]).audio.samples for codes in blocks), waveform.rate, out)
    return f"{written / waveform.rate:.1f} s, {waveform.rate} samples a second"


def write_piece(piece, out: Path) -> None:
    """Write a piece in the format that the suffix names; the file appears whole or not at all."""
    from etude.files import replacing

    with replacing(out) as new:
        if out.suffix.lower() in SOUNDS:
            from etude.formats.audio import write_audio
            from etude.synthesis import render

            write_audio(piece.audio if piece.audio is not None else render(piece.score), new)
        else:
            _write_score(piece.score, out, new)


def _write_score(score, out: Path, new: Path) -> None:
    suffix, title = out.suffix.lower(), out.stem.replace("_", " ")
    if suffix in (".mid", ".midi"):
        from etude.formats.midi import write_midi

        write_midi(score, new)
    elif suffix == ".abc":
        from etude.formats.abc import write_abc

        new.write_text(write_abc(score, title=title), encoding="utf-8")
    elif suffix == ".svg":
        from etude.display.engraving import engrave_svg

        new.write_text(engrave_svg(score, title=title), encoding="utf-8")
    else:
        from etude.formats.musicxml import write_musicxml

        write_musicxml(score, new, title=title)


def _check_arguments(given: argparse.Namespace, models, representations) -> None:
    from etude.errors import unknown_name

    if given.model not in models:
        raise unknown_name("model", given.model, models)
    if given.representation is not None and given.representation not in representations:
        raise unknown_name("representation", given.representation, representations)
    if given.out.suffix.lower() not in (*SCORES, *SOUNDS):
        raise EtudeError(f"a file name ending in {' '.join((*SCORES, *SOUNDS))}", str(given.out))
    if not given.out.parent.is_dir():
        raise MissingData("an existing folder to write into", str(given.out.parent))
    for name, value in (("--seconds", given.seconds), ("--steps", given.steps)):
        if value is not None and not value > 0:
            raise EtudeError(f"{name} above 0", str(value))


def _steps(rate: float | None, seconds: float | None) -> int:
    return MOST_STEPS if rate is None else max(1, round(rate * (seconds or 30)))


def _prefix(representation, path: Path):
    from etude.types import Piece

    piece = read_piece(path) if representation.domain == "score" else Piece(path.stem, audio=_read_sound(path))
    codes, end = representation.encode(piece), representation.space.end
    return codes[:-1] if end is not None and len(codes) and codes[-1] == end else codes


def _read_sound(path: Path):
    from etude.formats.audio import read_audio

    return read_audio(path)


def read_piece(path: Path):
    """Return the piece in a score file, read by its suffix."""
    from etude.formats import abc, midi, musicxml
    from etude.types import Piece

    if not path.is_file():
        raise MissingData("a file to begin with", str(path))
    if path.suffix.lower() in (".mid", ".midi"):
        return Piece(path.stem, midi.read_midi(path))
    if path.suffix.lower() == ".abc":
        return Piece(path.stem, abc.read_abc(path.read_text(encoding="utf-8")))
    if path.suffix.lower() in (".musicxml", ".xml", ".mxl", ".krn"):
        return Piece(path.stem, musicxml.read_musicxml(path))
    raise EtudeError("a .mid, .abc, .musicxml or .krn file to begin with", path.name)


def _conditioned(model, prefix):
    from etude.types import Evidence

    return model.condition(Evidence.prefix(prefix))


def _opening(score, seconds: float):
    """Return the score's first `seconds`: notes that begin in them, cut at their end."""
    from etude.types import DURATION, ONSET, Score

    end = max(1, int(seconds * score.bpm / 60 * score.ticks_per_quarter))
    notes = score.notes[score.notes[:, ONSET] < end].copy()
    notes[:, DURATION] = notes[:, DURATION].clip(max=end - notes[:, ONSET])
    return Score(notes, score.ticks_per_quarter, score.bpm, min(end, score.length))


def _origin(folder: Path) -> str:
    return f"run {folder.parent.parent.name}" if folder.parent.name == "models" else f"from {folder.parent.name}"


def _amount(piece) -> str:
    return f"{len(piece.score)} notes" if piece.score is not None else f"{piece.audio.rate} samples a second"
