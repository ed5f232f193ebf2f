"""*The Time Machine*, character by character: the recurrent language models of lessons 02 and 03 beside those of d2l.

Zhang et al. (2023), Dive into Deep Learning, sections 9.5, 10.1 and 10.2: windows of 32 characters, one starting at
each place; 10,000 of them for training and the next 5,000 for validation. Theirs train with the book's settings. Ours
read the same training windows, each for no more seconds than its counterpart just took. Nobody sees validation data
before the end, and no time counts validation, so no model is chosen by what it is measured on.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn
from torch.utils.data import DataLoader

from autograder import d2l as witness
from autograder.reference.rnn import clip_gradients_
from benchmarks.figures import Bar, Measured, Row, Section
from benchmarks.networks import NETWORKS, Network, Recipe

BOOK = "timemachine.txt"
SHA1 = "090b5e7e70c295757f55df93cb0a180b9691891a"
BATCH, NUM_STEPS, CLIP = 1024, 32, 1.0
"""The book's settings, the same in all three sections."""
TITLE = "The Time Machine: validation perplexity"


@dataclass(frozen=True)
class Trained:
    """What one training came to."""

    seconds: float
    train: float
    validation: float
    weights: int


Pairs = list[tuple[Trained, Trained]]


def measure(quick: bool = False) -> Section:
    """Every network on both sides, with three seeds; skipped without the book."""
    text, missing = read_book()
    if missing:
        return Section("timemachine", TITLE, skipped=missing)
    data, seeds = book_data(text), 1 if quick else 3
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for both: threads that wait for a busy core would cost either of them at random
    try:
        found = {
            network: [both(network, data, seed, network.epochs // 10 if quick else network.epochs)
                      for seed in range(seeds)]
            for network in NETWORKS
        }
    finally:
        torch.set_num_threads(threads)
    return section_of(found)


def read_book() -> tuple[str, str]:
    """The text, or why it is not there."""
    folder = os.environ.get("COURSE_CORPORA")
    if not folder:
        return "", f"Set COURSE_CORPORA to a folder that holds {BOOK}."
    path = Path(folder, BOOK)
    if not path.is_file():
        return "", f"There is no {BOOK} in COURSE_CORPORA."
    if hashlib.sha1(path.read_bytes()).hexdigest() != SHA1:
        return "", f"{BOOK} in COURSE_CORPORA is not the edition that the book uses (another SHA-1)."
    return path.read_text(encoding="utf-8"), ""


def both(network: Network, data: Any, seed: int, epochs: int) -> tuple[Trained, Trained]:
    """Theirs, then ours on the same windows within the same time."""
    theirs = train_theirs(network, data, seed, epochs)
    return theirs, train_ours(network, data, seed, theirs.seconds)


def book_data(text: str) -> Any:
    """d2l's data module on our copy of the book, without the validation passes that would cost theirs time."""
    d2l = witness.load()

    class Book(d2l.TimeMachine):  # type: ignore[misc, name-defined]
        def _download(self) -> str:
            return text

        def val_dataloader(self) -> DataLoader[Any] | None:
            return None

    return Book(batch_size=BATCH, num_steps=NUM_STEPS)


def train_theirs(network: Network, data: Any, seed: int, epochs: int) -> Trained:
    """As in the book: d2l's own trainer."""
    d2l = witness.load()
    torch.manual_seed(seed)
    began = time.perf_counter()
    model = network.theirs(len(data.vocab))
    d2l.Trainer(max_epochs=epochs, gradient_clip_val=CLIP).fit(model, data)
    return _trained(time.perf_counter() - began, model, data, lambda ids: model(ids))


def train_ours(network: Network, data: Any, seed: int, budget: float) -> Trained:
    """By the recipe, for its steps or, where this machine is slow or busy, for `budget` seconds."""
    recipe, generator = network.recipe, torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    inputs, targets = data.X[: data.num_train], data.Y[: data.num_train]
    began = time.perf_counter()
    model = network.build(len(data.vocab))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay)
    weights = list(model.parameters())
    step = 0
    while (progress := max(step / recipe.steps, (time.perf_counter() - began) / (0.95 * budget))) < 1:
        step += 1
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step, progress)
        rows = torch.randint(len(inputs), (recipe.batch,), generator=generator)
        loss = F.cross_entropy(network.logits(model, inputs[rows]).flatten(0, 1), targets[rows].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_gradients_([w.grad for w in weights if w.grad is not None], recipe.clip)
        optimizer.step()
    return _trained(time.perf_counter() - began, model, data, lambda ids: network.logits(model, ids))


def learning_rate(recipe: Recipe, step: int, progress: float) -> float:
    """Linear warm-up, then half a cosine; `progress` runs from 0 to 1, in steps or in time, whichever is further."""
    return recipe.learning_rate * min(1.0, step / recipe.warmup) * 0.5 * (1 + math.cos(math.pi * progress))


def _trained(seconds: float, model: nn.Module, data: Any, logits_of: Any) -> Trained:
    model.eval()
    ends = data.num_train, data.num_train + data.num_val
    levels = [perplexity(logits_of, data.X[a:b], data.Y[a:b]) for a, b in ((0, ends[0]), ends)]
    return Trained(seconds, levels[0], levels[1], sum(p.numel() for p in model.parameters()))


@torch.no_grad()
def perplexity(logits_of: Any, inputs: Int[Tensor, "n seq"], targets: Int[Tensor, "n seq"]) -> float:
    """exp of the mean of -ln P over all characters of all windows."""
    return math.exp(F.cross_entropy(logits_of(inputs).flatten(0, 1), targets.flatten()).item())


def section_of(found: dict[Network, Pairs]) -> Section:
    """Four rows and two bars for each network."""
    rows = [row for network, pairs in found.items() for row in _rows(network.name, pairs)]
    bars = [bar for network, pairs in found.items() for bar in _bars(network.name, pairs)]
    seeds = max(len(pairs) for pairs in found.values())
    notes = (f"{seeds} seed{'s' if seeds > 1 else ''}; medians and extremes. One thread each.",)
    return Section("timemachine", TITLE, ("d2l", "ours"), tuple(rows), tuple(bars), notes)


def _rows(name: str, pairs: Pairs) -> list[Row]:
    columns = list(zip(*pairs, strict=True))

    def row(label: str, unit: str, attribute: str) -> Row:
        cells = (Measured(tuple(float(getattr(t, attribute)) for t in column), unit) for column in columns)
        return Row(f"{name}: {label}", tuple(cells))

    return [
        row("validation perplexity", "", "validation"), row("training perplexity", "", "train"),
        row("seconds of training", "s", "seconds"), row("weights", "", "weights"),
    ]


def _bars(name: str, pairs: Pairs) -> list[Bar]:
    levels, _, seconds, _ = (row.cells for row in _rows(name, pairs))
    better = all(ours.validation < theirs.validation for theirs, ours in pairs)
    sooner = all(ours.seconds <= theirs.seconds for theirs, ours in pairs)
    return [
        Bar(f"{name}: validation perplexity {levels[1]}; d2l's {levels[0]}; lower with every seed asked for", better),
        Bar(f"{name}: training {seconds[1]}; d2l's {seconds[0]}; no more with any seed asked for", sooner),
    ]
