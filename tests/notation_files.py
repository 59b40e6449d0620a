"""MusicXML and kern made by hand, and the notes that sound in them."""

from etude.formats.notation import written
from etude.formats.notes_written import note_ons, sounding


def note(pitch: str, length: int, *inside: str, voice: int = 1) -> str:
    """A note of MusicXML, two divisions a quarter: note("C4", 2, "chord", "tie start")."""
    tags = {name: f"<{name}/>" for name in ("chord", "cue", "grace")}
    before = "".join(tags[name] for name in inside if name in tags)
    ties = "".join(f'<tie type="{name.split()[1]}"/>' for name in inside if name.startswith("tie "))
    rest = "".join(name for name in inside if name.startswith("<"))
    if pitch == "rest":
        sound = "<rest/>"
    elif pitch == "drum":
        sound = "<unpitched><display-step>C</display-step><display-octave>5</display-octave></unpitched>"
    else:
        alter = f"<alter>{pitch[1:-1]}</alter>" if len(pitch) > 2 else ""
        sound = f"<pitch><step>{pitch[0]}</step>{alter}<octave>{pitch[-1]}</octave></pitch>"
    duration = "" if "grace" in inside else f"<duration>{length}</duration>"
    drawn = {1: "<type>eighth</type>", 2: "<type>quarter</type>", 6: "<type>half</type><dot/>", 8: "<type>whole</type>"}
    kind = drawn.get(length, "<type>half</type>")
    return f"<note>{before}{sound}{duration}{ties}<voice>{voice}</voice>{kind}{rest}</note>"


def backup(length: int) -> str:
    return f"<backup><duration>{length}</duration></backup>"


def attributes(inside: str = "", beats: int = 4) -> str:
    time = f"<time><beats>{beats}</beats><beat-type>4</beat-type></time>"
    return f"<attributes><divisions>2</divisions>{time}{inside}</attributes>"


def xml(*parts: list[str]) -> str:
    """A score of parts, each a list of bars; the first bar of a part gets divisions and 4/4 unless it has its own."""
    names = "".join(f'<score-part id="P{k}"><part-name>{k}</part-name></score-part>' for k in range(len(parts)))
    bodies = ""
    for k, bars in enumerate(parts):
        first = bars[0] if "<attributes>" in bars[0] else attributes() + bars[0]
        measures = "".join(
            f'<measure number="{n}">{bar}</measure>' for n, bar in enumerate([first, *bars[1:]], start=1)
        )
        bodies += f'<part id="P{k}">{measures}</part>'
    return f'<?xml version="1.0"?><score-partwise version="4.0"><part-list>{names}</part-list>{bodies}</score-partwise>'


def heard(text: str) -> str:
    """Return the notes of a text as "onset+duration:pitch", in quarters, in order."""
    notes = sounding(written(text).notes)
    assert len(notes) in note_ons(written(text).notes)
    rows = sorted((n.onset, n.duration, n.pitch) for n in notes)
    return " ".join(f"{onset}+{duration}:{pitch}" for onset, duration, pitch in rows)


def tracks(text: str) -> list[tuple[int, int]]:
    return sorted((n.track, n.pitch) for n in sounding(written(text).notes))


START, STOP = "tie start", "tie stop"
XML = {
    "a tie of one note of a chord": (
        [note("C4", 4, START) + note("E4", 4, "chord") + note("C4", 4, STOP) + note("G4", 4, "chord")],
        "0+2:64 0+4:60 2+2:67",
    ),
    "ties of a whole chord": (
        [note("C4", 4, START) + note("E4", 4, "chord", START) + note("C4", 4, STOP) + note("E4", 4, "chord", STOP)],
        "0+4:60 0+4:64",
    ),
    "a tie from the upper note, to the first of a chord": (
        [note("C4", 4) + note("E4", 4, "chord", START) + note("E4", 4, STOP) + note("G4", 4, "chord")],
        "0+2:60 0+4:64 2+2:67",
    ),
    "a tie over a bar line, and on": (
        [note("rest", 4) + note("C4", 4, START), note("C4", 8, STOP, START), note("C4", 2, STOP) + note("C4", 2)],
        "2+7:60 9+1:60",
    ),
    "a tie that is only drawn": (
        [note("C4", 4, '<notations><tied type="start"/></notations>')
         + note("C4", 4, '<notations><tied type="stop"/></notations>')],
        "0+4:60",
    ),
    "a tie between voices": (
        [note("C4", 4, START) + note("E4", 4) + backup(4) + note("C4", 4, STOP, voice=2)],
        "0+4:60 2+2:64",
    ),
    "unisons in two voices, one tied": (
        [note("C4", 4, START) + note("C4", 4, STOP) + backup(8) + note("C4", 4, voice=2) + note("C4", 4, voice=2)],
        "0+2:60 0+4:60 2+2:60",
    ),
    "unisons in two voices, both tied": (
        [note("C4", 4, START) + note("C4", 4, STOP) + backup(8)
         + note("C4", 4, START, voice=2) + note("C4", 2, STOP, voice=2)],
        "0+3:60 0+4:60",
    ),
    "an end without a beginning": ([note("C4", 4) + note("C4", 4, STOP)], "0+2:60 2+2:60"),
    "a beginning without an end": ([note("C4", 4, START) + note("D4", 4)], "0+2:60 2+2:62"),
    "let ring": ([note("C4", 4, '<notations><tied type="let-ring"/></notations>') + note("C4", 4)], "0+2:60 2+2:60"),
    "a cue note": ([note("C5", 4) + note("E5", 4, "cue") + note("F5", 2)], "0+2:72 4+1:77"),
    "a cue chord": ([note("E5", 4, "cue") + note("G5", 4, "cue", "chord") + note("F5", 2)], "2+1:77"),
    "a grace note": ([note("D5", 0, "grace") + note("C5", 4)], "0+2:72"),
    "a grace note tied to its note": ([note("C5", 0, "grace", START) + note("C5", 4, STOP)], "0+2:72"),
    "grace notes in a chord": ([note("D5", 0, "grace") + note("F5", 0, "grace", "chord") + note("C5", 4)], "0+2:72"),
    "a drum": ([note("drum", 4) + note("C5", 4)], "2+2:72"),
    "an invisible note": ([note("C5", 4).replace("<note>", '<note print-object="no">')], "0+2:72"),
    "backup and forward": (
        [note("C5", 8) + backup(6) + note("C4", 2, voice=2) + "<forward><duration>2</duration></forward>"
         + note("D4", 2, voice=2)],
        "0+4:72 1+1:60 3+1:62",
    ),
    "chords of unequal lengths": ([note("C4", 8) + note("E4", 4, "chord")], "0+2:64 0+4:60"),
    "a transposing part": (
        [attributes("<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>") + note("C4", 4)],
        "0+2:58",
    ),
    "octaves of a transposition, and its end": (
        [attributes("<transpose><chromatic>0</chromatic><octave-change>-1</octave-change></transpose>") + note("C4", 4)
         + "<attributes><transpose><chromatic>0</chromatic></transpose></attributes>" + note("C4", 4)],
        "0+2:48 2+2:60",
    ),
    "an octave line": (
        ['<direction><direction-type><octave-shift type="down" size="8"/></direction-type></direction>'
         + note("C6", 4)],
        "0+2:84",
    ),
    "repeats and endings": (
        [note("C4", 8) + '<barline><repeat direction="forward"/></barline>',
         '<barline><ending number="1" type="start"/></barline>' + note("D4", 8, START)
         + '<barline><repeat direction="backward"/></barline>',
         '<barline><ending number="2" type="start"/></barline>' + note("E4", 8)],
        "0+4:60 4+4:62 8+4:64",
    ),
    "a tremolo between two notes": (
        [note("C4", 2, '<notations><ornaments><tremolo type="start">3</tremolo></ornaments></notations>')
         + note("E4", 2, '<notations><ornaments><tremolo type="stop">3</tremolo></ornaments></notations>')],
        "0+1:60 1+1:64",
    ),
    "a short first bar": ([note("C4", 2), note("D4", 8)], "0+1:60 1+4:62"),
    "an empty bar": ([note("C4", 8), "", note("D4", 8)], "0+4:60 8+4:62"),
    "two whole rests in a bar": ([note("rest", 8) + note("rest", 8), note("D4", 8)], "4+4:62"),
    "more notes than the metre": ([note("C4", 8) + note("D4", 4), note("E4", 8)], "0+4:60 4+2:62 6+4:64"),
    "a sharp of 1.0": ([note("C1.04", 4)], "0+2:61"),
    "B sharp and C flat": ([note("B14", 4) + note("C-14", 4)], "0+2:72 2+2:59"),
}  # fmt: skip
KERN = {
    "a tie of one note of a chord": ("**kern\n[2c 2e\n2c] 2g\n*-", "0+2:64 0+4:60 2+2:67"),
    "a spine split, joined, and split again": (
        "**kern\t**kern\n*\t*^\n4C\t4c\t4g\n4E\t4e\t4a\n*\t*v\t*v\n*\t*^\n*\t*\t*^\n4F\t4c\t4g\t4cc\n4G\t4d\t4a\t4dd\n"
        "*\t*v\t*v\t*\n*\t*v\t*v\n4A\t4cc\n*-\t*-",
        "0+1:48 0+1:60 0+1:67 1+1:52 1+1:64 1+1:69 2+1:53 2+1:60 2+1:67 2+1:72 3+1:55 3+1:62 3+1:69 3+1:74 4+1:57 "
        "4+1:72",
    ),
    "three spines joined at once": ("**kern\n*^\n*\t*^\n4c\t4e\t4g\n*v\t*v\t*v\n4d\n*-", "0+1:60 0+1:64 0+1:67 1+1:62"),
    "two parts that each join": (
        "**kern\t**kern\n*^\t*^\n4C\t4E\t4c\t4e\n*v\t*v\t*v\t*v\n4D\t4d\n*-\t*-",
        "0+1:48 0+1:52 0+1:60 0+1:64 1+1:50 1+1:62",
    ),
    "spines that change places": (
        "**kern\t**kern\n2C\t4c\n.\t4d\n*x\t*x\n4e\t2D\n4f\t.\n*-\t*-", "0+1:60 0+2:48 1+1:62 2+1:64 2+2:50 3+1:65",
    ),
    "a spine added": ("**kern\n4c\n*+\n*\t**kern\n4d\t4D\n4e\t4E\n*-\t*-", "0+1:60 1+1:50 1+1:62 2+1:52 2+1:64"),
    "a spine that ends": ("**kern\t**kern\n4C\t4c\n*-\t*\n4d\n*-", "0+1:48 0+1:60 1+1:62"),
    "words and dynamics": (
        "**kern\t**text\t**dynam\n4c\ta\tf\n*^\t*\t*\n4d\t4f\tb4c\t.\n*v\t*v\t*\t*\n4e\t.\t4g\n*-\t*-\t*-",
        "0+1:60 1+1:62 1+1:65 2+1:64",
    ),
    "a voice that pauses without rests": (
        "**kern\t**kern\n*\t*^\n4C\t4c\t4g\n4D\t4d\t.\n4E\t4e\t4b\n*\t*v\t*v\n*-\t*-",
        "0+1:48 0+1:60 0+1:67 1+1:50 1+1:62 2+1:52 2+1:64 2+1:71",
    ),
    "a spine split under a long note": (
        "**kern\t**kern\n4C\t2c\n*\t*^\n4D\t.\t4g\n4E\t4d\t4a\n*\t*v\t*v\n*-\t*-",
        "0+1:48 0+2:60 1+1:50 1+1:67 2+1:52 2+1:62 2+1:69",
    ),
    "lengths": ("**kern\n0c\n00d\n4.e\n4..f\n3%2g\n12a\n*-",
                "0+8:60 8+16:62 24+3/2:64 51/2+7/4:65 109/4+8/3:67 359/12+1/3:69"),
    "a rest at a height, and a hidden one": ("**kern\n4ggr\n4ryy\n4c\n*-", "2+1:60"),
    "grace notes": ("**kern\n8qd\n4c\n16qqe\n16qqf\n4d\n*-", "0+1:60 1+1:62"),
    "a long tie": ("**kern\n[4c\n=\n4c_\n=\n4c]\n4c\n*-", "0+3:60 3+1:60"),
    "an end without a beginning": ("**kern\n4c\n4c]\n*-", "0+1:60 1+1:60"),
    "accidentals": ("**kern\n4c#\n4d--\n4en\n4CC##\n*-", "0+1:61 1+1:60 2+1:64 3+1:38"),
    "ornaments": ("**kern\n(4c'T^\n{8d/L\n8ee-~J)}\n*-", "0+1:60 1+1/2:62 3/2+1/2:75"),
    "a transposing instrument sounds as written": ("**kern\n*ITrd-1c-2\n4c\n*-", "0+1:60"),
    "comments": ("!!!COM: X\n!! y\n**kern\n! z\n4c\n!LO:TX:t=a\n4d\n*-\n!!!ENC: Z", "0+1:60 1+1:62"),
    "a chord with one length": ("**kern\n4c e g\n*-", "0+1:60 0+1:64 0+1:67"),
}  # fmt: skip
