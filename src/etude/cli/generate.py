"""`etude generate`: music from a model that a run has trained, in the format that the file's suffix names."""

from __future__ import annotations

import argparse
from pathlib import Path

from etude.cli.generate_checks import REMEDY, check_numbers, check_target
from etude.cli.saved_models import Saved, choose_model
from etude.corpora.one_file import read_piece
from etude.errors import EtudeError, one_line
from etude.places import writing

BRIEF = "let a trained model write music"
ABOUT = "Let a trained model write music: a score, a sound or an engraving, by the suffix of --out."
EXAMPLES = """\
examples:
  etude generate rnn --representation midi --out song.mid
  etude generate rnn --representation text --out tune.abc --seed 7 --temperature 0.9 --top-p 0.95
  etude generate rnn --representation pianoroll --out song.mp3 --seconds 30
  etude generate rnn --representation midi --prime opening.mid --out continued.svg
  etude generate rnn-recall --representation pianoroll --no-parallels --temperature 0.85 --out four.musicxml
  etude generate wavenet --out sound.wav --seconds 20
  etude generate samplernn --out continued.wav --prime opening.wav
  etude generate guided-wavenet --out played.wav --score tune.mid --temperature 0.2

The model is the one that comes with the study, else the one that the newest run has saved (etude run 11_rnn); --from
names another run or folder; `etude models` lists them. Without --representation, a sound file asks for a model of sound
where there is one. Sound goes to disk as it is made, hours too. --seconds and --steps count what is new: what --prime
gives comes before it. Same model, seed, temperature and top-p: same music."""

SCORES = (".mid", ".midi", ".abc", ".musicxml", ".xml", ".svg")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
MOST_ENTRIES = 2**30  # of all steps: 37 hours of sound at 8000 Hz
MOST_STEPS = 4000  # where a step has no fixed length: the piece ends by itself, or here


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("model", metavar="MODEL", help="a trained model (etude models), or a family: rnn")
    parser.add_argument("--representation", metavar="NAME", help="what it was trained on, as midi")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help=" ".join((*SCORES, *SOUNDS)))
    parser.add_argument("--from", dest="source", metavar="RUN", help="a run's name or a folder")
    length = parser.add_mutually_exclusive_group()
    new = "new music, after what --prime gives (default 30 where a step has a length)"
    length.add_argument("--seconds", type=float, help=f"seconds of {new}")
    length.add_argument("--steps", type=int, help="the same in steps of the model, at most")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another piece (default 0)")
    parser.add_argument("--temperature", type=float, default=1.0, help="below 1 safer, above 1 wilder (default 1)")
    parser.add_argument("--top-p", type=float, default=1.0, help="draw from the likeliest share only (default 1: all)")
    parser.add_argument(
        "--prime", type=Path, metavar="FILE", help="music to begin with, written too (of a book, a tune)"
    )
    parser.add_argument("--score", type=Path, metavar="FILE", help="what a model that follows notes shall play")
    parser.add_argument(
        "--no-parallels", action="store_true", help="no parallel fifths or octaves (models of the roll)"
    )
    parser.add_argument("--framework", metavar="NAME", help="which computes (default: the one that learnt it)")


def run(given: argparse.Namespace) -> int:
    """Sample, decode, write."""
    from etude.registry import REPRESENTATIONS, load, read_representation

    check_numbers(given)
    check_target(given.out, (*SCORES, *SOUNDS))
    _check_names(given, REPRESENTATIONS)
    sound = given.out.suffix.lower() in SOUNDS
    folder = choose_model(given.model, given.representation, given.source, sound)
    representation, model = read_representation(folder), load(folder, given.framework)
    if not sound and representation.domain == "audio":
        raise EtudeError(f"a sound file ({' '.join(SOUNDS)})", given.out.name, "This model writes sound, not notes.")
    if given.no_parallels and representation.name != "pianoroll":
        raise EtudeError("--no-parallels with a model of pianoroll", representation.name, "Leave it out.")
    prefix = _prefix(representation, given.prime)
    new = _new_steps(representation.space, given)
    with writing(given.out, REMEDY):
        if given.score or model.name == "guided-wavenet":
            facts = _write_played(model, folder, representation, prefix, given)
        elif representation.name == "waveform" and _streams(model):
            facts = _write_stream(model, representation, prefix, new, given)
        else:
            facts = _write_sample(model, representation, prefix, new, given)
    print(f"{given.out}: {facts}, by {folder.name} ({Saved(folder).home})")
    return 0


def _write_sample(model, representation, prefix, new: int, given: argparse.Namespace) -> str:
    (codes,) = _drawn(model, prefix, len(prefix) + new, given)
    piece = representation.decode(codes)
    if given.seconds and representation.space.rate is None:  # the length of its steps is known only now
        opening = representation.decode(prefix).seconds if len(prefix) else 0.0
        piece = piece.with_score(_opening(piece.score, opening + given.seconds))
    write_piece(piece, given.out)
    return f"{piece.seconds:.1f} s, {_amount(piece)}"


def _drawn(model, prefix, steps: int, given: argparse.Namespace):
    if given.no_parallels:
        from etude.together.refusing import without_parallels

        return without_parallels(model, 1, steps, given.seed, given.temperature, given.top_p, prefix)
    model = _conditioned(model, prefix) if len(prefix) else model
    return model.sample(1, steps, given.seed, given.temperature, given.top_p)


def _streams(model) -> bool:
    """Say whether compiled code draws from the model."""
    from etude.models.compiled.generator import unsuited

    return unsuited(model) is None


def _write_stream(model, waveform, prefix, new: int, given: argparse.Namespace) -> str:
    """Draw a sound block by block and write it as it comes."""
    from etude.models.compiled.generator import stream

    blocks = stream(model, 1, len(prefix) + new, given.seed, given.temperature, given.top_p, prefix)
    return _write_codes(blocks, waveform, given.out)


def _write_played(model, folder: Path, waveform, prefix, given: argparse.Namespace) -> str:
    """Let a model that follows notes play a score, and write the sound as it comes."""
    from etude.registry import read_representation

    if model.name != "guided-wavenet":
        raise EtudeError("guided-wavenet, which plays a score", model.name, "Leave out --score.")
    if given.score is None:
        raise EtudeError("--score FILE, what it shall play", "none", "Give a .mid, .abc, .musicxml or .krn file.")
    following = model.follow(read_representation(folder, "guide").encode(_of_notes(read_piece(given.score))))
    if len(prefix) >= following.longest:
        got = f"{len(prefix) / waveform.rate:.1f} s of {following.longest / waveform.rate:.1f} s"
        raise EtudeError("a beginning that is shorter than what is to be played", got, "Cut the file of --prime.")
    asked = given.steps or given.seconds
    steps = len(prefix) + _new_steps(waveform.space, given) if asked else None  # by default as long as the notes
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
    suffix, title = out.suffix.lower(), one_line(out.stem.replace("_", " "))
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


def _check_names(given: argparse.Namespace, representations) -> None:
    from etude.errors import unknown_name

    if given.representation is not None and given.representation not in representations:
        raise unknown_name("representation", given.representation, representations)


def _new_steps(space, given: argparse.Namespace) -> int:
    """Return the steps to draw after the beginning."""
    steps = given.steps or (MOST_STEPS if space.rate is None else max(1, round(space.rate * (given.seconds or 30))))
    if steps * space.entries > MOST_ENTRIES:
        got = f"{steps} steps of {space.entries}"
        raise EtudeError(f"at most {MOST_ENTRIES} entries in all steps", got, "Ask for a shorter piece.")
    return steps


def _prefix(representation, path: Path | None):
    """Return the codes of what is to be begun with, without an end, Int[P, *E]; P is 0 where nothing is."""
    space = representation.space
    if path is None:
        return space.check([])
    piece = read_piece(path)
    codes = representation.encode(_of_sound(piece) if representation.domain == "audio" else _of_notes(piece))
    codes = codes[:-1] if space.end is not None and len(codes) and codes[-1] == space.end else codes
    if not len(codes):
        raise EtudeError("music to begin with", f"none in {path.name}", "Give a file with at least one note.")
    return codes


def _of_notes(piece):
    if piece.score is None or not len(piece.score):
        raise EtudeError("a file of notes (.mid, .abc, .musicxml or .krn)", f"{piece.source}, which has none")
    return piece


def _of_sound(piece):
    if piece.audio is None:
        got = f"{piece.source}, a file of notes"
        raise EtudeError("a sound to begin with (.wav, .flac, .ogg or .mp3)", got, "Render it first, as a .wav.")
    return piece


def _conditioned(model, prefix):
    from etude.types import Evidence

    return model.condition(Evidence.prefix(prefix))


def _opening(score, seconds: float):
    """Return the score's first `seconds`."""
    end = max(1, int(seconds * score.bpm / 60 * score.ticks_per_quarter))
    return score.excerpt(0, min(end, score.length))


def _amount(piece) -> str:
    return f"{len(piece.score)} notes" if piece.score is not None else f"{piece.audio.rate} samples a second"
