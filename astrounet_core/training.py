"""Training (sections 3.2-3.4): one loop for every experiment, with history, checkpoints and resume.

A run's folder holds ``history.csv`` (as it goes), ``checkpoint.pt`` (float32, to resume from; see `checkpoints`),
``weights.safetensors`` (float16, the best by validation PSNR) and ``run.json`` (last: its presence means that the run
is complete). On a GPU an update is a CUDA graph (`graphs`); under ``torchrun`` processes share one (`distributed`).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from . import checkpoints, distributed
from .adversarial import Adversary
from .devices import autocast, device_name, precision
from .experiments import (
    KNOWN,
    PRESETS,
    SCHEDULES,
    Experiment,
    Preset,
    Schedule,
    find,
    learning_rate,
    updates_of,
)
from .field_table import VERSION
from .graphs import GraphedUpdates, adam, set_learning_rate
from .metrics import psnr, ssim
from .objectives import build_objective
from .pairs import Batch, FieldSet
from .progress import stop_signals
from .provenance import Stopwatch, commit, read_json, run_record, sha256, write_json
from .recorded import RecordedSet
from .settings import NetworkSettings
from .unet import Denoiser
from .weights import load_weights, save_weights

CHECKPOINT_SECONDS = 60.0
PROGRESS_SECONDS = 1.0
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

    @property
    def digest(self) -> str:
        """What the names stand for today: a hash of experiment, preset and schedule."""
        return hashlib.sha256(repr((self.experiment, self.preset, self.schedule)).encode()).hexdigest()[:16]

    @property
    def validate_every(self) -> int:
        """Updates from one validation to the next: as often a run as its schedule says, at least five times (every
        1000 of 5000 epochs, section 3.4.1), however long it is."""
        times = max(5, self.schedule.updates // self.schedule.validate_every)
        return max(1, self.updates // times)


def recipe(
    name: str,
    profile: str,
    preset: str | None = None,
    seed: int = 0,
    updates: int | None = None,
    features: str = "scenes",
) -> Recipe:
    """Look names up. ValueError, listing the choices, for an unknown experiment, preset or profile."""
    experiment = find("experiment", name, KNOWN)
    preset = preset or experiment.presets[0]
    chosen = find("preset", preset, PRESETS)
    chosen, schedule = experiment.changed(chosen, find("training profile", profile, SCHEDULES))
    total = updates or updates_of(experiment, schedule)
    return Recipe(name, preset, profile, seed, experiment, chosen, schedule, total, features)


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
        self.network, self.parallel = network, distributed.parallel(network, self.device)
        self.optimiser = adam(network.parameters(), plan.preset.learning_rate, self.device)
        schedule = plan.schedule
        self.pairs = training.maker(plan.experiment, plan.preset, schedule.batch, schedule.crop, plan.seed)
        distributed.check_batch(schedule.batch, unit=2 if plan.preset.bias_weight else 1)
        self.validation = _validation_batch(validation, plan)
        named = (plan.experiment.loss, plan.preset, network, self.pairs.generators[-1], schedule.crop, plan.features)
        self.objective = build_objective(*named)
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self.update, self.kept, self.best, self.seconds = 0, 0, -torch.inf, 0.0
        self.history: list[dict] = []
        self.stream, self.graphs = None, None
        if self.device.type == "cuda":
            self._prepare_gpu()

    def _prepare_gpu(self) -> None:
        torch.backends.cudnn.benchmark = True
        self.stream = torch.cuda.Stream(self.device)
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        if distributed.processes() == 1:
            self.graphs = GraphedUpdates(self.pairs, self._learn)

    def run(self, resume: bool = False, report: Callable[[dict], None] = lambda row: None) -> Path:
        """Train to the last update; returns the folder.

        report: called with every row of the history, and about every second with an ``update`` and its ``loss`` alone.
        Ctrl-C and SIGTERM end the run after the update in hand: checkpoint, then KeyboardInterrupt. Raises ValueError
        for a loss that is no longer finite, a checkpoint that cannot be read, or a disk that is full.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with stop_signals() as stop, torch.cuda.stream(self.stream):
            if resume:
                self._resume()
            elif distributed.rank() == 0:
                checkpoints.clear(self.folder)
            if self.update == 0 and "start_from" in self.plan.origin and distributed.rank() == 0:
                self._keep_if_best(self._validate())  # a reader's network is replaced by a better one only
            watch, saved, told = Stopwatch(self.seconds), self.seconds, self.seconds
            report({"update": self.update})
            while self.update < self.plan.updates:
                self.step()
                self.seconds = watch.seconds
                if self._row_due():
                    report(self._record())
                elif self.seconds - told > PROGRESS_SECONDS:
                    report({"update": self.update, "loss": f"{self._mean_loss().item():.6g}"})
                    told = self.seconds
                stopped = stop.is_set() and distributed.rank() == 0
                if stopped or self.update == self.plan.updates or self.seconds - saved > CHECKPOINT_SECONDS:
                    self._save_checkpoint()
                    saved = self.seconds
                if stopped:
                    raise KeyboardInterrupt
        return self._finish()

    def step(self) -> None:
        """One update; its loss is added to ``loss_sum``, on the device."""
        rate = learning_rate(self.plan.preset, self.update, self.plan.updates)
        with torch.cuda.stream(self.stream):
            set_learning_rate(self.optimiser, rate)
            if self.graphs:
                self.graphs(self.update)
            else:
                self._learn(self.pairs(self.update))
        self.update += 1

    def _learn(self, batch: Batch) -> None:
        """What an update does with a batch; on a GPU nothing in here waits for the device."""
        batch = distributed.share(batch)
        with autocast(self.device):
            output = self.parallel(**batch.shown())
        loss = self.loss_of(output.float(), batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.plan.preset.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.preset.clip_norm)
        self.optimiser.step()
        self.loss_sum.add_(loss.detach())

    def loss_of(self, output: Tensor, batch: Batch) -> Tensor:
        """The experiment's loss of one batch."""
        return self.objective(batch.masked(output), batch)

    def _row_due(self) -> bool:
        every = max(1, self.plan.validate_every // 20)
        return self.update % every == 0 or self._validation_due()

    def _validation_due(self) -> bool:
        return self.update % self.plan.validate_every == 0 or self.update == self.plan.updates

    def _mean_loss(self) -> Tensor:
        """The mean loss since the last row of the history."""
        return self.loss_sum / (self.update - (self.history[-1]["update"] if self.history else 0))

    def _record(self) -> dict:
        """A row of the history, and where it is due a validation; process 0 writes them."""
        loss = distributed.mean(self._mean_loss()).item()
        self.loss_sum.zero_()
        self._check(loss)
        rate = learning_rate(self.plan.preset, self.update - 1, self.plan.updates)
        row = {"update": self.update, "loss": f"{loss:.6g}", "learning_rate": f"{rate:.4g}"}
        self.history.append(row)
        if distributed.rank() > 0:
            return row
        if self._validation_due():
            scores = self._validate()
            self._keep_if_best(scores)
            row |= {f"validation_{name}": f"{value:.6g}" for name, value in scores.items()}
        row["seconds"] = f"{self.seconds:.1f}"
        with checkpoints.said_clearly(self.folder):
            checkpoints.write_history(self.folder / "history.csv", self.history)
        return row

    def _check(self, loss: float) -> None:
        if not isfinite(loss):
            raise ValueError(f"the loss is {loss} by update {self.update}; lower the learning rate and start again.")

    def _keep_if_best(self, scores: dict[str, float]) -> None:
        if scores["psnr"] > self.best:
            self.best, self.kept = scores["psnr"], self.update
            with checkpoints.said_clearly(self.folder):
                save_weights(self.network, self.folder / "weights.safetensors", self._metadata())

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Mean PSNR (dB) and SSIM of the validation fields at r = 2, by the preset's own protocol."""
        pairs, scores = self.validation, []
        for i in range(len(pairs.noisy)):
            one = pairs.images(i, i + 1)
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
            "data": VERSION,
            **plan.origin,
        }

    @property
    def _identity(self) -> list:
        plan = self.plan
        about = (plan.digest, plan.features, self.data_hash, *plan.origin.values())
        return [plan.name, plan.preset_name, plan.profile, plan.seed, plan.updates, *about]

    def _save_checkpoint(self) -> None:
        if distributed.rank() > 0:
            return
        self._check(self.loss_sum.item())
        state = {
            "plan": self._identity,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "loss_sum": self.loss_sum.item(),
            "update": self.update,
            "kept": self.kept,
            "best": float(self.best),
            "seconds": self.seconds,
            "history": self.history,
        }
        if isinstance(self.objective, Adversary):
            state["adversary"] = self.objective.state_dict()
        checkpoints.save(self.folder, state)

    def _resume(self) -> None:
        state = checkpoints.load(self.folder, self._identity)
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        groups = self.optimiser.state_dict()["param_groups"]  # this device's, whichever one the checkpoint is from
        self.optimiser.load_state_dict({"state": state["optimiser"]["state"], "param_groups": groups})
        if isinstance(self.objective, Adversary):
            self.objective.load_state_dict(state["adversary"])
        self.loss_sum.fill_(state["loss_sum"])
        for name in ("update", "kept", "best", "seconds", "history"):
            setattr(self, name, state[name])

    def _finish(self) -> Path:
        plan = self.plan
        if distributed.rank() > 0:
            return self.folder
        record = run_record(
            profile=plan.profile,
            preset=plan.preset_name,
            seed=plan.seed,
            device=device_name(self.device),
            seconds=self.seconds,
            source=self.source,
            experiment=plan.name,
            **{"data": VERSION, "data_sha256": self.data_hash, **plan.origin},
            weights_sha256=sha256(self.folder / "weights.safetensors"),
            recipe=plan.digest,
            updates=self.update,
            kept_update=self.kept,
            paper_updates=updates_of(plan.experiment, SCHEDULES["paper"]),
            width=plan.schedule.width,
            batch=plan.schedule.batch,
            crop=plan.schedule.crop,
            features=plan.features,
            precision=precision(self.device),
            graphs=bool(self.graphs and self.graphs.usable),
            processes=distributed.processes(),
        )
        write_json(self.folder / "run.json", record)
        return self.folder


def _validation_batch(fields: Data, plan: Recipe) -> Batch:
    """Whole validation fields at r = 2, made as the preset makes its training pairs."""
    aligned = replace(plan.experiment, max_shift=0)
    return fields.maker(aligned, plan.preset, batch=2, crop=16, seed=1_000).whole(2.0)


def _start_from(network: Denoiser, start: str, folder: Path) -> None:
    """Copy weights into ``network``, of a file or the same seed's run of an experiment: transfer (section 4.4.1)."""
    run = folder.parents[1] / start / folder.name
    path = Path(start) if start.endswith(".safetensors") else run / "weights.safetensors"
    source, _ = load_weights(path, device=next(network.parameters()).device)
    network.load_state_dict(source.state_dict())


def finished(folder: Path, plan: Recipe) -> bool:
    """Whether ``folder`` holds a complete run of this very recipe."""
    path, weights = folder / "run.json", folder / "weights.safetensors"
    if not (path.exists() and weights.exists()):
        return False
    record = read_json(path)
    wanted = {"preset": plan.preset_name, "updates": plan.updates, "seed": plan.seed, "recipe": plan.digest}
    same = all(record.get(name) == value for name, value in (wanted | plan.origin).items())
    return same and sha256(weights) == record["weights_sha256"]
