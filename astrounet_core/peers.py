"""Every method that the networks are compared with, by name, under one signature.

Parameters were chosen on validation fields by `tuning`, which writes them to ``data_manifest/peers.toml``.
"""

import tomllib

from ._paths import MANIFEST_DIR
from .classical_peers import CLASSICAL, MORE_EXPOSURES
from .exposures import Method
from .learned_peers import LEARNED

TUNED = MANIFEST_DIR / "peers.toml"

PEERS = CLASSICAL | LEARNED
"""Name -> peer."""


def method(name: str) -> Method:
    """A peer with the parameters that were chosen for it.

    Raises ValueError for an unknown name, a method that is not tuned, a package that is not installed and, as
    `inference.load_network` does, weights that are not there.
    """
    if name not in PEERS:
        raise ValueError(f"no peer {name!r}; choose one of {', '.join(PEERS)}.")
    peer = PEERS[name]
    if not peer.grid:
        return peer.make()
    found = tuned().get(name)
    if not found:
        raise ValueError(f"{name!r} is not tuned; run `python -m astrounet_core.tuning {name}`.")
    return peer.make(**found["chosen"])


def obstacle(name: str) -> str:
    """Why a peer can't run here, and what to do: the sentence of `method`'s error; empty where it can."""
    try:
        method(name)
    except (ValueError, FileNotFoundError) as error:
        return str(error)
    return ""


def tuned() -> dict[str, dict]:
    """Name -> {criterion, fields, size, chosen: parameters, tried: rows of parameters and nmse}, as `tuning` wrote."""
    return tomllib.loads(TUNED.read_text()) if TUNED.exists() else {}


def definitions(kind: str) -> dict[str, list[str]]:
    """{title and name: two paragraphs}, MyST, of the methods of one of `peer_entry.KINDS`, stacking included."""
    chosen = {name: peer for name, peer in (PEERS | MORE_EXPOSURES).items() if peer.kind == kind}
    return {f"{peer.title} (`{name}`)": peer.paragraphs for name, peer in chosen.items()}
