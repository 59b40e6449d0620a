"""Measures: code lengths and their proof, floors, intervals, the published protocol, statistics of scores and sounds.

Names are loaded on first use.

>>> from etude import evaluation
>>> evaluation.score_table({"rnn": rnn, **floors}, codes, pieces, midi)
>>> evaluation.proof(rnn, codes[:10])
"""

from etude.lookup import on_first_use

_PLACES = {
    "bits": ("score_table", "code_lengths", "amounts"),
    "intervals": ("rate_interval", "paired_difference", "unpaired_difference"),
    "leakage": ("leaked", "clean", "clean_gap", "clean_table", "leakage_table", "melody_shares"),
    "floors": ("fitted_floors", "compressor_floors"),
    "compressors": ("compressor_bits", "flac_bits", "midi_file_bits"),
    "coder": ("proof", "encode", "decode", "encode_all", "decode_all"),
    "lengths": ("length_bits",),
    "protocol": ("nats_per_frame",),
    "published": ("one_gram_table", "published_table"),
    "distributions": ("statistics_table", "overlap", "jensen_shannon"),
    "memorisation": ("memorisation_table", "memorisation_curve"),
    "chords": ("chord_table",),
    "voice_leading": ("voice_leading_table",),
    "examiner": ("examine",),
    "measures": ("MEASURES", "SIX", "six_definitions"),
    "chorale_tables": ("chorale_table", "six_numbers", "chord_vocabulary"),
    "rank_correlations": ("rank_correlation", "rank_correlation_table"),
    "phrases": ("phrase_ends", "last_onsets"),
    "tonality": ("find_key",),
    "two_sample": ("c2st", "mmd", "two_sample_table", "two_sample_curve"),
    "windows": ("window_features",),
    "surprise": ("bits_per_sixteenth", "moments"),
    "audio_quality": ("spectral_convergence", "log_spectral_distance", "peaks_to_tempered_grid"),
    "onset_rhythm": ("pulse_clarity", "onset_strength"),
    "posteriors": ("note_posteriors",),
    "transcription": ("transcribe",),
    "note_matching": ("note_scores",),
    "sounds": ("sound_table",),
    "inversion": ("compare_scales",),
    "streaming": ("streaming_table",),
    "mixing": ("autocorrelation", "scale_reduction", "mixing_table"),
    "annealing": ("annealing_table",),
    "filters": ("filter_table",),
    "settings": ("settings_table", "kept", "notes_above"),
    "listening": ("listening_table", "read_answers", "d_prime"),
    "contrastive": ("frequencies", "probabilities", "swept", "follow", "total_variation"),
}
__getattr__, __dir__, __all__ = on_first_use(__name__, _PLACES)
