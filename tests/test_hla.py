"""The paper's archive files as training fields: which files, which tiles, and that no noise is added to make them."""

import numpy as np
import pytest
import torch
from astropy.io import fits

from astrounet_core import hla, manifest, runs
from astrounet_core.experiments import EXPERIMENTS, PRESETS
from astrounet_core.manifest import DataUnavailable
from astrounet_core.provenance import read_json

ROWS = [
    ("training", "hst_1_01_wfc3_uvis_f606w", "training"),
    ("test", "hst_1_01_wfc3_uvis_f606w", "training"),
    ("test", "hst_2_01_wfc3_uvis_f555w", "training"),
    ("training", "hst_3_01_wfc3_uvis_f606w", "validation"),
]
TIME = 1400.0


def mosaic(seed: int, shape=(1200, 1100)) -> np.ndarray:
    """A noisy sky with no data in the first 100 columns."""
    image = np.random.default_rng(seed).normal(0, 0.005, shape).astype(np.float32)
    image[:, :100] = 0.0
    return image


def write(folder, dataset: str, image: np.ndarray, **cards) -> None:
    cards = {"EXPTIME": TIME, "FILTER": dataset[-5:].upper()} | cards
    science = fits.ImageHDU(image, fits.Header({"BUNIT": "ELECTRONS/S"}), name="SCI")
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(cards)), science]).writeto(folder / f"{dataset}_drz.fits")


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Three files on this machine, in four rows of the list; a place of our own for what is built of them."""
    folder = tmp_path / "data"
    folder.mkdir()
    for seed, dataset in enumerate(sorted({row[1] for row in ROWS})):
        write(folder, dataset, mosaic(seed))
    monkeypatch.setenv("ASTROUNET_DATA_DIR", str(folder))
    monkeypatch.setenv("ASTROUNET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(hla, "BUILD_DIR", tmp_path / "build")
    names = ("split", "dataset", "leak_free_split")
    monkeypatch.setattr(hla, "hla_files", lambda: [dict(zip(names, row, strict=True)) for row in ROWS])
    return folder


def test_a_file_is_taken_once_and_by_the_leak_free_split(archive):
    names = {split: [path.name[:8] for path in hla.files(split)] for split in ("training", "validation")}
    assert names == {"training": ["hst_1_01", "hst_2_01"], "validation": ["hst_3_01"]}
    assert [path.name[:8] for path in hla.files("training", 1)] == ["hst_1_01"]


def test_the_real_list_divides_149_files():
    rows = manifest.hla_files()
    splits = {split: {r["dataset"] for r in rows if r["leak_free_split"] == split} for split in ("training", "test")}
    assert not splits["training"] & splits["test"] and len({r["dataset"] for r in rows}) == 149


def test_tiles_are_whole_and_do_not_overlap(archive):
    fields = hla.hla_field_set("training", 1)
    image = fits.getdata(archive / "hst_1_01_wfc3_uvis_f606w_drz.fits", "SCI").astype(np.float32)
    assert np.array_equal(fields.scenes.numpy(), [image[:512, 512:1024], image[512:1024, 512:1024]])
    assert fields.exposure_time.tolist() == [TIME, TIME] and fields.band.tolist() == [1, 1] and fields.real


def test_lone_holes_become_zero(archive):
    path = archive / "hst_1_01_wfc3_uvis_f606w_drz.fits"
    image = mosaic(0)
    image[5, 600] = np.nan
    path.unlink()
    write(archive, path.name.removesuffix("_drz.fits"), image)
    scenes = hla.hla_field_set("training", 1).scenes
    assert len(scenes) == 2 and scenes[0, 5, 88] == 0 and torch.isfinite(scenes).all()


def test_tiles_are_read_once_and_kept(archive, monkeypatch):
    first = hla.hla_field_set("training")
    monkeypatch.setattr(hla, "_tiles", lambda path: pytest.fail("read again"))
    again = hla.hla_field_set("training")
    assert torch.equal(first.scenes, again.scenes) and len(again.scenes) == 4 and again.band.tolist() == [1, 1, 0, 0]


def test_at_most_four_tiles_of_a_file_from_all_over_it(archive, monkeypatch):
    monkeypatch.setattr(hla, "TILE", 200)
    fields = hla.hla_field_set("training", 1)
    image = fits.getdata(archive / "hst_1_01_wfc3_uvis_f606w_drz.fits", "SCI").astype(np.float32)
    corners = [np.argwhere(image == tile[0, 0].item())[0].tolist() for tile in fields.scenes]
    assert corners == [[0, 200], [200, 600], [600, 200], [800, 600]]


def test_real_exposures_are_the_target_as_they_are(archive):
    fields = hla.hla_field_set("training", 1)
    batch = fields.maker(EXPERIMENTS["network1"], PRESETS["code"], 2, 64, seed=0).whole(2.0)
    assert torch.equal(batch.target[:, 0], fields.scenes)
    assert batch.exposure_time.tolist() == [TIME / 2, TIME / 2]
    excess = (batch.noisy[:, 0] - fields.scenes)[fields.scenes > 0].std().item()
    assert excess == pytest.approx((2 * 0.004 / TIME + (3 * 2 / TIME) ** 2) ** 0.5, rel=0.1)


@pytest.mark.parametrize("preset", ["physical", "modern"])
def test_presets_that_want_a_noise_free_scene_refuse(archive, preset):
    with pytest.raises(ValueError, match="without a noise-free scene; choose preset paper or code"):
        hla.hla_field_set("training", 1).maker(EXPERIMENTS["network1"], PRESETS[preset], 2, 64, seed=0)


def test_missing_files_say_where_to_get_them(archive):
    (archive / "hst_2_01_wfc3_uvis_f555w_drz.fits").unlink()
    complaint = r"1 of 2 training files .*dataset=hst_2_01_wfc3_uvis_f555w_drz\.fits.* folder in ASTROUNET_DATA_DIR"
    with pytest.raises(DataUnavailable, match=complaint):
        hla.hla_field_set("training")


@pytest.mark.parametrize(
    ("image", "cards", "complaint"),
    [
        (mosaic(0, (300, 300)), {}, "has no 512 x 512 pixels full of data"),
        (mosaic(0), {"FILTER": "F814W"}, "was taken through F814W, not F555W or F606W"),
    ],
)
def test_files_that_are_no_such_mosaic(archive, image, cards, complaint):
    (archive / "hst_3_01_wfc3_uvis_f606w_drz.fits").unlink()
    write(archive, "hst_3_01_wfc3_uvis_f606w", image, **cards)
    with pytest.raises(ValueError, match=complaint):
        hla.hla_field_set("validation")


def test_an_experiment_trains_on_them(archive, tmp_path):
    place = runs.train("network1", "smoke", data="hla", out=tmp_path / "out", progress=False)
    assert place == tmp_path / "out" / "smoke" / "network1-on-hla" / "seed0"
    run = read_json(place / "run.json")
    assert run["data"] == "hla" and len(run["data_sha256"]) == 64
