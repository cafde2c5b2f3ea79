"""Methods that take the sky for a sum of few shapes: wavelets, starlets, a learnt dictionary, blocks that match.

Each is a function of an image (H, W) whose noise is white and of standard deviation 1 (`anscombe.on_unit_noise`), and
gives a denoised image of the same shape.
"""

import warnings
from functools import cache
from types import ModuleType

import numpy as np
from scipy.fft import dct
from scipy.ndimage import convolve1d
from skimage.restoration import cycle_spin, denoise_wavelet
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

SPLINE = np.array([1, 4, 6, 4, 1]) / 16
"""The cubic B-spline, whose differences are the starlet."""

LEARNT_FROM = 2000
"""Patches at most from which a dictionary is learnt."""

BM3D_SIGMA = 0.1
"""Noise at which BM3D is run: its block distances are set for images between 0 and 1."""


def wavelets(image: np.ndarray, wavelet: str, shifts: int) -> np.ndarray:
    """Soft thresholds by BayesShrink, sigma^2 / sigma_signal in each band (Chang, Yu & Vetterli 2000).

    Averaged over all shifts of the image by 0 to ``shifts`` pixels either way (Coifman & Donoho 1995), which removes
    most of the blocks that a decimated transform leaves.
    """
    chosen = {"sigma": 1.0, "wavelet": wavelet, "method": "BayesShrink", "mode": "soft", "rescale_sigma": False}
    return cycle_spin(image, denoise_wavelet, shifts, func_kw=chosen, workers=1)


def starlet_transform(image: np.ndarray, scales: int) -> np.ndarray:
    """Isotropic undecimated wavelets: (scales + 1, H, W), from finest to the smooth rest, whose sum is the image.

    w_j = c_j - c_(j+1), c_(j+1) = c_j convolved with `SPLINE` with 2^j - 1 zeros between its values (Starck, Fadili &
    Murtagh 2007, doi:10.1109/TIP.2006.887733).
    """
    smooth, bands = image, []
    for scale in range(scales):
        kernel = np.zeros(4 * 2**scale + 1)
        kernel[:: 2**scale] = SPLINE
        smoother = convolve1d(convolve1d(smooth, kernel, 0, mode="reflect"), kernel, 1, mode="reflect")
        bands.append(smooth - smoother)
        smooth = smoother
    return np.stack([*bands, smooth])


@cache
def starlet_noise(scales: int) -> np.ndarray:
    """Standard deviation, (scales,), that white noise of 1 has in each band: 0.89, 0.20, 0.086, 0.041, ..."""
    impulse = np.zeros((2 ** (scales + 2),) * 2)
    impulse[len(impulse) // 2, len(impulse) // 2] = 1.0
    return np.sqrt((starlet_transform(impulse, scales)[:-1] ** 2).sum(axis=(1, 2)))


def starlet(image: np.ndarray, threshold: float, scales: int = 5) -> np.ndarray:
    """Starlet coefficients of at least ``threshold`` sigma of their band, and the smooth rest."""
    bands = starlet_transform(image, scales)
    least = threshold * starlet_noise(scales)[:, None, None]
    return np.where(np.abs(bands[:-1]) >= least, bands[:-1], 0).sum(axis=0) + bands[-1]


def dictionary(image: np.ndarray, tolerance: float, patch: int = 8, atoms: int = 64, step: int = 4) -> np.ndarray:
    """Patches as few atoms of a dictionary that is learnt from the image itself (Elad & Aharon 2006).

    Every patch of ``patch`` x ``patch`` pixels, ``step`` pixels apart, less its mean, is approached by orthogonal
    matching pursuit (`matching_pursuit`) until its rms residual is ``tolerance``; overlapping patches are averaged.
    """
    height, width = image.shape
    padded = np.pad(image, [(0, -(side - patch) % step) for side in image.shape], mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (patch, patch))[::step, ::step]
    patches = windows.reshape(-1, patch**2)
    means = patches.mean(axis=1, keepdims=True)
    approached = means + _approach(patches - means, patch**2 * tolerance**2, atoms)
    return _average(approached.reshape(windows.shape), padded.shape, step)[:height, :width]


def _approach(patches: np.ndarray, energy: float, atoms: int) -> np.ndarray:
    """Patches (n, pixels) by few atoms each, up to a residual of this energy; 0 for those that have no more than that.

    Where those that do are no more than the atoms, they teach nothing: cosines are the atoms then.
    """
    norms, approached = (patches**2).sum(axis=1), np.zeros_like(patches)
    found = np.flatnonzero(norms > energy)
    cosines = dct(np.eye(round(patches.shape[1] ** 0.5)), axis=0, norm="ortho")
    shapes = _learn(patches[found], atoms) if len(found) > atoms else np.kron(cosines, cosines)
    approached[found] = matching_pursuit(patches[found], shapes, energy)
    return approached


def _learn(patches: np.ndarray, atoms: int) -> np.ndarray:
    """Atoms (atoms, pixels) of length one, learnt (Mairal et al. 2009) from up to `LEARNT_FROM` of the patches, which
    are brought to one length so that bright stars don't outweigh the rest."""
    some = patches[np.random.default_rng(0).permutation(len(patches))[:LEARNT_FROM]]
    learning = MiniBatchDictionaryLearning(
        atoms, alpha=0.5, max_iter=5, batch_size=256, fit_algorithm="cd", transform_max_iter=50, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of codes in mid-learning, by parts in 10^6
        learnt = learning.fit(some / np.linalg.norm(some, axis=1, keepdims=True)).components_
    return learnt / np.maximum(np.linalg.norm(learnt, axis=1, keepdims=True), 1e-12)


def matching_pursuit(patches: np.ndarray, atoms: np.ndarray, energy: float, most: int = 16) -> np.ndarray:
    """Orthogonal matching pursuit of patches (n, pixels) by atoms (m, pixels) of length one, until sum residual^2 is at
    most ``energy``; a patch that ``most`` atoms do not bring there is not sparse, and stays as it is.

    All patches go together: scikit-learn's, one after the other, would take minutes for a crowded field.
    """
    residual, support, left = patches.copy(), np.zeros((len(patches), most), int), np.arange(len(patches))
    for count in range(1, most + 1):
        left = left[(residual[left] ** 2).sum(axis=1) > energy]
        support[left, count - 1] = np.abs(residual[left] @ atoms.T).argmax(axis=1)
        basis = atoms[support[left, :count]]
        gram = basis @ basis.transpose(0, 2, 1) + 1e-9 * np.eye(count)
        codes = np.linalg.solve(gram, basis @ patches[left][..., None])
        residual[left] = patches[left] - (codes * basis).sum(axis=1)
    return np.where((residual**2).sum(axis=1, keepdims=True) > energy, patches, patches - residual)


def _average(patches: np.ndarray, shape: tuple[int, int], step: int) -> np.ndarray:
    """The image of which these are overlapping patches (rows, columns, p, p), ``step`` pixels apart."""
    total, count = np.zeros(shape), np.zeros(shape)
    rows, columns, side, _ = patches.shape
    for y, x in np.ndindex(side, side):
        place = np.s_[y : y + step * rows : step, x : x + step * columns : step]
        total[place] += patches[:, :, y, x]
        count[place] += 1
    return total / count


def bm3d(image: np.ndarray, strength: float) -> np.ndarray:
    """Blocks that look alike, filtered together (Dabov et al. 2007, doi:10.1109/TIP.2007.901238), by the authors' code.

    strength: the noise that BM3D is told, in units of the image's. Raises what `bm3d_package` raises.
    """
    package = bm3d_package()
    profile = package.BM3DProfile()
    profile.num_threads = 1  # with more, two runs differ in the last digits
    level = np.median(image)
    return level + package.bm3d(BM3D_SIGMA * (image - level), strength * BM3D_SIGMA, profile) / BM3D_SIGMA


def bm3d_package() -> ModuleType:
    """The package bm3d, an optional one. Raises ValueError, with what to do, where it is not installed."""
    try:
        import bm3d as package
    except ImportError:
        raise ValueError(
            "BM3D needs the package bm3d, free for non-commercial use only; install it with `pip install bm3d`."
        ) from None
    return package
