"""The training loop: it learns, it resumes bit for bit, and it fails with a sentence."""

import csv
import os
import signal
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tiny import TINY, field_set, full_disk, trainer

from astrounet_core import checkpoints, experiments
from astrounet_core.checkpoints import HISTORY_COLUMNS, read_history
from astrounet_core.experiments import EXPERIMENTS, KNOWN, PRESETS, SCHEDULES, VARIANTS, learning_rate, updates_of
from astrounet_core.pairs import PairMaker, cut
from astrounet_core.training import Recipe, Trainer, finished, recipe
from astrounet_core.weights import load_weights


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(SCHEDULES, "tiny", TINY)


SINGLY = ("misaligned_c", "modern_large_crops", "can", "galaxygan")
"""Needs another network first; need fields larger than those here (of peers, see test_peer_networks)."""


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in SINGLY])
def test_every_experiment_trains_and_its_weights_reload(tiny, tmp_path, name):
    run = trainer(tmp_path / "run", name)
    run.run()
    network, metadata = load_weights(tmp_path / "run" / "weights.safetensors")
    assert metadata["experiment"] == name and int(metadata["updates"]) <= 6
    stored = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(torch.equal(value, stored[key].float()) for key, value in network.state_dict().items())
    assert network.settings == run.plan.settings


def test_variants_change_what_they_say_and_nothing_else():
    for name, variant in VARIANTS.items():
        preset, schedule = PRESETS[variant.presets[0]], SCHEDULES["retrain"]
        before, after = vars(preset) | vars(schedule), {}
        for each in variant.changed(preset, schedule):
            after |= vars(each)
        assert {key: value for key, value in after.items() if before[key] != value} == variant.changes, name
        base = EXPERIMENTS["modern" if name.startswith("modern") else "network1"]
        assert variant.changes or (variant.network, variant.loss, variant.ratios) != (
            base.network,
            base.loss,
            base.ratios,
        )


def test_large_crops_have_as_many_pixels():
    variant = VARIANTS["modern_large_crops"]
    _, schedule = variant.changed(PRESETS["modern"], SCHEDULES["retrain"])
    assert schedule.batch * schedule.crop**2 == SCHEDULES["retrain"].batch * SCHEDULES["retrain"].crop ** 2


def test_transfer_starts_from_network_1(tiny, tmp_path):
    trainer(tmp_path / "network1" / "seed0").run()
    transfer = trainer(tmp_path / "misaligned_c" / "seed0", "misaligned_c")
    source, _ = load_weights(tmp_path / "network1" / "seed0" / "weights.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(transfer.network.parameters(), source.parameters(), strict=True))


def test_resume_equals_uninterrupted_bit_for_bit(tiny, tmp_path):
    whole = trainer(tmp_path / "whole")
    whole.run()
    first = trainer(tmp_path / "halves")
    for _ in range(3):
        first.step()
    first._save_checkpoint()
    second = trainer(tmp_path / "halves")
    second.run(resume=True)
    pairs = zip(whole.network.parameters(), second.network.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


class Killed(Exception):
    pass


def stopping(run: Trainer, update: int, stop) -> Trainer:
    """The run, with ``stop()`` called in the middle of an update."""
    learn = run._learn

    def interrupted(batch):
        if run.update == update:
            stop()
        learn(batch)

    run._learn = interrupted
    return run


def kill():
    raise Killed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_checkpoint_of_the_update_in_hand(tiny, tmp_path, monkeypatch, number):
    monkeypatch.setattr(Recipe, "validate_every", 60)  # a row every third update
    trainer(tmp_path / "whole", updates=8).run()
    run = stopping(trainer(tmp_path / "halves", updates=8), 4, lambda: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        run.run()
    assert torch.load(tmp_path / "halves" / "checkpoint.pt")["update"] == 5
    trainer(tmp_path / "halves", updates=8).run(resume=True)
    whole, halves = (read_history(tmp_path / name / "history.csv") for name in ("whole", "halves"))
    assert [row["update"] for row in halves] == [3, 6, 8]
    assert [row["loss"] for row in halves] == [row["loss"] for row in whole]
    assert_same_weights(tmp_path / "whole", tmp_path / "halves")


def assert_same_weights(*folders):
    one, two = (load_file(folder / "weights.safetensors") for folder in folders)
    assert all(torch.equal(one[name], two[name]) for name in one | two)


def test_checkpoints_do_not_wait_for_rows(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(Recipe, "validate_every", 2000)
    monkeypatch.setattr("astrounet_core.training.CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        stopping(trainer(tmp_path, updates=2000), 4, kill).run()
    assert torch.load(tmp_path / "checkpoint.pt")["update"] == 4
    assert torch.load(tmp_path / "checkpoint.previous.pt")["update"] == 3
    assert not (tmp_path / "history.csv").exists()


@pytest.mark.parametrize(("room", "written"), [(100, "run"), (100_000, "run"), (400_000, "checkpoint.pt")])
def test_a_full_disk_ends_the_run_with_a_sentence_and_it_can_go_on(tiny, tmp_path, monkeypatch, room, written):
    """The history, the weights and the checkpoint are the first that do not fit."""
    monkeypatch.setattr("astrounet_core.training.CHECKPOINT_SECONDS", 0.0)
    trainer(tmp_path / "whole").run()
    with pytest.raises(KeyboardInterrupt):
        stopping(trainer(tmp_path / "run"), 2, lambda: os.kill(os.getpid(), signal.SIGINT)).run()
    with full_disk(room), pytest.raises(ValueError, match=rf"cannot write .*{written} \(.*make room there"):
        trainer(tmp_path / "run").run(resume=True)
    assert torch.load(tmp_path / "run" / "checkpoint.pt")["update"] == 3
    trainer(tmp_path / "run").run(resume=True)
    assert_same_weights(tmp_path / "whole", tmp_path / "run")


def test_a_gpus_checkpoint_goes_on_elsewhere(tiny, tmp_path):
    trainer(tmp_path, updates=3).run()
    state = torch.load(tmp_path / "checkpoint.pt")
    state["optimiser"]["param_groups"][0] |= {"lr": torch.tensor(1.0), "capturable": True}
    torch.save(state, tmp_path / "checkpoint.pt")
    resumed = trainer(tmp_path, updates=3)
    resumed._resume()
    resumed.step()
    assert resumed.update == 4 and not resumed.optimiser.param_groups[0]["capturable"]


def test_progress_is_told_between_rows(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(Recipe, "validate_every", 60)
    monkeypatch.setattr("astrounet_core.training.PROGRESS_SECONDS", 0.0)
    rows = []
    trainer(tmp_path, updates=5).run(report=rows.append)
    assert [row["update"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert all(float(row["loss"]) > 0 for row in rows[1:])
    assert float(rows[3]["loss"]) != float(rows[2]["loss"])


def test_a_broken_network_is_not_checkpointed(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(Recipe, "validate_every", 2000)
    monkeypatch.setattr("astrounet_core.training.CHECKPOINT_SECONDS", 0.0)
    run = trainer(tmp_path, updates=2000)
    with pytest.raises(ValueError, match="the loss is nan by update 3"):
        stopping(run, 2, lambda: run.network.net.head.bias.data.fill_(torch.nan)).run()
    assert torch.load(tmp_path / "checkpoint.pt")["update"] == 2


def test_a_network_overfits_one_crop(tiny):
    torch.manual_seed(0)
    plain = replace(PRESETS["modern"], extra_stars=0, bias_weight=0)
    run = Trainer(replace(recipe("modern", "tiny"), preset=plain), field_set(1, 32), field_set(1, 32), "unused")
    batch = run.pairs(0)
    losses = []
    for _ in range(250):
        output = run.network(batch.noisy, batch.exposure_time, batch.exposure_ratio)
        loss = run.loss_of(output, batch)
        run.optimiser.zero_grad()
        loss.backward()
        run.optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_history_has_its_columns_and_validations(tiny, tmp_path):
    trainer(tmp_path, updates=11).run()
    with open(tmp_path / "history.csv") as stream:
        assert tuple(next(csv.reader(stream))) == HISTORY_COLUMNS
    rows = read_history(tmp_path / "history.csv")
    assert [row["update"] for row in rows] == list(range(1, 12))
    assert [row["update"] for row in rows if row["validation_psnr"] is not None] == [2, 4, 6, 8, 10, 11]


def test_validations_keep_their_share_of_a_run_of_any_length():
    every = lambda *arguments, **options: recipe(*arguments, **options).validate_every  # noqa: E731
    assert every("network1", "paper") == 250 * 160 and every("network2", "paper") == 4 * 250 * 160
    assert every("network1", "paper", updates=2000) == 100
    assert every("network1", "retrain") == 240 and every("network1", "retrain", updates=3) == 1


def test_the_run_record_is_complete(tiny, tmp_path):
    run = trainer(tmp_path)
    run.run()
    assert finished(tmp_path, run.plan)
    assert not finished(tmp_path, recipe("network1", "tiny", seed=1))
    with safe_open(tmp_path / "weights.safetensors", "pt") as stream:
        assert stream.metadata()["preset"] == "code"


def test_a_checkpoint_of_another_run_is_refused(tiny, tmp_path):
    trainer(tmp_path).run()
    with pytest.raises(ValueError, match="belongs to another run"):
        trainer(tmp_path, seed=1).run(resume=True)


def test_a_loss_that_explodes_stops_the_run(tiny, tmp_path):
    run = trainer(tmp_path)
    with torch.no_grad():
        run.network.net.head.bias.fill_(torch.nan)
    with pytest.raises(ValueError, match="the loss is nan by update"):
        run.run()
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("network9", "smoke"), "unknown experiment 'network9'; choose one of network1"),
        (("network1", "laptop"), "unknown training profile 'laptop'"),
        (("network1", "smoke", "fast"), "unknown preset 'fast'; choose one of paper, code"),
    ],
)
def test_unknown_names_list_the_choices(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        recipe(*arguments)


def test_the_papers_schedule_is_5000_epochs_of_160_crops():
    paper = SCHEDULES["paper"]
    assert updates_of(EXPERIMENTS["network1"], paper) == 5000 * 160
    assert updates_of(EXPERIMENTS["network2"], paper) == 5000 * 160 * 4
    assert updates_of(EXPERIMENTS["exp08"], paper) == 5000 * 160


def test_learning_rates_drop_after_2000_epochs():
    total = updates_of(EXPERIMENTS["network1"], SCHEDULES["paper"])
    rates = {
        name: [learning_rate(PRESETS[name], n * 160, total) for n in (0, 1999, 2000)] for name in ("paper", "code")
    }
    assert rates == {"paper": [1e-5, 1e-5, 1e-6], "code": [1e-4, 1e-4, 1e-5]}


def test_the_cosine_warms_up_and_ends_low():
    rates = [learning_rate(PRESETS["modern"], n, 1000) for n in range(1000)]
    assert max(rates) == pytest.approx(1e-3, rel=0.01) and rates.index(max(rates)) == 19
    assert rates[0] < 1e-4 and rates[-1] < 2e-6


def test_experiments_1_to_5_know_nothing_of_r():
    for name in ("exp01", "exp02", "exp03", "exp04", "exp05"):
        assert EXPERIMENTS[name].network["ratio_mode"] == "none"


@pytest.mark.parametrize("name", ["exp06", "exp07", "exp09", "network1"])
def test_a_batch_depends_on_seed_and_update_alone(name):
    one, two = (PairMaker(field_set(), EXPERIMENTS[name], PRESETS["code"], 2, 32, seed=5) for _ in range(2))
    two(0), two(1)
    assert torch.equal(one(7).noisy, two(7).noisy)
    assert not torch.equal(one(7).noisy, one(8).noisy)


def test_network_2_sees_each_crop_at_every_ratio_in_order():
    maker = PairMaker(field_set(), EXPERIMENTS["network2"], PRESETS["code"], 2, 32, seed=0)
    batches = [maker(update) for update in range(8)]
    assert [batch.exposure_ratio[0].item() for batch in batches] == [2, 3, 4, 5, 2, 3, 4, 5]
    assert all(torch.equal(batch.target, batches[0].target) for batch in batches[:4])
    assert not torch.equal(batches[4].target, batches[0].target)


def test_exposure_time_is_that_of_the_input():
    maker = PairMaker(field_set(), EXPERIMENTS["network2"], PRESETS["modern"], 2, 32, seed=0)
    assert maker(2).exposure_time.tolist() == [250.0, 250.0]


def test_misaligned_targets_are_shifted_by_at_most_their_range():
    data = field_set(1, 64)
    data.scenes.copy_(torch.arange(64.0).expand(64, 64))
    maker = PairMaker(data, EXPERIMENTS["misaligned_a"], PRESETS["physical"], 64, 32, seed=0)
    field, row, column = torch.zeros(64, dtype=torch.long), torch.zeros(64, dtype=torch.long), torch.arange(64) % 20
    shift = maker._shift()
    moved = cut(data.scenes, field, row, column + shift[1], 32) - cut(data.scenes, field, row, column, 32)
    assert set(moved[:, 0, 0, 0].tolist()) == {0.0, 1.0, 2.0, 3.0, 4.0}


def test_the_papers_pairs_leak_and_modern_ones_do_not():
    data = field_set(3, 256)
    for preset, expected in (("paper", True), ("modern", False)):
        batch = PairMaker(data, EXPERIMENTS["network1"], PRESETS[preset], 1, 256, seed=0).whole(2.0)
        sky = (batch.target[:, 0, 60:, 60:] - data.scenes[:, 60:, 60:]).flatten()
        noise = (batch.noisy[:, 0, 60:, 60:] - data.scenes[:, 60:, 60:]).flatten()
        shared = torch.corrcoef(torch.stack([sky, noise]))[0, 1].item() if sky.std() > 0 else 0.0
        assert (shared > 0.3) == expected


def test_crops_larger_than_the_fields_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        PairMaker(field_set(), EXPERIMENTS["network1"], PRESETS["code"], 2, 64, seed=0)


def test_every_experiment_names_presets_that_exist():
    for experiment in EXPERIMENTS.values():
        assert set(experiment.presets) <= set(experiments.PRESETS)


def test_a_run_that_begins_anew_or_whose_weights_changed_is_not_finished(tiny, tmp_path):
    plan = recipe("network1", "tiny")
    Trainer(plan, field_set(), field_set(2), tmp_path).run()
    assert finished(tmp_path, plan)
    (tmp_path / "weights.safetensors").write_bytes(b"other")
    assert not finished(tmp_path, plan)
    Trainer(plan, field_set(), field_set(2), tmp_path).run()
    assert finished(tmp_path, plan)
    checkpoints.clear(tmp_path)
    assert not finished(tmp_path, plan) and not (tmp_path / "checkpoint.pt").exists()


def test_a_changed_recipe_does_not_go_on_from_the_old_ones_checkpoint(tiny, tmp_path):
    plan = recipe("network1", "tiny")
    Trainer(plan, field_set(), field_set(2), tmp_path).run()
    faster = replace(plan, preset=replace(plan.preset, learning_rate=1.0))
    assert not finished(tmp_path, faster)
    with pytest.raises(ValueError, match="belongs to another run"):
        Trainer(faster, field_set(), field_set(2), tmp_path).run(resume=True)
