"""The recurrent network: its cell, its gradient, and the models built on it.

Notation follows Zhang et al., Dive into Deep Learning (2023), section 9.4.2, with row vectors: a state of `d_h` numbers
is a row, and weights multiply from the right.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def rnn_step(
    x_t: Float[Tensor, "batch d_in"],
    h_prev: Float[Tensor, "batch d_h"],
    W_xh: Float[Tensor, "d_in d_h"],
    W_hh: Float[Tensor, "d_h d_h"],
    b_h: Float[Tensor, " d_h"],
) -> Float[Tensor, "batch d_h"]:
    """h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h).

    Elman (1990), Finding Structure in Time; as written in Zhang et al. (2023), equation 9.4.5.
    """
    return torch.rnn_tanh_cell(x_t, h_prev, W_xh.T, W_hh.T, b_h, torch.zeros_like(b_h))


def rnn_forward(
    x: Float[Tensor, "batch seq d_in"],
    h_0: Float[Tensor, "batch d_h"],
    W_xh: Float[Tensor, "d_in d_h"],
    W_hh: Float[Tensor, "d_h d_h"],
    b_h: Float[Tensor, " d_h"],
) -> tuple[Float[Tensor, "batch seq d_h"], Float[Tensor, "batch d_h"]]:
    """h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h) for t = 1 … seq; returns all states, and the last one.

    Zhang et al. (2023), section 9.5.1; one call of PyTorch's fused operator.
    """
    weights = [W_xh.T.contiguous(), W_hh.T.contiguous(), b_h, torch.zeros_like(b_h)]
    outputs, h_last = torch.rnn_tanh(
        x, h_0.unsqueeze(0).contiguous(), weights,
        has_biases=True, num_layers=1, dropout=0.0, train=False, bidirectional=False, batch_first=True,
    )
    return outputs, h_last[0]


def rnn_backward(
    x: Float[Tensor, "batch seq d_in"],
    h_0: Float[Tensor, "batch d_h"],
    outputs: Float[Tensor, "batch seq d_h"],
    grad_outputs: Float[Tensor, "batch seq d_h"],
    W_xh: Float[Tensor, "d_in d_h"],
    W_hh: Float[Tensor, "d_h d_h"],
) -> dict[str, Tensor]:
    """Back-propagation through time. With a_t the argument of tanh and h_t its value,

        dL/dh_t = grad_outputs_t + dL/da_{t+1} W_hhᵀ        dL/da_t = dL/dh_t ∘ (1 - h_t²)
        dL/dW_xh = Σ_t x_tᵀ dL/da_t     dL/dW_hh = Σ_t h_{t-1}ᵀ dL/da_t     dL/db_h = Σ_t dL/da_t

    Werbos (1990), Backpropagation Through Time; Zhang et al. (2023), section 9.7.
    """
    slope = 1 - outputs**2
    grad_a = torch.empty_like(outputs)
    from_future = torch.zeros_like(h_0)
    for t in reversed(range(outputs.shape[1])):
        grad_a[:, t] = (grad_outputs[:, t] + from_future) * slope[:, t]
        from_future = grad_a[:, t] @ W_hh.T
    previous = torch.cat([h_0.unsqueeze(1), outputs[:, :-1]], dim=1)
    return {
        "x": grad_a @ W_xh.T,
        "h_0": from_future,
        "W_xh": torch.tensordot(x, grad_a, dims=([0, 1], [0, 1])),
        "W_hh": torch.tensordot(previous, grad_a, dims=([0, 1], [0, 1])),
        "b_h": grad_a.sum(dim=(0, 1)),
    }


def clip_gradients_(gradients: list[Tensor], max_norm: float) -> Float[Tensor, ""]:
    """g ← min(1, θ / ‖g‖₂) g, where g is all gradients as one vector; returns ‖g‖₂ from before.

    Pascanu, Mikolov, Bengio (2013), On the Difficulty of Training Recurrent Neural Networks, algorithm 1.
    """
    norm: Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
    if norm > max_norm:
        for g in gradients:
            g.mul_(max_norm / norm)
    return norm


def last_valid_state(
    outputs: Float[Tensor, "batch seq d_h"], lengths: Int[Tensor, " batch"]
) -> Float[Tensor, "batch d_h"]:
    """Row i of the result is outputs[i, lengths[i] - 1]."""
    return outputs[torch.arange(len(lengths), device=outputs.device), lengths - 1]


class RNNLanguageModel(nn.Module):
    """P(next token | everything so far), from the state of an RNN: Mikolov et al. (2010), section 2.

    x_t = embedding of token t;  h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h);  logits_t = output(h_t).
    """

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.W_xh = nn.Parameter(torch.randn(d_embed, d_hidden) * d_embed**-0.5)
        self.W_hh = nn.Parameter(torch.randn(d_hidden, d_hidden) * d_hidden**-0.5)
        self.b_h = nn.Parameter(torch.zeros(d_hidden))
        self.output = nn.Linear(d_hidden, vocab_size)

    def forward(
        self, ids: Int[Tensor, "batch seq"], h_0: Float[Tensor, "batch d_hidden"] | None = None
    ) -> tuple[Float[Tensor, "batch seq vocab_size"], Float[Tensor, "batch d_hidden"]]:
        x = self.embedding(ids)
        if h_0 is None:
            h_0 = x.new_zeros(len(ids), len(self.b_h))
        outputs, h_last = rnn_forward(x, h_0, self.W_xh, self.W_hh, self.b_h)
        return self.output(outputs), h_last


@torch.no_grad()
def generate(
    model: nn.Module,
    prefix: list[int],
    num_tokens: int,
    temperature: float,
    generator: torch.Generator | None = None,
) -> list[int]:
    """Continue `prefix`: each new id is drawn from softmax(logits / temperature), or is the argmax at temperature 0.

    Zhang et al. (2023), section 9.5.4, for the loop; Ackley, Hinton, Sejnowski (1985) for the temperature.
    """
    device = next(model.parameters()).device
    ids = list(prefix)
    unread, state = torch.tensor([prefix], device=device), None
    for _ in range(num_tokens):
        logits, state = model(unread, state)
        unread = _choose(logits[:, -1], temperature, generator)
        ids.append(int(unread))
    return ids


def _choose(
    logits: Float[Tensor, "batch vocab_size"], temperature: float, generator: torch.Generator | None
) -> Int[Tensor, "batch 1"]:
    if temperature == 0:
        return logits.argmax(dim=-1, keepdim=True)
    return torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator)


class RNNClassifier(nn.Module):
    """Many-to-one: logits = output(h at the last real token). Zhang et al. (2023), section 16.2, in one direction."""

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.RNN(d_embed, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, num_classes)

    def forward(
        self, ids: Int[Tensor, "batch seq"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch num_classes"]:
        outputs, _ = self.rnn(self.embedding(ids))
        # An RNN reads left to right, so nothing that comes after the last real token can reach its state.
        logits: Tensor = self.output(last_valid_state(outputs, lengths))
        return logits


class RNNTagger(nn.Module):
    """Aligned many-to-many: logits_t = output(h_t). Mesnil et al. (2013), on slot filling."""

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_tags: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.RNN(d_embed, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, num_tags)

    def forward(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq num_tags"]:
        outputs, _ = self.rnn(self.embedding(ids))
        logits: Tensor = self.output(outputs)
        return logits
