"""*The Time Machine*, character by character: lesson 02's recurrent language model beside d2l's `RNNLMScratch`.

Zhang et al. (2023), Dive into Deep Learning, sections 9.5 and 9.6: windows of 32 characters, one starting at each
place; 10,000 of them for training and the next 5,000 for validation. Theirs trains with the book's settings. Ours
reads the same training windows, for no more seconds than theirs just took. Neither sees validation data before the
end, and neither time counts validation, so no model is chosen by what it is measured on.
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
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.data import DataLoader

from autograder import d2l as witness
from autograder.reference.rnn import RNNLanguageModel, clip_gradients_, rnn_forward
from benchmarks.figures import Bar, Measured, Row, Section

BOOK = "timemachine.txt"
SHA1 = "090b5e7e70c295757f55df93cb0a180b9691891a"
BATCH, NUM_STEPS, NUM_HIDDENS, LEARNING_RATE, CLIP, EPOCHS = 1024, 32, 32, 1.0, 1.0, 100
"""The book's settings, section 9.5.3."""
TITLE = "The Time Machine: validation perplexity"


@dataclass(frozen=True)
class Recipe:
    """How ours trains: AdamW, the learning rate rising over `warmup` steps and then falling to zero as a cosine."""

    d_embed: int = 64
    d_hidden: int = 128
    batch: int = 64
    steps: int = 600
    learning_rate: float = 5e-3
    warmup: int = 20
    weight_decay: float = 0.1
    clip: float = 1.0
    drop_embedding: float = 0.2
    drop_state: float = 0.3


@dataclass(frozen=True)
class Trained:
    """What one training came to."""

    seconds: float
    train: float
    validation: float
    weights: int


def measure(quick: bool = False) -> Section:
    """Both models, with three seeds; skipped without the book."""
    text, missing = read_book()
    if missing:
        return Section("timemachine", TITLE, skipped=missing)
    epochs, seeds = (10, 1) if quick else (EPOCHS, 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for both: threads that wait for a busy core would cost either of them at random
    try:
        pairs = [both(text, seed, epochs) for seed in range(seeds)]
    finally:
        torch.set_num_threads(threads)
    return _section(pairs, epochs)


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


def both(text: str, seed: int, epochs: int) -> tuple[Trained, Trained]:
    """Theirs, then ours on the same windows within the same time."""
    data = book_data(text)
    theirs = train_theirs(data, seed, epochs)
    return theirs, train_ours(data, seed, theirs.seconds)


def book_data(text: str) -> Any:
    """d2l's data module on our copy of the book, without the validation passes that would cost theirs time."""
    d2l = witness.load()

    class Book(d2l.TimeMachine):  # type: ignore[misc, name-defined]
        def _download(self) -> str:
            return text

        def val_dataloader(self) -> DataLoader[Any] | None:
            return None

    return Book(batch_size=BATCH, num_steps=NUM_STEPS)


def train_theirs(data: Any, seed: int, epochs: int) -> Trained:
    """`RNNLMScratch` as in section 9.5, its live plot switched off."""
    d2l = witness.load()

    class Quiet(d2l.RNNLMScratch):  # type: ignore[misc, name-defined]
        def plot(self, *args: object, **kwargs: object) -> None:
            return

    torch.manual_seed(seed)
    began = time.perf_counter()
    model = Quiet(d2l.RNNScratch(len(data.vocab), NUM_HIDDENS), vocab_size=len(data.vocab), lr=LEARNING_RATE)
    d2l.Trainer(max_epochs=epochs, gradient_clip_val=CLIP).fit(model, data)
    return _trained(time.perf_counter() - began, model, data, lambda ids: model(ids))


def train_ours(data: Any, seed: int, budget: float, recipe: Recipe = Recipe()) -> Trained:
    """`RNNLanguageModel` by the recipe, for its steps or, where this machine is slow or busy, for `budget` seconds."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    inputs, targets = data.X[: data.num_train], data.Y[: data.num_train]
    began = time.perf_counter()
    model = RNNLanguageModel(len(data.vocab), recipe.d_embed, recipe.d_hidden)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay)
    weights = list(model.parameters())
    step = 0
    while (progress := max(step / recipe.steps, (time.perf_counter() - began) / (0.95 * budget))) < 1:
        step += 1
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step, progress)
        rows = torch.randint(len(inputs), (recipe.batch,), generator=generator)
        loss = F.cross_entropy(noisy_logits(model, inputs[rows], recipe).flatten(0, 1), targets[rows].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_gradients_([w.grad for w in weights if w.grad is not None], recipe.clip)
        optimizer.step()
    return _trained(time.perf_counter() - began, model, data, lambda ids: model(ids)[0])


def learning_rate(recipe: Recipe, step: int, progress: float) -> float:
    """Linear warm-up, then half a cosine; `progress` runs from 0 to 1, in steps or in time, whichever is further."""
    return recipe.learning_rate * min(1.0, step / recipe.warmup) * 0.5 * (1 + math.cos(math.pi * progress))


def noisy_logits(
    model: RNNLanguageModel, ids: Int[Tensor, "batch seq"], recipe: Recipe
) -> Float[Tensor, "batch seq vocab_size"]:
    """The model's forward pass with dropout on what goes into the recurrence and on what comes out of it."""
    x = F.dropout(model.embedding(ids), recipe.drop_embedding)
    h_0 = x.new_zeros(len(ids), recipe.d_hidden)
    states, _ = rnn_forward(x, h_0, model.W_xh, model.W_hh, model.b_h)
    logits: Tensor = model.output(F.dropout(states, recipe.drop_state))
    return logits


def _trained(seconds: float, model: nn.Module, data: Any, logits_of: Any) -> Trained:
    model.eval()
    ends = data.num_train, data.num_train + data.num_val
    levels = [perplexity(logits_of, data.X[a:b], data.Y[a:b]) for a, b in ((0, ends[0]), ends)]
    return Trained(seconds, levels[0], levels[1], sum(p.numel() for p in model.parameters()))


@torch.no_grad()
def perplexity(logits_of: Any, inputs: Int[Tensor, "n seq"], targets: Int[Tensor, "n seq"]) -> float:
    """exp of the mean of -ln P over all characters of all windows."""
    return math.exp(F.cross_entropy(logits_of(inputs).flatten(0, 1), targets.flatten()).item())


def _section(pairs: list[tuple[Trained, Trained]], epochs: int) -> Section:
    columns = list(zip(*pairs, strict=True))

    def row(name: str, unit: str, attribute: str) -> Row:
        return Row(name, tuple(Measured(tuple(float(getattr(t, attribute)) for t in c), unit) for c in columns))

    rows = (
        row("validation perplexity", "", "validation"), row("training perplexity", "", "train"),
        row("seconds of training", "s", "seconds"), row("weights", "", "weights"),
    )
    better = all(ours.validation < theirs.validation for theirs, ours in pairs)
    sooner = all(ours.seconds <= theirs.seconds for theirs, ours in pairs)
    levels, seconds = rows[0].cells, rows[2].cells
    bars = (
        Bar(f"validation perplexity {levels[1]}; d2l's {levels[0]}; lower with every seed asked for", better),
        Bar(f"training {seconds[1]}; d2l's {seconds[0]}; no more with any seed asked for", sooner),
    )
    notes = (f"{len(pairs)} seeds; medians and extremes. Theirs: {epochs} epochs. One thread each.",)
    return Section("timemachine", TITLE, ("d2l RNNLMScratch", "RNNLanguageModel"), rows, bars, notes)
