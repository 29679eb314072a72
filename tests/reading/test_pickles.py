"""Files that execute code when they are loaded: where weights and arrays are expected they are refused, and not run."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rewardsmith.errors import StoreError
from rewardsmith.export.policy import read_policy
from rewardsmith.store.arrays import read_arrays, read_tensors

from .conftest import Real
from .damage import Canary


def _pickle(evil: Canary) -> bytes:
    return pickle.dumps(evil)


def _torch(evil: Canary) -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save({"weights": evil}, stream)
    return stream.getvalue()


def _stable_baselines3(evil: Canary) -> bytes:
    """A zip such as `PPO.save` writes; `PPO.load` unpickles its data."""
    import base64

    stream = io.BytesIO()
    data = {"policy_class": {":type:": "<class 'x'>", ":serialized:": base64.b64encode(pickle.dumps(evil)).decode()}}
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data", json.dumps(data))
        archive.writestr("policy.pth", _torch(evil))
        archive.writestr("_stable_baselines3_version", "2.9.2")
    return stream.getvalue()


def _npy(evil: Canary) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([evil], dtype=object), allow_pickle=True)
    return stream.getvalue()


def _npz(evil: Canary) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.array([evil], dtype=object))
    return stream.getvalue()


KINDS = (_pickle, _torch, _stable_baselines3, _npy, _npz)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["policy.safetensors", "normalisation.npz", "policy.json"])
def test_is_refused_and_not_run(kind, name: str, real: Real, tmp_path: Path) -> None:
    (tmp_path / "executed").rmdir() if (tmp_path / "executed").exists() else None
    data = kind(Canary(tmp_path / "executed"))
    out = tmp_path / "out"
    out.mkdir()
    for each in ("policy.safetensors", "normalisation.npz", "policy.json"):
        (out / each).write_bytes((real.folder / "train" / "out" / each).read_bytes())
    read_policy(out)
    (out / name).write_bytes(data)
    for read in (read_policy, lambda o: read_arrays(o, name), lambda o: read_tensors(o, name)):
        with pytest.raises(StoreError, match=name):
            read(out)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("kind", [_pickle, _npy])
def test_the_canary_would_tell(kind, tmp_path: Path) -> None:
    data = kind(Canary(tmp_path / "executed"))
    np.load(io.BytesIO(data), allow_pickle=True) if kind is _npy else pickle.loads(data)
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "best.safetensors", "arrays.npz", "best.npz", "archive.npz"])
def test_a_checkpoint_is_not_run_either(name: str, real: Real, tmp_path: Path) -> None:
    import shutil

    from rewardsmith.worker import train

    earlier = tmp_path / "earlier"
    shutil.copytree(real.folder / "train" / "out", earlier)
    (earlier / "checkpoint" / "2" / name).write_bytes(_stable_baselines3(Canary(tmp_path / "executed")))
    (tmp_path / "out").mkdir()
    train.run(real.job, tmp_path / "out", earlier)
    assert not (tmp_path / "executed").exists()
