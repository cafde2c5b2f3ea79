"""The paper's equations: each links to a function whose documentation names it, and to a test that calls it."""

import importlib
import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
import torch

from astrounet_core import metrics
from astrounet_core._paths import NOTEBOOK_DIR, ROOT

ROW = re.compile(r"^\| \[Eq\. \((\d+)\)\]\(#eq-(\d+)\) \| [^|]+ \| `([\w.]+)` \| `(\w+\.py)::(\w+)` \|$", re.M)
ROWS = ROW.findall((ROOT / "book" / "equations.md").read_text())
TORCH = "torch."
BLOCK = re.compile(r"^\(eq-(\d+)\)=\n\$\$\n.*?^\$\$\n+(\[Code and test\]\(#page-equations\))?", re.M | re.S)


def named(text: str) -> set[int]:
    """Numbers of the equations that a documentation names: Eq. 7, Eq. 10 and 11, Eq. 14-21."""
    found: set[int] = set()
    for first, last in re.findall(r"Eq\. (\d+)(?:(?:-| and )(\d+))?", text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_every_equation_has_a_row():
    assert [int(number) for number, *_ in ROWS] == list(range(1, 29))
    assert all(number == label for number, label, *_ in ROWS)


@pytest.mark.parametrize(("number", "label", "function", "file", "test"), ROWS)
def test_equation_function_and_test_name_each_other(number, label, function, file, test):
    source = (Path(__file__).parent / file).read_text()
    body = re.search(rf"^def {test}\(.*?(?=^def |^@|\Z)", source, re.M | re.S)
    name = function.split(".")[-1]
    assert body and re.search(rf"\b{name}\b", body[0]), f"{test} does not call {name}"
    if function.startswith(TORCH):
        module, _, attribute = function.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute)
        return
    module, attribute = function.split(".")
    known = getattr(importlib.import_module(f"astrounet_core.{module}"), attribute)
    documented = known.__doc__ if callable(known) else (ROOT / "astrounet_core" / f"{module}.py").read_text()
    assert int(number) in named(documented)


def test_every_equation_on_a_page_leads_to_its_code():
    """The block of an equation is followed by the link, on whichever page it is; each number is on one page."""
    found = []
    for path in NOTEBOOK_DIR.glob("*.py"):
        text = "\n\n".join(cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown")
        blocks = re.findall(
            r"^\(eq-(\d+)\)=\n\$\$\n.*?^\$\$\n+(\[Code and test\]\(#page-equations\))?", text, re.M | re.S
        )
        assert all(link for _, link in blocks), path.name
        found += [int(number) for number, _ in blocks]
    assert sorted(found) == list(range(1, 29))


def test_convolution_of_a_worked_value():
    """Eq. 5 by its definition, filter turned round, against PyTorch's, which does not turn it."""
    image, kernel = torch.arange(16.0).reshape(4, 4), torch.tensor([[1.0, 0, 2], [0, 3, 0], [4, 0, 5]])
    by_hand = [
        [sum(image[i + 2 - a, j + 2 - b] * kernel[a, b] for a in range(3) for b in range(3)) for j in range(2)]
        for i in range(2)
    ]
    turned = torch.flip(kernel, (0, 1))
    found = torch.nn.functional.conv2d(image[None, None], turned[None, None])[0, 0]
    assert found.tolist() == [[float(value) for value in line] for line in by_hand]
    assert found[0, 0] == 10 * 1 + 8 * 2 + 5 * 3 + 2 * 4 + 0 * 5


def test_a_step_of_gradient_descent():
    """Eq. 6 on the page's own example: w = 0, x = 1, 2, 3, y = 2 x, gradient 28 (w - 2) / 3, a rate of 0.05."""
    weight, x = torch.zeros(1, requires_grad=True), torch.tensor([1.0, 2.0, 3.0])
    optimiser = torch.optim.SGD([weight], lr=0.05)
    torch.mean((weight * x - 2 * x) ** 2).backward()
    optimiser.step()
    assert weight.item() == pytest.approx(0.05 * 56 / 3)


def test_mean_squared_error_of_worked_values():
    assert metrics.mse(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [6.0, 4.0]])) == pytest.approx(13 / 4)
