"""Training (sections 3.2-3.4): one loop for every experiment, with history, checkpoints and resume.

A run's folder holds ``history.csv`` (as it goes), ``checkpoint.pt`` (float32, to resume from), ``weights.safetensors``
(float16, the best by validation PSNR) and ``run.json`` (last: its presence means that the run is complete).
"""

import csv
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from .experiments import (
    EXPERIMENTS,
    PRESETS,
    SCHEDULES,
    Experiment,
    Preset,
    Schedule,
    find,
    learning_rate,
    updates_of,
)
from .losses import build_loss, noise_normalised, squared_bias
from .metrics import psnr, ssim
from .pairs import Batch, FieldSet
from .provenance import Stopwatch, commit, read_json, replacing, run_record, sha256, write_json
from .recorded import RecordedSet
from .settings import NetworkSettings
from .unet import Denoiser
from .weights import load_weights, save_weights

HISTORY_COLUMNS = ("update", "loss", "learning_rate", "validation_psnr", "validation_ssim", "seconds")
CHECKPOINT_SECONDS = 60.0
Data = FieldSet | RecordedSet


@dataclass(frozen=True)
class Recipe:
    """A run, resolved from names: what `train` trains. origin: what else its records say, and resuming must match."""

    name: str
    preset_name: str
    profile: str
    seed: int
    experiment: Experiment
    preset: Preset
    schedule: Schedule
    updates: int
    features: str = "scenes"
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> NetworkSettings:
        return self.experiment.settings(self.preset, self.schedule.width)


def recipe(
    name: str,
    profile: str,
    preset: str | None = None,
    seed: int = 0,
    updates: int | None = None,
    features: str = "scenes",
) -> Recipe:
    """Look names up. ValueError, listing the choices, for an unknown experiment, preset or profile."""
    experiment = find("experiment", name, EXPERIMENTS)
    preset = preset or experiment.presets[0]
    chosen = find("preset", preset, PRESETS)
    schedule = find("training profile", profile, SCHEDULES)
    total = updates or updates_of(experiment, schedule)
    return Recipe(name, preset, profile, seed, experiment, chosen, schedule, total, features)


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` is the GPU where there is one. ValueError where the device asked for is absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("no GPU is visible to torch; use --device cpu, or install torch for your GPU.")
    return device


def autocast(device: torch.device):
    """bfloat16 where the hardware multiplies it faster (recent GPUs, CPUs with AMX), else plain float32."""
    on_gpu = device.type == "cuda"
    faster = torch.cuda.is_bf16_supported() if on_gpu else torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16) if faster else nullcontext()


class Trainer:
    """The state of one run. ``Trainer(recipe, training, validation, folder).run()`` trains to the end."""

    def __init__(self, plan: Recipe, training: Data, validation: Data, folder: Path, data_hash: str = ""):
        self.plan, self.folder, self.data_hash = plan, Path(folder), data_hash
        self.source = commit()
        self.device = training.device
        torch.manual_seed(plan.seed)
        network = Denoiser(plan.settings).to(self.device, memory_format=torch.channels_last)
        if plan.experiment.start_from:
            _start_from(network, plan.experiment.start_from, self.folder)
        self.network = network
        self.optimiser = torch.optim.Adam(network.parameters(), lr=plan.preset.learning_rate, fused=True)
        schedule = plan.schedule
        self.pairs = training.maker(plan.experiment, plan.preset, schedule.batch, schedule.crop, plan.seed)
        self.validation = _validation_batch(validation, plan)
        terms = plan.experiment.loss
        self.loss = None if terms == "noise_units" else build_loss(terms, self.device, plan.features)
        self.update, self.best, self.seconds = 0, -torch.inf, 0.0
        self.history: list[dict] = []

    def run(self, resume: bool = False, report: Callable[[dict], None] = lambda row: None) -> Path:
        """Train to the last update; returns the folder. ``report`` is called with every row of the history."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if resume and self._checkpoint.exists():
            self._load_checkpoint()
        watch, saved = Stopwatch(self.seconds), self.seconds
        total, every = self.plan.updates, max(1, self.plan.schedule.validate_every // 20)
        losses: list[Tensor] = []
        while self.update < total:
            losses.append(self.step())
            validate = self.update % self.plan.schedule.validate_every == 0 or self.update == total
            if validate or self.update % every == 0:
                report(self._record(torch.stack(losses).mean().item(), validate, watch.seconds))
                losses.clear()
                self.seconds = watch.seconds
                if self.update == total or watch.seconds - saved > CHECKPOINT_SECONDS:
                    self._save_checkpoint()
                    saved = watch.seconds
        return self._finish(watch.seconds)

    def step(self) -> Tensor:
        """One update; returns its loss, left on the device."""
        batch = self.pairs(self.update)
        rate = learning_rate(self.plan.preset, self.update, self.plan.updates)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with autocast(self.device):
            output = self.network(**batch.shown())
        loss = self.loss_of(output.float(), batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.plan.preset.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.preset.clip_norm)
        self.optimiser.step()
        self.update += 1
        return loss.detach()

    def loss_of(self, output: Tensor, batch: Batch) -> Tensor:
        """The experiment's loss of one batch."""
        output = batch.masked(output)
        if self.loss is None:
            images, weight = (output, batch.target, batch.sigma), self.plan.preset.bias_weight
            return noise_normalised(*images) + (weight * squared_bias(*images) if weight else 0)
        return self.loss(output, batch.target)

    def _record(self, loss: float, validate: bool, seconds: float) -> dict:
        if loss != loss:
            raise ValueError(f"the loss became NaN at update {self.update}; lower the learning rate and start again.")
        rate = learning_rate(self.plan.preset, self.update - 1, self.plan.updates)
        row = {"update": self.update, "loss": f"{loss:.6g}", "learning_rate": f"{rate:.4g}"}
        if validate:
            scores = self._validate()
            row |= {f"validation_{name}": f"{value:.6g}" for name, value in scores.items()}
            if scores["psnr"] > self.best:
                self.best = scores["psnr"]
                save_weights(self.network, self.folder / "weights.safetensors", self._metadata())
        row["seconds"] = f"{seconds:.1f}"
        self.history.append(row)
        _write_history(self.folder / "history.csv", self.history)
        return row

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Mean PSNR (dB) and SSIM of the validation fields at r = 2, by the preset's own protocol."""
        pairs, scores = self.validation, []
        for i in range(len(pairs.noisy)):
            one = pairs.image(i)
            with autocast(self.device):
                output = one.masked(self.network(**one.shown()).float())
            images = (output[0, 0].cpu().numpy(), one.target[0, 0].cpu().numpy())
            scores.append((psnr(*images), ssim(*images)))
        mean = torch.tensor(scores, dtype=torch.float64).mean(0)
        return {"psnr": mean[0].item(), "ssim": mean[1].item()}

    def _metadata(self) -> dict[str, str]:
        plan = self.plan
        return {
            "experiment": plan.name,
            "preset": plan.preset_name,
            "profile": plan.profile,
            "updates": str(self.update),
            "seed": str(plan.seed),
            "loss": plan.experiment.loss,
            "exposure_ratios": ",".join(f"{r:g}" for r in plan.experiment.ratios),
            "data": "fields-v1",
            **plan.origin,
        }

    @property
    def _identity(self) -> list:
        plan = self.plan
        return [plan.name, plan.preset_name, plan.profile, plan.seed, plan.updates, *plan.origin.values()]

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def _save_checkpoint(self) -> None:
        state = {
            "plan": self._identity,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "update": self.update,
            "best": float(self.best),
            "seconds": self.seconds,
            "history": self.history,
        }
        with replacing(self._checkpoint) as beside:
            torch.save(state, beside)

    def _load_checkpoint(self) -> None:
        try:
            state = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
        except Exception as error:
            raise ValueError(f"cannot resume from {self._checkpoint} ({type(error).__name__}); delete it.") from error
        if state["plan"] != self._identity:
            raise ValueError(f"{self._checkpoint} belongs to another run {state['plan']}; delete it or change --out.")
        for name in ("update", "best", "seconds", "history"):
            setattr(self, name, state[name])

    def _finish(self, seconds: float) -> Path:
        plan = self.plan
        record = run_record(
            profile=plan.profile,
            preset=plan.preset_name,
            seed=plan.seed,
            device=_device_name(self.device),
            seconds=seconds,
            source=self.source,
            experiment=plan.name,
            **{"data": "fields-v1", "data_sha256": self.data_hash, **plan.origin},
            weights_sha256=sha256(self.folder / "weights.safetensors"),
            updates=self.update,
            paper_updates=updates_of(plan.experiment, SCHEDULES["paper"]),
            width=plan.schedule.width,
            batch=plan.schedule.batch,
            crop=plan.schedule.crop,
            features=plan.features,
        )
        write_json(self.folder / "run.json", record)
        return self.folder


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _validation_batch(fields: Data, plan: Recipe) -> Batch:
    """Whole validation fields at r = 2, made as the preset makes its training pairs."""
    aligned = replace(plan.experiment, max_shift=0)
    return fields.maker(aligned, plan.preset, batch=2, crop=16, seed=1_000).whole(2.0)


def _write_history(path: Path, rows: list[dict]) -> None:
    with replacing(path) as beside, open(beside, "w", newline="") as stream:
        writer = csv.DictWriter(stream, HISTORY_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _start_from(network: Denoiser, start: str, folder: Path) -> None:
    """Copy weights into ``network``, of a file or the same seed's run of an experiment: transfer (section 4.4.1)."""
    run = folder.parents[1] / start / folder.name
    path = Path(start) if start.endswith(".safetensors") else run / "weights.safetensors"
    source, _ = load_weights(path, device=next(network.parameters()).device)
    network.load_state_dict(source.state_dict())


def read_history(path: Path) -> list[dict[str, float | None]]:
    """``history.csv`` as numbers; empty cells are None."""
    with open(path, newline="") as stream:
        return [{k: float(v) if v else None for k, v in row.items()} for row in csv.DictReader(stream)]


def finished(folder: Path, plan: Recipe) -> bool:
    """Whether ``folder`` holds a complete run of this very recipe."""
    path = folder / "run.json"
    if not path.exists():
        return False
    record = read_json(path)
    wanted = {"preset": plan.preset_name, "updates": plan.updates, "seed": plan.seed, "batch": plan.schedule.batch}
    return all(record.get(name) == value for name, value in (wanted | plan.origin).items())
