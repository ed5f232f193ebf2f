"""The recurrent language models that `timemachine` compares: d2l's with the book's settings, ours from the reference.

Ours take their cells from `autograder.reference`, so what is measured is what the lessons teach.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from autograder import d2l as witness
from autograder.reference.gru_lstm import deep_gru_forward, lstm_forward
from autograder.reference.rnn import RNNLanguageModel, rnn_forward

NUM_HIDDENS = 32
"""Of theirs, sections 9.5 to 10.2."""


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


class GatedLanguageModel(nn.Module):
    """An embedding, one gated layer, and logits for the next token; the layer's weights as lesson 03 names them."""

    def __init__(self, letters: str, vocab_size: int, d_embed: int, d_hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.params = nn.ParameterDict()
        for letter in letters:
            self.params[f"W_x{letter}"] = nn.Parameter(torch.randn(d_embed, d_hidden) / math.sqrt(d_embed))
            self.params[f"W_h{letter}"] = nn.Parameter(nn.init.orthogonal_(torch.empty(d_hidden, d_hidden)))
            self.params[f"b_{letter}"] = nn.Parameter(torch.zeros(d_hidden))
        self.output = nn.Linear(d_hidden, vocab_size)


Read = Callable[[Any, Float[Tensor, "batch seq d_embed"]], Float[Tensor, "batch seq d_hidden"]]


def read_rnn(model: RNNLanguageModel, x: Tensor) -> Tensor:
    """The states of lesson 02's network, from zeros."""
    return rnn_forward(x, x.new_zeros(len(x), len(model.b_h)), model.W_xh, model.W_hh, model.b_h)[0]


def read_gru(model: GatedLanguageModel, x: Tensor) -> Tensor:
    """The states of a GRU layer, from zeros."""
    params = dict(model.params.items())
    return deep_gru_forward(x, x.new_zeros(1, len(x), len(params["b_h"])), [params])[0]


def read_lstm(model: GatedLanguageModel, x: Tensor) -> Tensor:
    """The hidden states of an LSTM layer, from zeros."""
    params = dict(model.params.items())
    zeros = x.new_zeros(len(x), len(params["b_f"]))
    return lstm_forward(x, zeros, zeros, params)[0]


@dataclass(frozen=True)
class Network:
    """One architecture on both sides: how theirs is built, and for how long; how ours is built, read and trained."""

    name: str
    theirs: Callable[[int], Any]
    epochs: int
    ours: Callable[[int, int, int], nn.Module]
    read: Read
    recipe: Recipe

    def build(self, vocab_size: int) -> nn.Module:
        """Ours."""
        return self.ours(vocab_size, self.recipe.d_embed, self.recipe.d_hidden)

    def logits(self, model: Any, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq vocab_size"]:
        """What ours says; in training with dropout on what goes into the recurrence and on what comes out of it."""
        x = F.dropout(model.embedding(ids), self.recipe.drop_embedding, model.training)
        logits: Tensor = model.output(F.dropout(self.read(model, x), self.recipe.drop_state, model.training))
        return logits


def their_rnn(vocab_size: int) -> Any:
    """Section 9.5: from scratch."""
    d2l = witness.load()
    return _quiet(d2l.RNNLMScratch)(d2l.RNNScratch(vocab_size, NUM_HIDDENS), vocab_size=vocab_size, lr=1.0)


def their_gru(vocab_size: int) -> Any:
    """Section 10.2, the concise version."""
    d2l = witness.load()
    return _quiet(d2l.RNNLM)(d2l.GRU(vocab_size, NUM_HIDDENS, num_layers=1), vocab_size=vocab_size, lr=4.0)


def their_lstm(vocab_size: int) -> Any:
    """Section 10.1, the concise version; d2l does not export its class, a `d2l.RNN` around `nn.LSTM`."""
    d2l = witness.load()
    network = d2l.RNN(vocab_size, NUM_HIDDENS)
    network.rnn = nn.LSTM(vocab_size, NUM_HIDDENS)
    return _quiet(d2l.RNNLM)(network, vocab_size=vocab_size, lr=4.0)


def _quiet(kind: type[Any]) -> Any:
    """A model of d2l's whose live plot is switched off."""
    return type(kind.__name__, (kind,), {"plot": lambda self, *args, **kwargs: None})


_GATED = Recipe(drop_embedding=0.4, drop_state=0.5)
NETWORKS = (
    Network("RNN", their_rnn, 100, RNNLanguageModel, read_rnn, Recipe()),
    Network("GRU", their_gru, 50, lambda *sizes: GatedLanguageModel("rzh", *sizes), read_gru, _GATED),
    Network("LSTM", their_lstm, 50, lambda *sizes: GatedLanguageModel("ifoc", *sizes), read_lstm, _GATED),
)
"""The recipe of the gated ones was chosen on the training windows alone: with the last fifth of them held out."""
