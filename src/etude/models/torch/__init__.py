"""The PyTorch half of every family: where its network is built. Reading this table loads nothing."""

from __future__ import annotations

from importlib.metadata import version

NAME, PLACE = "torch", 0
ENGINE = "etude.training.torch"
DOUBLE = "etude.models.torch.weights:double"
BUILDERS = {
    "memoryless": "etude.models.torch.memoryless:build",
    "rnn": "etude.models.torch.rnn:build",
    "tcn": "etude.models.torch.tcn:build",
    "attention": "etude.models.torch.attention:build",
    "wavenet": "etude.models.torch.wavenet:build",
    "guided-wavenet": "etude.models.torch.guided:build",
    "samplernn": "etude.models.torch.samplernn:build",
    "autoencoder": "etude.models.torch.autoencoder:AutoencoderNetwork",
    "vae": "etude.models.torch.vae:VAENetwork",
    "coconet": "etude.models.torch.coconet:build",
    "rbm": "etude.models.torch.rbm:build",
}


def lacks(family: str, options: dict) -> str | None:
    """Say why there is no network with these options: it has all of them."""
    return None


def versions() -> dict[str, str]:
    """Return the versions that the numbers of a fit depend on."""
    return {"torch": version("torch")}
