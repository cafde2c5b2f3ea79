"""Training on pairs of FITS files: what a folder must hold, what batches of it are, and that a network learns by it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from astropy.io import fits

from astrounet_core import noise, recorded, runs
from astrounet_core.checkpoints import read_history
from astrounet_core.experiments import EXPERIMENTS, PRESETS
from astrounet_core.field_table import fields
from astrounet_core.provenance import read_json, sha256
from astrounet_core.recorded import pair_files, pairs_hash, read_pairs
from astrounet_core.scenes import render
from astrounet_core.settings import NetworkSettings
from astrounet_core.unet import Denoiser, sky_statistics
from astrounet_core.weights import load_weights, save_weights

SIZE, SHORT, LONG = 128, 300.0, 1200.0
MODERN = EXPERIMENTS["modern"], PRESETS["modern"]


@pytest.fixture(scope="module")
def truth() -> list[torch.Tensor]:
    return [render(replace(field, size=SIZE)).image for field in fields("training")[:3]]


def exposure(scene, time: float, seed: int) -> np.ndarray:
    return noise.physical(scene, time, 1.0, generator=torch.Generator().manual_seed(seed)).numpy()


def write(path, image, time=SHORT, **cards) -> None:
    header = fits.Header({"EXPTIME": time, "BUNIT": "ELECTRONS/S", "FILTER": "F606W"} | cards)
    fits.PrimaryHDU(np.asarray(image, dtype=np.float32), header).writeto(path, overwrite=True)


@pytest.fixture
def short_long(tmp_path, truth):
    """Three fields, each with a short and a long exposure; the long one in electrons."""
    folder = tmp_path / "pairs"
    folder.mkdir()
    for i, scene in enumerate(truth):
        write(folder / f"f{i}_short.fits", exposure(scene, SHORT, i))
        write(folder / f"f{i}_long.fits", LONG * exposure(scene, LONG, 10 + i), LONG, BUNIT="ELECTRONS")
    return folder


@pytest.fixture
def repeats(tmp_path, truth):
    """One field exposed twice."""
    folder = tmp_path / "repeats"
    folder.mkdir()
    for seed, role in enumerate("ab"):
        write(folder / f"m51_{role}.fits", exposure(truth[0], SHORT, seed))
    return folder


def test_short_and_long_are_input_and_target(short_long):
    training, validation = read_pairs(short_long)
    assert len(training.noisy) == 2 and len(validation.noisy) == 1
    assert training.exposure_time.tolist() == [SHORT, SHORT] and training.exposure_ratio.tolist() == [4.0, 4.0]
    short, long = (fits.getdata(short_long / f"f2_{role}.fits").astype(np.float32) for role in ("short", "long"))
    assert np.array_equal(validation.noisy[0].numpy(), short)
    assert np.std(validation.target[0].numpy() - long / LONG) < 1e-4


def test_repeats_are_each_others_target(repeats):
    training, _ = read_pairs(repeats)
    for this, other in ((0, 1), (1, 0)):
        shift = training.target[other] - training.noisy[this]
        assert torch.allclose(shift, shift[0, 0], rtol=0, atol=1e-4)
    assert training.exposure_ratio.isnan().all()
    assert set(training.maker(*MODERN, 64, 64, seed=0)(0).exposure_ratio.tolist()) == {2.0, 3.0, 4.0, 5.0}


def test_a_strip_of_a_single_field_is_never_trained_on(repeats):
    training, validation = read_pairs(repeats)
    whole = torch.from_numpy(fits.getdata(repeats / "m51_a.fits").astype(np.float32))
    assert torch.equal(training.noisy[0], whole[:96]) and torch.equal(validation.noisy[0], whole[96:])


def test_the_target_takes_the_inputs_sky(short_long):
    path = short_long / "f2_long.fits"
    write(path, fits.getdata(path) + 7.0 * LONG, LONG, BUNIT="ELECTRONS")
    _, validation = read_pairs(short_long)
    levels = [sky_statistics(image[:, None])[0, 0].item() for image in (validation.noisy, validation.target)]
    assert levels[0] == pytest.approx(levels[1], abs=1e-3)


def test_batches_depend_on_seed_and_update_alone(short_long):
    training, _ = read_pairs(short_long)
    one, two = (training.maker(*MODERN, 4, 64, seed=3) for _ in range(2))
    two(0), two(1)
    assert torch.equal(one(5).noisy, two(5).noisy) and torch.equal(one(5).target, two(5).target)
    assert not torch.equal(one(5).noisy, one(6).noisy)
    assert not torch.equal(one(5).noisy, training.maker(*MODERN, 4, 64, seed=4)(5).noisy)


def test_crops_of_input_and_target_show_the_same_pixels(short_long):
    training, _ = read_pairs(short_long)
    ramp = torch.arange(float(SIZE * SIZE)).view(SIZE, SIZE).expand(2, -1, -1)
    maker = replace(training, noisy=ramp, target=ramp + 0.0).maker(*MODERN, 64, 32, seed=0)
    batch = maker(0)
    assert torch.equal(batch.noisy, batch.target)
    steps = {tuple(crop[0, 1, 1].item() - crop[0, i, j].item() for i, j in ((1, 0), (0, 1))) for crop in batch.noisy}
    assert steps == {(1, SIZE), (-1, SIZE), (1, -SIZE), (-1, -SIZE)}


def test_pixels_without_data_count_nothing(short_long):
    path = short_long / "f0_short.fits"
    image = fits.getdata(path).astype(np.float32)
    image[:, :40] = np.nan
    write(path, image)
    batch = read_pairs(short_long)[0].maker(*MODERN, 2, 64, seed=0).whole(2.0)
    assert all(torch.isfinite(image).all() for image in (batch.noisy, batch.target, batch.sigma))
    assert torch.equal(batch.valid[0, 0].sum(1), torch.full((SIZE,), SIZE - 40)) and batch.valid[1].all()
    output = torch.zeros_like(batch.noisy, requires_grad=True)
    (batch.masked(output) - batch.target).abs().sum().backward()
    assert (output.grad[~batch.valid] == 0).all() and (output.grad[batch.valid] != 0).any()


def test_fields_of_different_sizes_stack(short_long, truth):
    for role, time in (("short", SHORT), ("long", LONG)):
        write(short_long / f"f0_{role}.fits", exposure(truth[0], time, 3)[:100, :70], time)
    training, _ = read_pairs(short_long)
    assert training.size.tolist() == [[100, 70], [128, 128]]
    maker = training.maker(*MODERN, 32, 64, seed=0)
    assert all(maker(update).valid.all() for update in range(4))


def test_a_batch_says_its_noise(short_long):
    scene = torch.zeros(SIZE, SIZE)
    scene[:, 64:] = 1.0
    write(short_long / "f2_short.fits", exposure(scene, SHORT, 5))
    batch = read_pairs(short_long)[1].maker(*MODERN, 2, 64, seed=0).whole(2.0)
    for half in (slice(2, 62), slice(66, 126)):
        sigma = noise.noise_variance(scene[:, half], SHORT).sqrt().mean().item()
        assert batch.sigma[0, 0, :, half].mean().item() == pytest.approx(sigma, rel=0.08)


def spoil(folder, case: str, truth) -> None:
    a, b = folder / "m51_a.fits", folder / "m51_b.fits"
    match case:
        case "partner":
            b.unlink()
        case "empty":
            a.unlink(), b.unlink()
        case "shape":
            write(b, exposure(truth[0], SHORT, 1)[:, :100])
        case "same":
            b.write_bytes(a.read_bytes())
        case "time":
            write(b, exposure(truth[0], SHORT, 1), EXPTIME=0.0)
        case "order":
            a.rename(folder / "m51_short.fits"), write(folder / "m51_long.fits", exposure(truth[0], SHORT, 1), 30.0)
            b.unlink()
        case "blank":
            write(b, np.full((SIZE, SIZE), np.nan))
        case "small":
            write(a, np.zeros((8, 8))), write(b, np.ones((8, 8)))
        case "strip":
            image = exposure(truth[0], SHORT, 1)
            image[90:] = np.nan
            write(b, image)


@pytest.mark.parametrize(
    ("case", "complaint"),
    [
        ("partner", "field m51 of .* has a; a field is NAME_short.fits and NAME_long.fits, or"),
        ("empty", "holds no pair; name its files"),
        ("shape", "m51_a has 128 x 128 pixels, m51_b has 128 x 100; register them"),
        ("same", "m51_a and m51_b are the same image; give two exposures"),
        ("time", "m51_b.fits has an exposure time of 0.0 s; write the true one into the header"),
        ("order", "the long exposure of m51 took 30 s, the short one 300 s; exchange the two"),
        ("blank", "the images of m51 have no pixel with data in both"),
        ("small", "the images of m51 have 8 x 8 pixels; at least 16"),
        ("strip", "kept for validation, or all others, have no data; add a field"),
    ],
)
def test_folders_that_cannot_be_trained_on(repeats, truth, case, complaint):
    spoil(repeats, case, truth)
    with pytest.raises(ValueError, match=complaint):
        read_pairs(repeats)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        pair_files(tmp_path / "nowhere")


def test_what_recordings_cannot_train(repeats):
    training, _ = read_pairs(repeats)
    with pytest.raises(ValueError, match="crops of 128 pixels do not fit an image of 96"):
        training.maker(*MODERN, 2, 128, seed=0)
    with pytest.raises(ValueError, match="a map of the truth cannot be made"):
        training.maker(EXPERIMENTS["exp07_oracle"], PRESETS["code"], 2, 64, seed=0)
    with pytest.raises(ValueError, match="knows the filters F555W and F606W only"):
        replace(training, band=training.band - 2).maker(EXPERIMENTS["exp05"], PRESETS["code"], 2, 64, seed=0)


def test_the_hash_is_of_names_and_contents(repeats):
    before = pairs_hash(repeats)
    (repeats / "notes.txt").write_text("not read")
    assert pairs_hash(repeats) == before
    write(repeats / "m51_b.fits", np.zeros((SIZE, SIZE)))
    assert pairs_hash(repeats) != before


@pytest.fixture
def start(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "start.safetensors"
    save_weights(Denoiser(NetworkSettings(width=4, output="noise_units")), path, {})
    return path


def error_to_truth(weights, folder, scene) -> float:
    """Root mean square error against the noise-free scene, in units of the input's."""
    image = torch.from_numpy(fits.getdata(folder / "f2_short.fits").astype(np.float32))
    network, _ = load_weights(weights)
    with torch.no_grad():
        output = network(image[None, None], torch.tensor([SHORT]), torch.tensor([4.0]))[0, 0]
    return ((output - scene).square().mean() / (image - scene).square().mean()).sqrt().item()


def fine_tune(folder, start, out, **options):
    return runs.train("modern", "smoke", start=str(start), data=str(folder), out=out, progress=False, **options)


def test_training_on_pairs_lowers_the_error_to_truth(short_long, start, tmp_path, truth):
    place = runs.train(
        "modern", "smoke", data=str(short_long), out=tmp_path / "out", updates=20, batch=8, progress=False
    )
    before, after = (error_to_truth(path, short_long, truth[2]) for path in (start, place / "weights.safetensors"))
    assert place.parent.name == "modern-on-pairs"
    assert before**2 - 1 > 0.15 and after**2 - 1 < 0.3 * (before**2 - 1)


def test_fine_tuning_on_pairs_lowers_it_gently(short_long, start, tmp_path, truth):
    place = fine_tune(short_long, start, tmp_path / "out", updates=60, batch=8)
    assert place == tmp_path / "out" / "smoke" / "modern-from-start-on-pairs" / "seed0"
    before, after = (error_to_truth(path, short_long, truth[2]) for path in (start, place / "weights.safetensors"))
    assert after**2 - 1 < 0.75 * (before**2 - 1)
    run = read_json(place / "run.json")
    assert (run["data"], run["data_sha256"]) == ("pairs pairs", pairs_hash(short_long))
    assert (run["start_from"], run["start_from_sha256"]) == ("start.safetensors", sha256(start))
    assert (run["batch"], run["width"], run["features"]) == (8, 4, "scenes")


def test_resuming_equals_going_through(short_long, start, tmp_path, monkeypatch):
    whole = fine_tune(short_long, start, tmp_path / "whole", updates=4)
    monkeypatch.setattr("astrounet_core.training.CHECKPOINT_SECONDS", 0.0)
    stop = {"at": 2}

    class Stopped(Exception):
        pass

    monkeypatch.setattr(recorded.RecordedPairs, "__call__", _stopping(recorded.RecordedPairs.__call__, stop, Stopped))
    with pytest.raises(Stopped):
        fine_tune(short_long, start, tmp_path / "halves", updates=4)
    stop["at"] = None
    halves = fine_tune(short_long, start, tmp_path / "halves", updates=4, resume=True)
    one, two = (load_weights(place / "weights.safetensors")[0].state_dict() for place in (whole, halves))
    assert all(torch.equal(one[name], two[name]) for name in one)
    one, two = ([row["loss"] for row in read_history(place / "history.csv")] for place in (whole, halves))
    assert one == two


def _stopping(call, stop, error):
    def replaced(self, update):
        if update == stop["at"]:
            raise error
        return call(self, update)

    return replaced


def test_a_checkpoint_of_other_pairs_is_refused(short_long, start, tmp_path):
    place = fine_tune(short_long, start, tmp_path / "out", updates=2)
    assert fine_tune(short_long, start, tmp_path / "out", updates=2, resume=True) == place
    write(short_long / "f0_short.fits", np.ones((SIZE, SIZE)))
    with pytest.raises(ValueError, match="belongs to another run"):
        fine_tune(short_long, start, tmp_path / "out", updates=2, resume=True)
