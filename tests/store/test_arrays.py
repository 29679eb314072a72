from __future__ import annotations

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rewardsmith.errors import StoreError
from rewardsmith.store.arrays import read_arrays


def npz(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


class TestArrays:
    def test_come_back_as_they_were(self, out):
        arrays = {
            "a": np.arange(6.0).reshape(2, 3),
            "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
            "flags": np.array([True, False]),
            "whole": np.array([1, 2], dtype=np.int64),
            "number": np.array(3.5),
            "none": np.zeros((0, 3)),
            "__starts__": np.array([True]),
        }
        for save in (np.savez, np.savez_compressed):
            save(out / "a.npz", **arrays)
            found = read_arrays(out, "a.npz")
            assert set(found) == set(arrays)
            for name, array in arrays.items():
                assert found[name].dtype == array.dtype
                assert found[name].shape == array.shape
                assert np.array_equal(found[name], array)
                assert found[name].flags.writeable

    def test_a_pickle_is_not_run(self, out, tmp_path):
        class Evil:
            def __reduce__(self):
                return (os.mkdir, (str(tmp_path / "executed"),))

        np.savez(out / "a.npz", a=np.array([Evil()], dtype=object))
        with pytest.raises(StoreError, match=r"a\.npz"):
            read_arrays(out, "a.npz")
        assert not (tmp_path / "executed").exists()

    def test_a_bomb_is_not_unpacked(self, out):
        npz(out / "a.npz", a=bytes(64 * 2**20))
        assert (out / "a.npz").stat().st_size < 2**20
        with pytest.raises(StoreError, match="unpacks to more than"):
            read_arrays(out, "a.npz", limit=2**20)

    def test_a_header_that_claims_more_than_there_is_takes_no_memory(self, out):
        data = npy(np.zeros(4)).replace(b"'shape': (4,), ", b"'shape': (2**60,)"[:15].ljust(15))
        honest = npy(np.zeros(4))
        lie = honest.replace(b"(4,), }         ", b"(99999999999,), ")
        assert lie != honest
        for bad in (data, lie, honest[:-1], honest + b"x"):
            npz(out / "a.npz", a=bad)
            with pytest.raises(StoreError, match=r"a\.npz is no \.npz"):
                read_arrays(out, "a.npz")

    def test_a_size_that_the_archive_lies_about_is_caught(self, out):
        npz(out / "a.npz", a=bytes(2**20))
        data = bytearray((out / "a.npz").read_bytes())
        entry = data.rindex(b"PK\x01\x02")
        data[entry + 24 : entry + 28] = struct.pack("<I", 10)  # the unpacked size in the central directory
        (out / "a.npz").write_bytes(data)
        with pytest.raises(StoreError):
            read_arrays(out, "a.npz", limit=2**20)

    @pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"\x93NUMPY", bytes(1000)])
    def test_rubbish_is_refused(self, out, data):
        (out / "a.npz").write_bytes(data)
        with pytest.raises(StoreError, match=r"a\.npz is no \.npz"):
            read_arrays(out, "a.npz")

    def test_records_and_texts_that_hold_objects_are_refused(self, out):
        npz(out / "a.npz", a=npy(np.zeros(2, dtype=[("x", float)])))
        with pytest.raises(StoreError):
            read_arrays(out, "a.npz")
