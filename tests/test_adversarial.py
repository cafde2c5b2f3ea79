"""The discriminator: what it costs the generator, that it learns, and that a run with it resumes bit for bit."""

import math
from dataclasses import replace

import pytest
import torch
from tiny import TINY, field_set

from astrounet_core import adversarial, experiments
from astrounet_core.adversarial import L1_WEIGHT, Adversary, discriminator
from astrounet_core.pairs import Batch
from astrounet_core.peer_networks import STRETCH_RANGE
from astrounet_core.training import Trainer, recipe
from astrounet_core.unet import count_parameters, stretch

CPU = torch.device("cpu")


def batch() -> Batch:
    generator, one = torch.Generator().manual_seed(0), torch.ones(4)
    truth = torch.rand(4, 1, 32, 32, generator=generator)
    noisy = truth + torch.randn(truth.shape, generator=generator)
    sky = torch.tensor([[0.0, 1.0]]).expand(4, 2)
    return Batch(noisy, truth, one, one, one.long(), torch.ones_like(truth), sky=sky)


def test_the_discriminator_judges_whole_images():
    judge = discriminator(12, 256)
    assert count_parameters(judge) == sum((16 * i + 1) * o for i, o in ((2, 12), (12, 24), (24, 48), (48, 96))) + 2 * (
        24 + 48 + 96
    ) + (96 * 16 * 16 + 1)
    assert judge(torch.zeros(2, 2, 256, 256)).shape == (2, 1)


def test_an_undecided_judge_costs_log_2_and_the_l1_distance(monkeypatch):
    monkeypatch.setattr(adversarial, "STEPS", 0)
    adversary, given = Adversary(2, 32, CPU), batch()
    torch.nn.init.zeros_(adversary.judge[-1].weight), torch.nn.init.zeros_(adversary.judge[-1].bias)
    made, truth = (stretch(image, given.sky) / STRETCH_RANGE for image in (given.noisy, given.target))
    expected = math.log(2) + L1_WEIGHT * (made - truth).abs().mean().item()
    assert adversary(given.noisy, given).item() == pytest.approx(expected, rel=1e-5)


def test_the_judge_learns_to_tell_noisy_from_clean():
    torch.manual_seed(0)
    adversary, given = Adversary(4, 32, CPU), batch()
    for _ in range(20):
        adversary(given.noisy, given)
    pairs = [
        torch.cat([stretch(x, given.sky) / STRETCH_RANGE for x in (given.noisy, y)], 1)
        for y in (given.target, given.noisy)
    ]
    clean, noisy = (adversary.judge(pair).mean().item() for pair in pairs)
    assert clean > noisy + 1


def test_a_run_resumes_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.setitem(experiments.SCHEDULES, "tiny", TINY)
    plan = recipe("galaxygan", "tiny", updates=4)
    plan = replace(plan, schedule=replace(plan.schedule, width=2))
    fields = field_set(2, 256)
    whole, first, second = (Trainer(plan, fields, fields, tmp_path / name) for name in ("whole", "halves", "halves"))
    whole.run()
    first.folder.mkdir()
    first.step(), first.step()
    first._save_checkpoint()
    second.run(resume=True)
    for ours, theirs in ((whole.network, second.network), (whole.objective.judge, second.objective.judge)):
        states = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in states)


def test_several_processes_are_refused(monkeypatch):
    monkeypatch.setattr(adversarial, "processes", lambda: 2)
    with pytest.raises(ValueError, match="one process"):
        Adversary(2, 32, CPU)
