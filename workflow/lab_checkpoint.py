"""The network that Lab 3 goes on from: the lab's own solution, trained for ten minutes.

python -m workflow.lab_checkpoint    writes weights/lab3_unet.safetensors and its line in data_manifest/weights.toml
"""

import sys

from safetensors.torch import save_file

from astrounet_core._paths import WEIGHTS_DIR
from astrounet_core.provenance import commit, replacing
from astrounet_core.records import list_weights
from workflow import labs

NAME = "lab3_unet"
SECONDS = 600


def main(seconds: float = SECONDS) -> int:
    cells = labs.edition(NAME, "solution").cells
    training = next(i for i, cell in enumerate(cells) if "training" in cell.metadata.get("tags", []))
    space = labs.run(cells[: training + 1], seconds=seconds)
    updates = str(len(space["losses"]))
    tensors = {f"{i:02d}": p.detach().clone() for i, p in enumerate(space["small"].net.parameters())}
    about = {"lab": NAME, "seconds": str(seconds), "updates": updates, "commit": commit()[0]}
    with replacing(WEIGHTS_DIR / f"{NAME}.safetensors") as beside:
        save_file(tensors, beside, metadata=about)
    list_weights()
    print(f"{updates} updates: {WEIGHTS_DIR / NAME}.safetensors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
