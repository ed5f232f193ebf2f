"""The baselines of the trained exercises: what each lesson's simplest model answers to a case."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import data, pairs
from autograder.exercise import Case
from autograder.exercises.encoder_decoder_trained import EOS, Opposites, Translator, words_before_the_end
from autograder.reference.gru_lstm import delayed_recall_batch
from autograder.trained_exercise import padded


@cache
def bigram_log_p() -> Tensor:
    """The log-probability of the next character after each, from counts with add-0.1 smoothing."""
    vocabulary = data.story_vocabulary()
    ids = torch.tensor(vocabulary.encode(data.stories()))
    counts = torch.full((len(vocabulary), len(vocabulary)), 0.1)
    counts.index_put_((ids[:-1], ids[1:]), torch.ones(len(ids) - 1), accumulate=True)
    return (counts / counts.sum(dim=1, keepdim=True)).log()


def bigram(case: Case) -> dict[str, Any]:
    """The next character from the last one alone."""
    return {"logits": bigram_log_p()[case.inputs["ids"][:, -1]]}


@cache
def weight_of_words() -> Tensor:
    """Logistic regression on word counts, trained until it does not improve."""
    vocabulary, reviews = data.review_vocabulary(), data.reviews()
    train = word_counts(padded([vocabulary.encode(review.words) for review in reviews])[0], len(vocabulary))
    labels = torch.tensor([float(review.label) for review in reviews])
    weight = torch.zeros(len(vocabulary), requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=300)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(train @ weight, labels) + 1e-3 * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach()


def bag_of_words(case: Case) -> dict[str, Any]:
    """A review's verdict from how often each word occurs."""
    scores = word_counts(case.inputs["ids"], len(data.review_vocabulary())) @ weight_of_words()
    return {"logits": torch.stack([-scores, scores], dim=1)}


def word_counts(ids: Tensor, vocab_size: int) -> Tensor:
    """How often each word occurs in each row; column 0, the padding's, is 1 and serves as the bias."""
    counts = torch.zeros(len(ids), vocab_size).scatter_add_(1, ids, torch.ones(ids.shape))
    counts[:, 0] = 1
    return counts


@cache
def tags_of_words() -> Tensor:
    """How often every word has each tag in training."""
    vocabulary = data.apple_vocabulary()
    tally = torch.zeros(len(vocabulary), len(data.TAGS))
    for sentence in data.apple():
        for word, tag in zip(vocabulary.encode(sentence.words), sentence.tag_ids, strict=True):
            tally[word, tag] += 1
    return tally


def majority(case: Case) -> dict[str, Any]:
    """For every word the tag that it had most often in training."""
    return {"logits": tags_of_words()[case.inputs["ids"]]}


RECALL_UPDATES = 1000


class VanillaRNN(nn.Module):
    """The model of delayed recall with an RNN in the place of the gated network."""

    def __init__(self, num_symbols: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_symbols + 2, 16)
        self.rnn = nn.RNN(16, 64, batch_first=True)
        self.output = nn.Linear(64, num_symbols)

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.output(self.rnn(self.embedding(ids))[0][:, -1])
        return logits


@cache
def trained_on_recall(num_symbols: int, seed: int = 0, updates: int = RECALL_UPDATES) -> VanillaRNN:
    """Trained as the lesson trains its own: the same batches, delays, optimiser and number of updates."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, generator = VanillaRNN(num_symbols), torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(model.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=updates)
        for _ in range(updates):
            inputs, targets = delayed_recall_batch(64, num_symbols, int(torch.randint(61, ())), generator)
            loss = F.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.eval()


def vanilla_rnn(case: Case) -> dict[str, Any]:
    """Delayed recall without gates."""
    kinds = case.inputs["sizes"]["num_symbols"]
    model = trained_on_recall(kinds)
    return {
        "logits": {name: model(case.inputs[name]).detach() for name in case.truth["symbols"]},
        "untrained": torch.zeros(len(case.truth["known"]), kinds),
    }


def without_positions(case: Case) -> dict[str, Any]:
    """A sequence reversed by the best guess that no knowledge of positions allows.

    To a place whose number is unknown, its mirror is any other place alike; at odd lengths it may be the place itself.
    """
    classes, logits = case.inputs["sizes"]["vocab_size"], {}
    for name in case.truth["reversed"]:
        own = F.one_hot(case.inputs[name], classes).float()
        others = own.sum(dim=1, keepdim=True)
        logits[name] = others.expand_as(own) if own.shape[1] % 2 else others - own
    longest = max(logits.values(), key=lambda rows: rows.shape[1])
    return {"logits": logits, "alone": longest[:1], "scrambled": torch.zeros(*case.inputs["probe"].shape, classes)}


def table_of_opposites(case: Case) -> dict[str, Any]:
    """The lesson's words looked up; of any other word, the word itself."""
    vocabulary = pairs.opposite_vocabulary()
    table = {pair.word: pair.opposite for pair in pairs.opposites()}
    words = ("".join(vocabulary.decode(row)) for row in words_before_the_end(case.inputs["ids"]))
    return as_ids([vocabulary.encode(table.get(word, word)) for word in words], Opposites.max_steps)


def word_by_word(case: Case) -> dict[str, Any]:
    """Each word's most frequent translation, in the order of the source."""
    source, target = pairs.source_vocabulary("fra"), pairs.target_vocabulary("fra")
    sentences = (source.decode(row) for row in words_before_the_end(case.inputs["ids"]))
    dictionary = pairs.word_dictionary("fra")
    rows = [target.encode(pairs.translate_word_by_word(words, dictionary)) for words in sentences]
    return as_ids(rows, Translator.max_steps)


def as_ids(rows: list[list[int]], max_steps: int) -> dict[str, Any]:
    """Rows as a decoder says them, each closed by `<eos>`."""
    return {"ids": padded([[*row[: max_steps - 1], EOS] for row in rows])[0]}


BASELINES: dict[str, tuple[str, Callable[[Case], dict[str, Any]]]] = {
    "char_language_model": ("bigram", bigram), "sentiment": ("bag of words", bag_of_words),
    "entities": ("per-word majority", majority), "recall": ("vanilla RNN", vanilla_rnn),
    "set_of_positions": ("no positions", without_positions),
    "opposites": ("table of the lesson's words", table_of_opposites),
    "translator": ("word-by-word dictionary", word_by_word),
}
"""By exercise: the baseline's name, and what it answers."""
