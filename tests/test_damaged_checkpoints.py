"""Checkpoints: no flipped bit is believed, and every damage is refused in words."""

from pathlib import Path

import numpy as np
import pytest

from etude.errors import CorruptCheckpoint

checkpoints = pytest.importorskip("etude.training.torch.checkpoints", reason="checkpoints carry no digest yet")
HOSTILE = Path(__file__).parents[2] / "shared" / "wild" / "hostile" / "flipped.ckpt"


@pytest.fixture
def checkpoint(tmp_path):
    import torch

    held = {
        "state_dict": {"weight": torch.linspace(0, 1, 60).reshape(6, 10), "bias": torch.zeros(10)},
        "callbacks": {"Recording": {"digest": "abc", "rows": [{"step": 1, "valid": 1.5}]}},
        "global_step": 7,
    }
    checkpoints.WholeFiles().save_checkpoint(held, tmp_path / "abc.ckpt")
    return tmp_path / "abc.ckpt", checkpoints.contents_digest(held)


def test_no_flipped_bit_of_a_checkpoint_is_believed(checkpoint):
    path, right = checkpoint
    whole = path.read_bytes()
    assert checkpoints.contents_digest(checkpoints.read_checkpoint(path)) == right
    for bit in np.random.default_rng(0).integers(8 * len(whole), size=150).tolist():
        turned = bytearray(whole)
        turned[bit // 8] ^= 1 << bit % 8
        path.write_bytes(turned)
        try:
            assert checkpoints.contents_digest(checkpoints.read_checkpoint(path)) == right, f"bit {bit}"
        except CorruptCheckpoint as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("damage", [b"", b"x", None, "cut", "hostile"])
def test_every_damage_is_set_aside(checkpoint, damage):
    path, _ = checkpoint
    whole = path.read_bytes()
    if damage == "hostile" and not HOSTILE.is_file():
        pytest.skip("the hostile files are not part of the checkout")
    broken = {"cut": whole[: len(whole) // 2], None: whole[::-1]}
    path.write_bytes(HOSTILE.read_bytes() if damage == "hostile" else broken.get(damage, damage))
    assert checkpoints.last_state(path) is None
    assert [file.name for file in path.parent.iterdir()] == ["abc.damaged"]


def test_a_kept_fit_whose_weights_have_other_names_is_refused_with_the_remedy(tmp_path):
    import etude
    from etude import Budget, Space

    def fitted():
        model, pieces = etude.model("memoryless", Space((), 5)), [np.arange(20) % 5]
        return model.fit(pieces, pieces, Budget(2, 1, 8, 0.01, 2), 0, checkpoint=tmp_path)

    fitted()
    (path,) = tmp_path.rglob("*.ckpt")
    held = checkpoints.read_checkpoint(path)
    best = held["callbacks"]["Recording"]["best"]
    held["callbacks"]["Recording"]["best"] = {f"other_{name}": weight for name, weight in best.items()}
    checkpoints.WholeFiles().save_checkpoint(held, path)
    with pytest.raises(CorruptCheckpoint, match=r"weights of this network.*--refit"):
        fitted()
