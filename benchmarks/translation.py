"""English to French on sentences that people wrote: lesson 04's encoder and decoder beside d2l's `Seq2Seq`.

Zhang et al. (2023), Dive into Deep Learning, sections 10.5 to 10.7. A fifth of the English sentences is held out with
all their translations. Both models get the same training pairs in the book's own arrays (its tokens, its vocabularies,
nine steps) and answer the same held-out pairs greedily; what comes after `<eos>` is cut off from either. Theirs trains
with the book's settings. Ours trains for no more seconds than theirs just took. BLEU is that of all held-out pairs
together; nothing was chosen by it while a model trained.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from autograder import d2l as witness
from autograder.reference.encoder_decoder import (
    Seq2SeqDecoder,
    Seq2SeqEncoder,
    context_vector,
    corpus_bleu,
    greedy_decode,
)
from benchmarks.figures import Bar, Measured, Row, Section

CORPUS, MAX_PAIRS, HELD_OUT = "tatoeba/fra.txt", 5000, 0.2
BATCH, NUM_STEPS, D_EMBED, D_HIDDEN, NUM_LAYERS, DROPOUT = 128, 9, 256, 256, 2, 0.2
LEARNING_RATE, CLIP, EPOCHS = 0.005, 1.0, 30
"""The book's settings, section 10.7.6."""
TITLE = "English to French: BLEU on held-out sentences"
Pair = tuple[str, str]


@dataclass(frozen=True)
class Recipe:
    """How ours trains: AdamW, smoothed labels, the rate rising over `warmup` steps and then falling as a cosine."""

    d_embed: int = 128
    d_hidden: int = 256
    num_layers: int = 1
    batch: int = 64
    steps: int = 1500
    learning_rate: float = 3e-3
    warmup: int = 50
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    dropout: float = 0.3
    clip: float = 1.0


@dataclass(frozen=True)
class Translated:
    """What one training came to."""

    seconds: float
    train: float
    held_out: float
    weights: int


def measure(quick: bool = False) -> Section:
    """Both models, with three seeds; skipped without the corpus."""
    pairs, missing = read_pairs()
    if missing:
        return Section("translation", TITLE, skipped=missing)
    epochs, seeds = (3, 1) if quick else (EPOCHS, 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for both: threads that wait for a busy core would cost either of them at random
    try:
        found = [both(pairs, seed, epochs) for seed in range(seeds)]
    finally:
        torch.set_num_threads(threads)
    return _section(found, epochs)


def read_pairs() -> tuple[list[Pair], str]:
    """The first sentence pairs of the corpus, or why it is not there."""
    folder = os.environ.get("COURSE_CORPORA")
    if not folder:
        return [], f"Set COURSE_CORPORA to a folder that holds {CORPUS}."
    path = Path(folder, CORPUS)
    if not path.is_file():
        return [], f"There is no {CORPUS} in COURSE_CORPORA."
    lines = path.read_text(encoding="utf-8").splitlines()[:MAX_PAIRS]
    return [(english, french) for english, french, *_ in (line.split("\t") for line in lines)], ""


def split(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Training and held-out pairs. No English sentence is in both; which ones are held out never changes."""
    sentences = sorted({english for english, _ in pairs})
    random.Random(0).shuffle(sentences)
    held_out = set(sentences[: round(HELD_OUT * len(sentences))])
    return [p for p in pairs if p[0] not in held_out], [p for p in pairs if p[0] in held_out]


def both(pairs: Sequence[Pair], seed: int, epochs: int) -> tuple[Translated, Translated]:
    """Theirs, then ours on the same pairs within the same time."""
    train, held_out = split(pairs)
    data = book_data(train)
    theirs = train_theirs(data, held_out, seed, epochs)
    return theirs, train_ours(data, held_out, seed, theirs.seconds)


def book_data(train: Sequence[Pair]) -> Any:
    """d2l's data module on these pairs; its vocabularies know no held-out word that training doesn't show twice."""
    d2l = witness.load()

    class Pairs(d2l.MTFraEng):  # type: ignore[misc, name-defined]
        def _download(self) -> str:
            return "\n".join("\t".join(pair) for pair in train)

        def val_dataloader(self) -> None:
            return None

    data = Pairs(batch_size=BATCH, num_steps=NUM_STEPS, num_train=len(train), num_val=0)
    data.pairs = train
    return data


def book_model(data: Any) -> Any:
    """`Seq2Seq` as section 10.7 builds it, its live plot switched off.

    The library lacks what the section adds to it on the page, the decoder and the masked loss: they are written here
    as the section describes them.
    """
    d2l = witness.load()

    class Decoder(d2l.Decoder):  # type: ignore[misc, name-defined]
        def __init__(self, vocab_size: int) -> None:
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, D_EMBED)
            self.rnn = d2l.GRU(D_EMBED + D_HIDDEN, D_HIDDEN, NUM_LAYERS, DROPOUT)
            self.dense = nn.Linear(D_HIDDEN, vocab_size)
            self.apply(d2l.init_seq2seq)

        def init_state(self, encoded: Any, *_: Any) -> Any:
            return encoded

        def forward(self, ids: Tensor, encoded_and_state: Any) -> tuple[Tensor, Any]:
            encoded, state = encoded_and_state
            embedded = self.embedding(ids.T.long())
            context = encoded[-1].expand(len(embedded), -1, -1)
            outputs, state = self.rnn(torch.cat([embedded, context], dim=-1), state)
            return self.dense(outputs).transpose(0, 1), [encoded, state]

    class Quiet(d2l.Seq2Seq):  # type: ignore[misc, name-defined]
        def plot(self, *args: object, **kwargs: object) -> None:
            return

        def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
            each: Tensor = super().loss(logits, labels, averaged=False)
            real = labels.flatten() != self.tgt_pad
            return (each * real).sum() / real.sum()

    encoder = d2l.Seq2SeqEncoder(len(data.src_vocab), D_EMBED, D_HIDDEN, NUM_LAYERS, DROPOUT)
    return Quiet(encoder, Decoder(len(data.tgt_vocab)), tgt_pad=data.tgt_vocab["<pad>"], lr=LEARNING_RATE)


def train_theirs(data: Any, held_out: Sequence[Pair], seed: int, epochs: int) -> Translated:
    """The book's model by the book's settings; it predicts step by step, greedily, as in section 10.7.7."""
    torch.manual_seed(seed)
    began = time.perf_counter()
    model = book_model(data)
    witness.load().Trainer(max_epochs=epochs, gradient_clip_val=CLIP).fit(model, data)
    seconds = time.perf_counter() - began

    def predict(source: Tensor, lengths: Tensor, target: Tensor) -> list[list[int]]:
        rows, _ = model.predict_step((source, target, lengths, target), torch.device("cpu"), NUM_STEPS)
        found: list[list[int]] = rows.tolist()
        return found

    return _translated(seconds, model, data, held_out, predict)


def train_ours(
    data: Any, held_out: Sequence[Pair], seed: int, budget: float, recipe: Recipe = Recipe()
) -> Translated:
    """The lesson's classes by the recipe, for its steps or, where this machine is slow or busy, for `budget` seconds.

    Dropout is hooked on: the classes of the lesson have none.
    """
    torch.manual_seed(seed)
    began = time.perf_counter()
    sizes = recipe.d_embed, recipe.d_hidden, recipe.num_layers
    encoder, decoder = Seq2SeqEncoder(len(data.src_vocab), *sizes), Seq2SeqDecoder(len(data.tgt_vocab), *sizes)
    model = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
    dropout = partial(F.dropout, p=recipe.dropout)
    for embedding in (encoder.embedding, decoder.embedding):
        embedding.register_forward_hook(lambda module, _, out: dropout(out, training=module.training))
    decoder.output.register_forward_pre_hook(lambda module, given: (dropout(given[0], training=module.training),))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay)
    step = 0
    while (progress := max(step / recipe.steps, (time.perf_counter() - began) / (0.95 * budget))) < 1:
        step += 1
        rate = recipe.learning_rate * min(1.0, step / recipe.warmup) * 0.5 * (1 + math.cos(math.pi * progress))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = _loss(model, data, torch.randint(len(data.arrays[0]), (recipe.batch,)), recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimizer.step()
    predict = partial(_predict, encoder, decoder, data.tgt_vocab)
    return _translated(time.perf_counter() - began, model, data, held_out, predict)


def _loss(model: nn.ModuleDict, data: Any, rows: Int[Tensor, " batch"], smoothing: float) -> Tensor:
    """Mean cross-entropy over the real tokens of some pairs, every other class sharing `smoothing` of the target."""
    source, inputs, lengths, labels = (array[rows].long() for array in data.arrays)
    pad = data.tgt_vocab["<pad>"]
    longest, most = int(lengths.max()), int((labels != pad).sum(dim=1).max())
    outputs, state = model["encoder"](source[:, :longest], lengths)
    logits, _ = model["decoder"](inputs[:, :most], context_vector(outputs, lengths, "last"), state)
    return F.cross_entropy(
        logits.flatten(0, 1), labels[:, :most].flatten(), ignore_index=pad, label_smoothing=smoothing
    )


def _predict(
    encoder: Seq2SeqEncoder, decoder: Seq2SeqDecoder, vocab: Any, source: Tensor, lengths: Tensor, _: Tensor
) -> list[list[int]]:
    outputs, first = encoder(source, lengths)
    context = context_vector(outputs, lengths, "last")

    def step(ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        logits, state = decoder(ids[:, None], context, state)
        return logits[:, -1], state

    return greedy_decode(step, first, vocab["<bos>"], vocab["<eos>"], NUM_STEPS, len(source))


def _translated(seconds: float, model: nn.Module, data: Any, held_out: Sequence[Pair], predict: Any) -> Translated:
    model.eval()
    levels = [bleu(data, pairs, predict) for pairs in (data.pairs, held_out)]
    return Translated(seconds, levels[0], levels[1], sum(p.numel() for p in model.parameters()))


@torch.no_grad()
def bleu(data: Any, pairs: Sequence[Pair], predict: Any) -> float:
    """BLEU of what is predicted for the English sentences, against all words of the French ones."""
    source, target, lengths, _ = data.build(*zip(*pairs, strict=True))
    rows = predict(source.long(), lengths.long(), target.long())
    _, french = data._tokenize(data._preprocess("\n".join("\t".join(pair) for pair in pairs)))
    return corpus_bleu([_words(row, data.tgt_vocab) for row in rows], [words[:-1] for words in french])


def _words(row: Sequence[int], vocab: Any) -> list[str]:
    """The words before `<eos>`."""
    tokens = [vocab.idx_to_token[i] for i in row]
    return tokens[: tokens.index("<eos>")] if "<eos>" in tokens else tokens


def _section(found: list[tuple[Translated, Translated]], epochs: int) -> Section:
    columns = list(zip(*found, strict=True))

    def row(name: str, unit: str, attribute: str) -> Row:
        return Row(name, tuple(Measured(tuple(float(getattr(t, attribute)) for t in c), unit) for c in columns))

    rows = (
        row("BLEU, held-out pairs", "", "held_out"), row("BLEU, training pairs", "", "train"),
        row("seconds of training", "s", "seconds"), row("weights", "", "weights"),
    )
    better = all(ours.held_out > theirs.held_out for theirs, ours in found)
    sooner = all(ours.seconds <= theirs.seconds for theirs, ours in found)
    levels, seconds = rows[0].cells, rows[2].cells
    bars = (
        Bar(f"BLEU {levels[1]}; d2l's {levels[0]}; higher with every seed asked for", better),
        Bar(f"training {seconds[1]}; d2l's {seconds[0]}; no more with any seed asked for", sooner),
    )
    notes = (f"{len(found)} seeds; medians and extremes. Theirs: {epochs} epochs. One thread each.",)
    return Section("translation", TITLE, ("d2l Seq2Seq", "Seq2SeqEncoder, Seq2SeqDecoder"), rows, bars, notes)
