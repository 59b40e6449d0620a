"""What the study shows: figures that take and return `ax`, players, engraved scores, tables and listed definitions.

Names are loaded on first use, so that engraving a file does not wait for matplotlib.

>>> from etude import display
>>> display.style()
>>> ax = display.plot_piano_roll(piece)
>>> display.player(piece, "first-chorale", caption="BWV 269, on a church organ")
>>> display.engrave(piece, "first-chorale", bars=6)
"""

from etude.lookup import on_first_use

_PLACES = {
    "house_style": ("style", "axes", "describe", "PALETTE"),
    "rolls": ("plot_piano_roll", "plot_roll_codes", "plot_surprise", "plot_round_trip"),
    "rolls_in_a_row": ("plot_rolls_in_a_row",),
    "tokens": ("plot_tokens",),
    "receptive_fields": ("plot_dilations", "plot_reach"),
    "grids": ("plot_grid",),
    "activations": ("plot_activations",),
    "looks": ("plot_attention",),
    "sound": ("plot_waveform", "plot_spectrogram", "band_frequencies"),
    "keyboard": ("plot_key_weights",),
    "results": ("plot_learning_curve", "plot_bits", "plot_annealing"),
    "benchmark": ("plot_against_published", "plot_changes"),
    "pieces": ("plot_pitch_classes", "plot_durations", "plot_voice_ranges"),
    "playing": ("player", "players", "thumbnail"),
    "engraving": ("engrave", "engrave_svg"),
    "page": ("Shown", "say", "show_source", "plain_table"),
}
__getattr__, __dir__, __all__ = on_first_use(__name__, _PLACES)
