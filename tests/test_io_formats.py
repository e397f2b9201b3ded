"""What is written is what is read, in every format, on every grid, and as nibabel and SimpleITK see it."""

from __future__ import annotations

import gzip
import tracemalloc
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from osteon.anatomy import Task
from osteon.errors import TaskError
from osteon.io import is_image, read, read_labels, scans_in, write
from osteon.volume import LabelMap, Volume

LEG = Task.load("leg-bones")
SUFFIXES = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd")
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def affine(seed: int = 0, *, mirrored: bool = False) -> NDArray[np.float64]:
    """An oblique right-angled affine."""
    rng = np.random.default_rng(seed)
    result = np.eye(4)
    result[:3, :3] = Rotation.random(random_state=seed).as_matrix() @ np.diag(rng.uniform(0.3, 5, 3))
    result[:3, 3] = rng.uniform(-300, 300, 3)
    if mirrored:
        result[:3, 0] *= -1
    return result


def scan(dtype: str = "int16", seed: int = 0, *, mirrored: bool = False) -> Volume:
    array = np.random.default_rng(seed).uniform(0, 120, (5, 6, 7)).astype(dtype)
    return Volume(array, affine(seed, mirrored=mirrored))


def labels(like: Volume) -> LabelMap:
    array = np.zeros(like.shape, dtype=np.int64)
    array[1:3, 1:4, 2:6] = 12
    return LabelMap(array, like.affine, like.nifti_geometry, task=LEG)


def test_reading_nifti_takes_the_memory_of_one_volume(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 2000, (160, 160, 160), dtype=np.int16)
    for name, most in (("scan.nii", 1.1), ("scan.nii.gz", 1.5)):
        write(Volume(noise, np.eye(4)), tmp_path / name)
        read(tmp_path / name)  # imports
        tracemalloc.start()
        read(tmp_path / name)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < most * noise.nbytes


@pytest.mark.parametrize(("suffix", "dtype"), list(product(SUFFIXES, ("uint8", "int16", "uint16", "int32", "float32"))))
def test_what_is_written_is_read(tmp_path: Path, suffix: str, dtype: str) -> None:
    volume = scan(dtype)
    write(volume, tmp_path / f"scan{suffix}")
    back = read(tmp_path / f"scan{suffix}")
    assert back.array.dtype == np.dtype(dtype)
    assert back.array.flags.f_contiguous  # as in the file, without a copy
    assert back.array.flags.writeable
    assert back.affine.dtype == np.float64
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(back.affine, volume.affine, atol=2e-5 if "nii" in suffix else 1e-9)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([".nii", ".mha", ".nrrd"]))
def test_any_oblique_grid_survives_also_a_left_handed_one(
    tmp_path: Path, seed: int, mirrored: bool, suffix: str
) -> None:
    volume = scan(seed=seed, mirrored=mirrored)
    write(volume, tmp_path / f"scan{suffix}")
    back = read(tmp_path / f"scan{suffix}")
    assert back.grid.distance_mm(volume.grid) < 1e-3
    np.testing.assert_array_equal(back.array, volume.array)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_nibabel_sees_the_same(tmp_path: Path, suffix: str, mirrored: bool) -> None:
    volume = scan(mirrored=mirrored)
    write(volume, tmp_path / f"scan{suffix}")
    image = nibabel.load(tmp_path / f"scan{suffix}")
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), volume.array)
    np.testing.assert_allclose(image.affine, volume.affine, atol=1e-4)
    np.testing.assert_allclose(image.get_qform(), volume.affine, atol=1e-3)
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (1, 1)
    assert image.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_simpleitk_sees_the_same_in_lps(tmp_path: Path, suffix: str) -> None:
    volume = scan()
    write(volume, tmp_path / f"scan{suffix}")
    image = sitk.ReadImage(str(tmp_path / f"scan{suffix}"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, volume.array)
    for index in product((0, 4), (0, 5), (0, 6)):
        point = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(LPS[:3, :3] @ point, volume.world_mm(np.array([index]))[0], atol=1e-3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_simpleitk_writes_is_read_in_ras(tmp_path: Path, suffix: str) -> None:
    volume = scan()
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.array.T))
    lps = LPS @ volume.affine
    image.SetSpacing(volume.spacing_mm)
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / volume.spacing_mm).ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / f"scan{suffix}"))
    back = read(tmp_path / f"scan{suffix}")
    np.testing.assert_array_equal(back.array, volume.array)
    assert back.grid.distance_mm(volume.grid) < 1e-3


@pytest.mark.parametrize(
    ("codes", "kind"),
    [((1, 1), "Nifti1"), ((2, 0), "Nifti1"), ((0, 3), "Nifti1"), ((4, 2), "Nifti1"), ((1, 2), "Nifti2")],
)
def test_a_label_map_has_the_scans_bytes_of_geometry(tmp_path: Path, codes: tuple[int, int], kind: str) -> None:
    image = getattr(nibabel, f"{kind}Image")(scan().array, None)
    image.header.set_qform(affine(), code=codes[0])
    image.header.set_sform(affine(), code=codes[1])
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4:] = (2.5, 0, 0, 0)
    image.to_filename(tmp_path / "scan.nii")
    write(labels(read(tmp_path / "scan.nii")), tmp_path / "labels.nii")
    fields = ("pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y",
              "qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units")  # fmt: skip
    before, after = (nibabel.load(tmp_path / f"{name}.nii") for name in ("scan", "labels"))
    assert (int(after.header["qform_code"]), int(after.header["sform_code"])) == codes
    for name in fields:
        expected = before.header[name].astype(after.header[name].dtype)
        assert after.header[name].tobytes() == expected.tobytes(), name
    if kind == "Nifti1":
        raw_before, raw_after = ((tmp_path / f"{name}.nii").read_bytes() for name in ("scan", "labels"))
        assert raw_after[76:108] == raw_before[76:108]  # pixdim
        assert raw_after[252:328] == raw_before[252:328]  # codes, quaternion, offsets, sform rows
    assert after.get_data_dtype() == np.uint8


def test_geometry_fields_of_another_grid_are_not_written(tmp_path: Path) -> None:
    write(scan(), tmp_path / "scan.nii")
    kept = read(tmp_path / "scan.nii")
    moved = kept.affine.copy()
    moved[:3, 3] += 40
    write(Volume(kept.array, moved, kept.nifti_geometry), tmp_path / "moved.nii")
    np.testing.assert_allclose(read(tmp_path / "moved.nii").affine, moved, atol=1e-4)


@pytest.mark.parametrize(("value", "task", "dtype"), [(12, "leg-bones", "uint8"), (201, "lumbar-spine", "uint8")])
def test_label_maps_are_stored_in_the_smallest_type(tmp_path: Path, value: int, task: str, dtype: str) -> None:
    array = np.full((3, 4, 5), value, dtype=np.int64)
    write(LabelMap(array, np.eye(4), task=Task.load(task)), tmp_path / "labels.nii.gz")
    assert nibabel.load(tmp_path / "labels.nii.gz").get_data_dtype() == np.dtype(dtype)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(scan(), tmp_path / name / f"scan{suffix}")
    files = sorted((tmp_path / "a").iterdir())
    assert all(file.read_bytes() == (tmp_path / "b" / file.name).read_bytes() for file in files)
    assert {file.name for file in files} <= {f"scan{suffix}", "scan.zraw"}


def test_big_endian_nifti_is_read(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(scan().array, affine(), nibabel.Nifti1Header(endianness=">"))
    image.to_filename(tmp_path / "scan.nii")
    assert (tmp_path / "scan.nii").read_bytes()[:2] == b"\0\0"
    back = read(tmp_path / "scan.nii")
    np.testing.assert_array_equal(back.array, scan().array)
    assert back.array.dtype.isnative
    write(back, tmp_path / "again.nii")
    np.testing.assert_allclose(read(tmp_path / "again.nii").affine, back.affine, atol=1e-6)


def test_scaled_voxels_become_float32(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(scan().array, affine())
    image.header.set_slope_inter(0.5, -3)
    image.to_filename(tmp_path / "scan.nii")
    raw = bytearray((tmp_path / "scan.nii").read_bytes())
    stored = np.frombuffer(bytes(raw[352:]), dtype="<i2").reshape((5, 6, 7), order="F")
    back = read(tmp_path / "scan.nii")
    assert back.array.dtype == np.float32
    np.testing.assert_allclose(back.array, stored * 0.5 - 3)


def test_a_trailing_axis_of_length_one_is_dropped(tmp_path: Path) -> None:
    nibabel.Nifti1Image(scan().array[..., None], affine()).to_filename(tmp_path / "scan.nii.gz")
    assert read(tmp_path / "scan.nii.gz").shape == (5, 6, 7)


def test_a_nifti_without_codes_is_read_and_it_is_said(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(scan().array, None)
    image.header["pixdim"][1:4] = (1, 2, 3)
    image.to_filename(tmp_path / "scan.nii")
    with pytest.warns(UserWarning, match="does not say how it lies in the body"):
        back = read(tmp_path / "scan.nii")
    assert back.orientation == "LAS"
    assert back.spacing_mm == (1, 2, 3)


def test_a_nifti_that_gives_its_place_twice_in_two_ways_says_so(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(scan().array, np.eye(4))
    image.set_qform(np.diag([1, 1, 1, 1.0]), code=1)
    image.set_sform(np.diag([-1, 1, 1, 1.0]), code=1)
    image.to_filename(tmp_path / "scan.nii")
    with pytest.warns(UserWarning, match="sform and qform are .* mm apart"):
        assert read(tmp_path / "scan.nii").orientation == "LAS"


def test_an_nrrd_without_a_named_world_says_so(tmp_path: Path) -> None:
    header = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 3 3 3\nencoding: raw\n\n"
    (tmp_path / "scan.nrrd").write_bytes(header + bytes(27))
    with pytest.warns(UserWarning, match="does not name its world"):
        assert read(tmp_path / "scan.nrrd").orientation == "LPS"


def test_an_nrrd_in_ras_is_read_in_ras(tmp_path: Path) -> None:
    header = (
        b"NRRD0004\ntype: uchar\ndimension: 3\nspace: right-anterior-superior\nsizes: 3 3 3\nencoding: raw\n"
        b"space directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (5,6,7)\n\n"
    )
    (tmp_path / "scan.nrrd").write_bytes(header + bytes(27))
    np.testing.assert_allclose(
        read(tmp_path / "scan.nrrd").affine, [[1, 0, 0, 5], [0, 2, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]]
    )


@pytest.mark.parametrize(
    ("suffix", "name"), [(".nii", "scan"), (".nii.gz", "1.2.840.7"), (".mha", "a b"), (".nrrd", "ä")]
)
def test_a_file_without_a_telling_suffix_is_known_by_its_content(tmp_path: Path, suffix: str, name: str) -> None:
    write(scan(), tmp_path / f"scan{suffix}")
    (tmp_path / f"scan{suffix}").rename(tmp_path / name)
    assert is_image(tmp_path / name)
    if suffix.startswith(".nii"):
        np.testing.assert_array_equal(read(tmp_path / name).array, scan().array)


def test_a_gzip_that_hides_behind_nii_is_read(tmp_path: Path) -> None:
    write(scan(), tmp_path / "scan.nii.gz")
    (tmp_path / "scan.nii.gz").rename(tmp_path / "scan.nii")
    np.testing.assert_array_equal(read(tmp_path / "scan.nii").array, scan().array)


def test_read_labels_maps_the_files_values_to_the_tasks(tmp_path: Path) -> None:
    array = np.zeros((4, 4, 4), dtype=np.float32)
    array[1], array[2] = 205, 500
    write(Volume(array, affine()), tmp_path / "labels.nii.gz")
    result = read_labels(tmp_path / "labels.nii.gz", LEG, {205: 2, 500: 0})
    assert result.values() == [2]
    assert result.array.dtype == np.uint8
    np.testing.assert_array_equal(result.array == 2, array == 205)


def test_read_labels_refuses_a_mapping_to_nowhere(tmp_path: Path) -> None:
    write(scan("uint8"), tmp_path / "labels.nii")
    with pytest.raises(TaskError, match=r"mapping leads to \[99\]"):
        read_labels(tmp_path / "labels.nii", LEG, {1: 99})


def test_scans_in_names_what_a_folder_holds(tmp_path: Path) -> None:
    write(scan(), tmp_path / "b.nii.gz")
    write(scan(), tmp_path / "a.x.mhd")
    (tmp_path / "notes.txt").write_text("not a scan")
    (tmp_path / ".hidden.nii").write_bytes(b"x")
    assert scans_in(tmp_path) == [("a.x", tmp_path / "a.x.mhd"), ("b", tmp_path / "b.nii.gz")]
    assert scans_in(tmp_path / "b.nii.gz") == [("b", tmp_path / "b.nii.gz")]


def test_an_older_file_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(scan(), tmp_path / "scan.nii.gz")
    before = (tmp_path / "scan.nii.gz").read_bytes()

    def full(self: gzip.GzipFile, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gzip.GzipFile, "write", full)
    with pytest.raises(Exception, match="No space left on device"):
        write(scan(seed=4), tmp_path / "scan.nii.gz")
    assert [f.name for f in tmp_path.iterdir()] == ["scan.nii.gz"]
    assert (tmp_path / "scan.nii.gz").read_bytes() == before
    assert gzip.decompress(before)[344:348] == b"n+1\0"
