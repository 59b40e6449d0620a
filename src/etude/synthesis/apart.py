"""midirenderer in a process of its own: ``python -m etude.synthesis.apart SOUND.wav FONT.sf2 SCORE.mid``."""

import contextlib
import sys
from pathlib import Path

from etude.synthesis.engines import played

MEMORY = 4 * 2**30  # address space, bytes


def main(sound: str, soundfont: str, score: str) -> int:
    """Write the sound; return 0, or 1 after a line that says what is wrong."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows; macOS refuses
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        wav = played(Path(score).read_bytes(), Path(soundfont).read_bytes())
    except BaseException as error:  # a panic of the native code is not an Exception
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    Path(sound).write_bytes(wav)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
