"""A language model of known weights for `generate` to speak through, and the judgement of what it said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from autograder.chance import better_explanations


class ProbeModel(nn.Module):
    """Behaves as an `RNNLanguageModel` and has its attributes; inside, PyTorch's modules do the work."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        (vocab_size, d_embed), d_hidden = weights["embedding.weight"].shape, len(weights["b_h"])
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.cells = nn.RNN(d_embed, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, vocab_size)
        self.to(weights["b_h"])
        cells = {
            "cells.weight_ih_l0": weights["W_xh"].T,
            "cells.weight_hh_l0": weights["W_hh"].T,
            "cells.bias_ih_l0": weights["b_h"],
            "cells.bias_hh_l0": torch.zeros_like(weights["b_h"]),
        }
        self.load_state_dict(cells | {name: w for name, w in weights.items() if "." in name})

    @property
    def W_xh(self) -> Tensor:  # noqa: N802
        return cast(Tensor, self.cells.weight_ih_l0).T

    @property
    def W_hh(self) -> Tensor:  # noqa: N802
        return cast(Tensor, self.cells.weight_hh_l0).T

    @property
    def b_h(self) -> Tensor:
        return cast(Tensor, self.cells.bias_ih_l0)

    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if ids.dim() != 2:
            raise ValueError(f"the model reads ids of shape (batch, seq); got {tuple(ids.shape)}")
        outputs, h_last = self.cells(self.embedding(ids), None if h_0 is None else h_0.unsqueeze(0).contiguous())
        return self.output(outputs), h_last[0]


def same_weights(model: ProbeModel, weights: Mapping[str, Tensor]) -> bool:
    """Whether the model still computes with the weights that it was built from."""
    fresh = ProbeModel(weights).state_dict()
    return all(torch.equal(value, fresh[name]) for name, value in model.state_dict().items())


def form_problem(ids: Any, prefix: list[int], num_tokens: int, vocab_size: int) -> str | None:
    """What is wrong with the form of a continuation, None when nothing is."""
    if type(ids) is not list:
        return f"expected a list of ids, got {type(ids).__name__}"
    strange = next((i for i in ids if type(i) is not int), None)
    if strange is not None:
        return f"expected a list of Python ints; it holds a {type(strange).__name__}"
    if len(ids) != len(prefix) + num_tokens:
        return f"expected the {len(prefix)} ids of the prefix and {num_tokens} new ones; got {len(ids)} in all"
    if ids[: len(prefix)] != prefix:
        return "the result does not begin with the prefix"
    if not all(0 <= i < vocab_size for i in ids):
        return "some ids are outside the vocabulary"
    return None


def greedy_problem(weights: Mapping[str, Tensor], ids: list[int], num_new: int) -> str | None:
    """The first new id that is not the most probable one after all ids before it, None when all are."""
    logits = _logits_before_each(ProbeModel(weights), ids, num_new)
    chosen = logits.gather(1, torch.tensor(ids[len(ids) - num_new :]).reshape(-1, 1))[:, 0]
    # Two ways of computing the same logits differ in the last digits, so a near tie may fall either way.
    slack = 1e-4 * logits.abs().amax(dim=1) if logits.dtype == torch.float32 else 1e-9
    wrong = (chosen < logits.amax(dim=1) - slack).nonzero()
    if len(wrong):
        return f"new id number {int(wrong[0]) + 1} is not the most probable one, given all ids before it"
    return None


def sampling_problem(weights: Mapping[str, Tensor], ids: list[int], num_new: int, temperature: float) -> str | None:
    """What explains the new ids far better than draws from softmax(logits / temperature), None when nothing does."""
    model = ProbeModel({name: weight.double() for name, weight in weights.items()})
    logits = _logits_before_each(model, ids, num_new)
    drawn = torch.tensor(ids[len(ids) - num_new :])
    alone, _ = model(torch.tensor(ids[len(ids) - num_new - 1 : -1]).reshape(-1, 1))
    rivals = {
        "as if the temperature had no effect": logits,
        "as if the temperature worked the wrong way round": logits * temperature,
        "as if the most probable id were always taken": torch.where(logits == logits.amax(1, True), 0.0, -torch.inf),
        "as if every id were as likely as any other": torch.zeros_like(logits),
        "as if all but the last id were forgotten": alone[:, 0] / temperature,
    }
    with_probabilities = {name: r.detach().log_softmax(dim=1) for name, r in rivals.items()}
    found = better_explanations(drawn, (logits / temperature).log_softmax(dim=1), with_probabilities)
    if not found:
        return None
    manner = next((name for name in found if name != "something else"), "by other probabilities")
    return f"these draws do not follow softmax(logits / temperature): they look {manner}"


@torch.no_grad()
def _logits_before_each(model: ProbeModel, ids: list[int], num_new: int) -> Tensor:
    logits: Tensor = model(torch.tensor(ids).reshape(1, -1))[0]
    return logits[0, len(ids) - num_new - 1 : -1]
