"""The gallery: an example that nothing was tuned on, panels that name their errors, tables that say what is so."""

import numpy as np
import pytest

from astrounet_core import gallery, peers, tuning
from astrounet_core.experiments import PEER_EXPERIMENTS, SCHEDULES
from astrounet_core.field_table import fields
from astrounet_core.metrics import noise_normalised_mse
from astrounet_core.peers import PEERS


@pytest.fixture(scope="module")
def sample():
    return gallery.example()


def test_nothing_was_tuned_on_the_example():
    assert max(tuning.FIELDS, *(SCHEDULES[name].validation_fields for name in ("short", "retrain"))) <= gallery.FIELD
    assert len(fields("validation")) > gallery.FIELD


def test_the_example_is_noise_around_the_truth(sample):
    assert sample.noisy.shape == sample.truth.shape == sample.variance.shape == (128, 128)
    assert noise_normalised_mse(sample.noisy, sample.truth, sample.variance) == pytest.approx(1, abs=0.05)
    assert np.array_equal(gallery.example().noisy, sample.noisy)
    assert not np.array_equal(gallery.example(1).noisy, sample.noisy)


def test_panels_are_named_with_the_error_of_what_they_show(sample):
    doubled = {"Twice the error": lambda image, *rest: 2 * image - sample.truth}
    images = gallery.outputs(doubled, sample)
    found = gallery.errors(images, sample)
    assert list(found) == ["Noise-free scene", "Input", "Twice the error"]
    assert found["Noise-free scene"] == 0 and found["Twice the error"] == pytest.approx(4 * found["Input"], rel=1e-3)
    pictures, differences = gallery.gallery(images, sample), gallery.residuals(images, sample)
    titles = [[ax.get_title() for ax in fig.axes if ax.images] for fig in (pictures, differences)]
    assert titles[0][0] == "Noise-free scene" and titles[0][1:] == titles[1]
    assert titles[1] == [f"Input\n{found['Input']:.2f}", f"Twice the error\n{found['Twice the error']:.2f}"]
    limits = {ax.images[0].get_clim() for ax in differences.axes if ax.images}
    assert limits == {(-3.0, 3.0)} and len({ax.images[0].get_clim() for ax in pictures.axes if ax.images}) == 1


def test_every_peer_that_can_run_is_shown(monkeypatch):
    monkeypatch.setattr(gallery, "obstacle", lambda name: "" if name in ("starlet", "wiener") else "no.")
    assert list(gallery.methods()) == [PEERS["wiener"].title, PEERS["starlet"].title, "Modern (this book)"]


def test_rows_say_what_was_chosen_and_where_that_is_an_edge():
    rows = {row["title"]: row for row in gallery.tuned_rows()}
    assert list(rows) == [PEERS[name].title for name in peers.tuned()]
    assert rows["Gaussian filter"]["chosen"] == "0.2 (at the edge)"
    assert rows["Wavelets (BayesShrink)"]["parameter"] == "wavelet"
    assert rows["Anscombe + starlet"]["tried"] == "2, 2.5, 3, 3.5, 4, 5"


def test_a_row_for_every_network(monkeypatch, tmp_path):
    (tmp_path / "fcn.safetensors").write_bytes(b"0" * 2000)
    monkeypatch.setattr(gallery, "WEIGHTS_DIR", tmp_path)
    monkeypatch.setattr(gallery, "parameters", lambda name: None)
    rows = {row["title"]: row for row in gallery.learned_rows("smoke")}
    assert list(rows) == [experiment.title for experiment in PEER_EXPERIMENTS.values()]
    assert rows["Noise2Noise"]["target"] == "a second exposure" and "updates" not in rows["Noise2Noise"]
    assert rows["Plain fully convolutional network"]["size"] == 2.0


def test_what_is_missing_comes_with_its_command(monkeypatch):
    monkeypatch.setattr(gallery, "obstacle", lambda name: {"bm3d": "Install it.", "sure": "No."}.get(name, ""))
    assert gallery.not_run() == (
        "Install it. No weights: Stein's unbiased risk estimate. To obtain: `astrounet train sure --profile retrain`, "
        "then `astrounet publish`."
    )
    monkeypatch.setattr(gallery, "obstacle", lambda name: "")
    assert gallery.not_run() == ""
