"""Graphed updates do what plain ones do: with a stand-in for CUDA's graphs here, with the real ones on a GPU."""

import pytest
import torch
from tiny import TINY, trainer

from astrounet_core.experiments import SCHEDULES
from astrounet_core.graphs import WARM_UP, GraphedUpdates, adam, set_learning_rate


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(SCHEDULES, "tiny", TINY)


class Recorded:
    """Records work without doing it, as a CUDA graph does, and does it at every replay."""

    def __init__(self, work, generators):
        self.replay = work
        self.generators = generators


def trained(run, updates: int = 14, capture=None):
    if capture:
        run.graphs = GraphedUpdates(run.pairs, run._learn, capture)
    for _ in range(updates):
        run.step()
    return run


def equal(one, two) -> bool:
    weights = zip(one.network.parameters(), two.network.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in weights) and one.loss_sum == two.loss_sum


@pytest.mark.parametrize(("name", "graphs"), [("network2", {0, 1, 2, 3}), ("exp08", {None}), ("network1", {0})])
def test_a_graph_for_each_place_in_the_order_of_ratios(tmp_path, name, graphs):
    run = trained(trainer(tmp_path, name), capture=Recorded)
    assert set(run.graphs.graphs) == graphs and run.graphs.done == 14
    assert all(graph.generators == (run.pairs.crops, run.pairs.noise) for graph in run.graphs.graphs.values())
    assert equal(run, trained(trainer(tmp_path, name)))


def test_nothing_is_captured_before_the_warm_up_is_over(tmp_path):
    run = trained(trainer(tmp_path), updates=WARM_UP, capture=Recorded)
    assert not run.graphs.graphs
    run.step()
    assert len(run.graphs.graphs) == 1


def test_where_capturing_fails_training_goes_on_without_and_says_so_once(tmp_path, capsys):
    def fails(work, generators):
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    run = trained(trainer(tmp_path), capture=fails)
    assert equal(run, trained(trainer(tmp_path))) and not run.graphs.usable
    told = capsys.readouterr().err.splitlines()
    assert told == ["astrounet: training goes on without CUDA graphs, only slower (operation not permitted)."]


def test_a_tensor_as_learning_rate_does_what_a_number_does():
    weights = [torch.linspace(-1, 1, 7).requires_grad_() for _ in range(2)]
    plain = adam([weights[0]], 0.5, torch.device("cpu"))
    graphed = torch.optim.Adam([weights[1]], lr=torch.tensor(0.5), fused=True)
    for update in range(6):
        for weight, optimiser in zip(weights, (plain, graphed), strict=True):
            set_learning_rate(optimiser, 2.0**-update)
            weight.grad = (weight.detach() - 0.3) ** 3
            optimiser.step()
    assert torch.equal(*weights) and isinstance(graphed.param_groups[0]["lr"], torch.Tensor)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs want a GPU")
@pytest.mark.parametrize("name", ["network1", "network2", "modern", "exp03", "exp05", "exp07", "misaligned_a"])
def test_cuda_graphs_train_as_plain_updates_do(tmp_path, name):
    graphed = trained(trainer(tmp_path, name, device="cuda"))
    assert graphed.graphs.usable and graphed.graphs.graphs
    plain = trainer(tmp_path, name, device="cuda")
    plain.graphs = None
    trained(plain)
    assert graphed.loss_sum.item() == pytest.approx(plain.loss_sum.item(), rel=1e-2)
    graphed.run()
