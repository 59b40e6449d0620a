"""The Keras half, on TensorFlow, of most families: where its network is built. Reading this table loads nothing."""

from __future__ import annotations

from importlib.metadata import version

NAME, PLACE = "tensorflow", 1
ENGINE = "etude.training.keras"
DOUBLE = "etude.models.keras.weights:double"
BUILDERS = {
    "memoryless": "etude.models.keras.memoryless:build",
    "rnn": "etude.models.keras.rnn:build",
    "tcn": "etude.models.keras.tcn:build",
    "wavenet": "etude.models.keras.wavenet:build",
    "autoencoder": "etude.models.keras.autoencoder:AutoencoderNetwork",
    "vae": "etude.models.keras.vae:VAENetwork",
    "rbm": "etude.models.keras.rbm:build",
}


def lacks(family: str, options: dict) -> str | None:
    """Say why there is no network with these options, or None where there is one."""
    if options.get("recall"):
        return f"{family} without a look-up of the past (recall=0) in {NAME}"
    return None


def versions() -> dict[str, str]:
    """Return the versions that the numbers of a fit depend on."""
    return {"tensorflow": version("tensorflow-cpu"), "keras": version("keras")}
