from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from rewardsmith.errors import StoreError
from rewardsmith.store.arrays import Layout, layouts, read_arrays, read_tensors


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

    def test_a_size_that_the_archive_lies_about_takes_no_more_than_it_says(self, out):
        npz(out / "a.npz", a=npy(np.zeros(2**25)))  # 256 MiB, packed into a thousandth of it
        data = bytearray((out / "a.npz").read_bytes())
        entry = data.rindex(b"PK\x01\x02")
        data[entry + 24 : entry + 28] = struct.pack("<I", 128)
        (out / "a.npz").write_bytes(data)
        tracemalloc.start()
        with pytest.raises(StoreError):
            read_arrays(out, "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 2**24
        tracemalloc.stop()

    def test_a_table_of_contents_is_not_read_where_it_is_endless(self, out):
        with zipfile.ZipFile(out / "a.npz", "w") as archive:
            for number in range(30_000):
                archive.writestr(f"{number}" + "x" * 40, b"")
        with pytest.raises(StoreError, match="more than 4096 arrays"):
            read_arrays(out, "a.npz")

    def test_a_name_that_stands_twice_is_refused(self, out):
        with zipfile.ZipFile(out / "a.npz", "w") as archive:
            archive.writestr("a.npy", npy(np.zeros(1)))
            archive.writestr("a", npy(np.zeros(1)))
        with pytest.raises(StoreError, match="stands there twice"):
            read_arrays(out, "a.npz")

    def test_a_wrong_checksum_is_refused(self, out):
        np.savez(out / "a.npz", a=np.arange(100.0))
        data = bytearray((out / "a.npz").read_bytes())
        data[400] ^= 1
        (out / "a.npz").write_bytes(data)
        with pytest.raises(StoreError, match="BadZipFile"):
            read_arrays(out, "a.npz")

    @pytest.mark.parametrize(
        ("arrays", "why"),
        [
            ({}, "'a' is missing"),
            ({"a": np.zeros(3), "b": np.zeros(1)}, "'b' does not belong there"),
            ({"a": np.zeros(4)}, r"'a' is float64 of shape \(4\), not float64 of shape \(3\)"),
            ({"a": np.zeros(3, dtype=np.float32)}, "'a' is float32"),
            ({"a": np.array([0, np.nan, 0])}, "not finite"),
        ],
    )
    def test_other_arrays_than_those_expected_are_refused(self, out, arrays, why):
        np.savez(out / "a.npz", **arrays)
        with pytest.raises(StoreError, match=why):
            read_arrays(out, "a.npz", expected={"a": Layout(np.dtype(np.float64), (3,))}, finite=True)

    def test_a_length_may_be_left_open(self, out):
        np.savez(out / "a.npz", a=np.zeros((7, 2)))
        expected = {"a": Layout(np.dtype(np.float64), (None, 2))}
        assert read_arrays(out, "a.npz", expected=expected)["a"].shape == (7, 2)

    @pytest.mark.parametrize("data", [b"", b"PK\x05\x06", b"\x93NUMPY", bytes(1000)])
    def test_rubbish_is_refused(self, out, data):
        (out / "a.npz").write_bytes(data)
        with pytest.raises(StoreError, match=r"a\.npz is no \.npz"):
            read_arrays(out, "a.npz")

    def test_records_and_texts_that_hold_objects_are_refused(self, out):
        npz(out / "a.npz", a=npy(np.zeros(2, dtype=[("x", float)])))
        with pytest.raises(StoreError):
            read_arrays(out, "a.npz")


class TestTensors:
    def test_come_back_as_they_were(self, out):
        tensors = {
            "a": np.arange(6, dtype=np.float32).reshape(2, 3),
            "number": np.array(3.5),
            "whole": np.array([1, 2]),
        }
        (out / "a.safetensors").write_bytes(safetensors.numpy.save(tensors))
        found = read_tensors(out, "a.safetensors", expected=layouts(tensors))
        assert found.keys() == tensors.keys()
        assert all(np.array_equal(found[name], tensors[name]) for name in tensors)

    @pytest.mark.parametrize(
        ("tensors", "why"),
        [
            ({"b": np.zeros(2)}, "'a' is missing"),
            ({"a": np.zeros(2), "b": np.zeros(2)}, "'b' does not belong"),
            ({"a": np.zeros(3)}, "'a' is float64"),
            ({"a": np.zeros(2, dtype=np.int64)}, "'a' is int64"),
            ({"a": np.array([np.inf, 0])}, "not finite"),
        ],
    )
    def test_others_than_those_expected_are_refused(self, out, tensors, why):
        (out / "a.safetensors").write_bytes(safetensors.numpy.save(tensors))
        with pytest.raises(StoreError, match=why):
            read_tensors(out, "a.safetensors", expected={"a": Layout(np.dtype(np.float64), (2,))})

    @pytest.mark.parametrize("data", [b"", b"\xff" * 8, struct.pack("<Q", 2**62) + b"{}", b"PK\x03\x04" + bytes(100)])
    def test_rubbish_is_refused(self, out, data):
        (out / "a.safetensors").write_bytes(data)
        with pytest.raises(StoreError, match=r"a\.safetensors is no safetensors file"):
            read_tensors(out, "a.safetensors")
