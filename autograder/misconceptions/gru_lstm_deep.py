"""Named wrong answers to lesson 03: layers on top of each other, and reading both ways."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import misconception
from autograder.reference import gru_lstm as right

Params = dict[str, Tensor]
Pair = tuple[Tensor, Tensor]
Step = Callable[[Tensor, Tensor], Tensor]


# deep_gru_forward


def layer(x: Tensor, h: Tensor, params: Params) -> Tensor:
    """The states of one layer."""
    states = []
    for t in range(x.shape[1]):
        h = right.gru_step(x[:, t], h, params)
        states.append(h)
    return torch.stack(states, dim=1)


def tower(
    x: Tensor, h_0: Tensor, layers: list[Params], between: Callable[[Tensor], Tensor] = lambda states: states
) -> list[Tensor]:
    """The states of every layer; `between` changes what the layer above reads."""
    found = []
    for h, params in zip(h_0, layers, strict=True):
        found.append(layer(x, h, params))
        x = between(found[-1])
    return found


def ends(found: list[Tensor]) -> Tensor:
    return torch.stack([states[:, -1] for states in found])


@misconception(
    "deep_gru_forward", "last state of the top layer only", hint="How many states does the next call need to go on?"
)
def deep_top_state(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    outputs, h_last = right.deep_gru_forward(x, h_0, layers)
    return outputs, h_last[-1]


@misconception("deep_gru_forward", "every layer reads x", hint="What does the second layer read?")
def deep_side_by_side(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    found = [layer(x, h, params) for h, params in zip(h_0, layers, strict=True)]
    return found[-1], ends(found)


@misconception(
    "deep_gru_forward", "one start for all layers", hint="h_0 has an axis of layers. Which of its states do you use?"
)
def deep_one_start(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    return right.deep_gru_forward(x, h_0[:1].expand_as(h_0), layers)


@misconception(
    "deep_gru_forward", "a layer starts where the one below ended",
    hint="Print the state that the second layer starts from. Where does it come from?",
)
def deep_handed_on(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    h, found = h_0[0], []
    for params in layers:
        x = layer(x, h, params)
        h = x[:, -1]
        found.append(h)
    return x, torch.stack(found)


@misconception("deep_gru_forward", "starts from zeros", hint="Which of the three arguments do you never use?")
def deep_from_zeros(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    return right.deep_gru_forward(x, torch.zeros_like(h_0), layers)


@misconception("deep_gru_forward", "one set of weights", hint="Do two layers of yours ever differ in their weights?")
def deep_shared_weights(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    return right.deep_gru_forward(x, h_0, [layers[0]] * len(layers))


@misconception(
    "deep_gru_forward", "outputs of every layer", hint="Whose states are the outputs: those of all layers, or of one?"
)
def deep_all_outputs(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    found = tower(x, h_0, layers)
    return torch.cat(found, dim=2), ends(found)


@misconception("deep_gru_forward", "outputs of the bottom layer", hint="Which layer is nearest to the words?")
def deep_bottom_outputs(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    found = tower(x, h_0, layers)
    return found[0], ends(found)


@misconception("deep_gru_forward", "batch first in h_last", hint="Compare the axes of your h_last with those of h_0.")
def deep_batch_first(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    outputs, h_last = right.deep_gru_forward(x, h_0, layers)
    return outputs, h_last.transpose(0, 1)


@misconception(
    "deep_gru_forward", "detached between layers", hint="The numbers are right. Which layer's weights never learn?"
)
def deep_detached(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    found = tower(x, h_0, layers, between=lambda states: states.detach())
    return found[-1], ends(found)


@misconception(
    "deep_gru_forward", "layers of nn.GRU",
    hint="Your numbers are those of nn.GRU. Is one step of nn.GRU one `gru_step`? Compare the place of the reset gate.",
)
def deep_like_pytorch(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    found = []
    for h, params in zip(h_0, layers, strict=True):
        states = []
        for t in range(x.shape[1]):
            h = pytorch_step(x[:, t], h, params)
            states.append(h)
        x = torch.stack(states, dim=1)
        found.append(h)
    return x, torch.stack(found)


def pytorch_step(x_t: Tensor, h: Tensor, params: Params) -> Tensor:
    r, z = (torch.sigmoid(x_t @ params[f"W_x{g}"] + h @ params[f"W_h{g}"] + params[f"b_{g}"]) for g in "rz")
    return z * h + (1 - z) * torch.tanh(x_t @ params["W_xh"] + r * (h @ params["W_hh"]) + params["b_h"])


@misconception(
    "deep_gru_forward", "the layer below, one step late",
    hint="At step t the layer above reads the layer below. After that layer's step t, or before it?",
)
def deep_late(x: Tensor, h_0: Tensor, layers: list[Params]) -> Pair:
    found: list[Tensor] = []
    for h, params in zip(h_0, layers, strict=True):
        found.append(layer(x, h, params))
        x = torch.cat([h[:, None], found[-1][:, :-1]], dim=1)
    return found[-1], ends(found)


# bidirectional_forward


def read(x: Tensor, step: Step, h: Tensor) -> Tensor:
    """All states from left to right."""
    states = []
    for t in range(x.shape[1]):
        h = step(x[:, t], h)
        states.append(h)
    return torch.stack(states, dim=1)


def zeros(x: Tensor, d_hidden: int) -> Tensor:
    return x.new_zeros(len(x), d_hidden)


def real(x: Tensor, lengths: Tensor) -> Tensor:
    return (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]


def mirrored(x: Tensor, lengths: Tensor) -> Tensor:
    """Each row reversed within its length."""
    return torch.stack([torch.cat([row[:n].flip(0), row[n:]]) for row, n in zip(x, lengths.tolist(), strict=True)])


def halves(x: Tensor, lengths: Tensor, one: Step, other: Step, d_hidden: int) -> Pair:
    """The forward half and the backward half of the right outputs."""
    outputs = right.bidirectional_forward(x, lengths, one, other, d_hidden)
    return outputs[..., :d_hidden], outputs[..., d_hidden:]


@misconception(
    "bidirectional_forward", "backward from the padding",
    hint="Make the padding longer. Why do states of real tokens change?",
)
def both_from_the_padding(
    x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int
) -> Tensor:
    backward = read(x.flip(1), backward_step, zeros(x, d_hidden)).flip(1)
    return torch.cat([read(x, forward_step, zeros(x, d_hidden)), backward], dim=2) * real(x, lengths)


@misconception(
    "bidirectional_forward", "backward half in reading order",
    hint="Which token has the backward direction read last, and at which position should that state stand?",
)
def both_in_reading_order(
    x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int
) -> Tensor:
    backward = read(mirrored(x, lengths), backward_step, zeros(x, d_hidden))
    return torch.cat([read(x, forward_step, zeros(x, d_hidden)), backward], dim=2) * real(x, lengths)


@misconception(
    "bidirectional_forward", "padding not zeroed", hint="What should stand at a position that holds no real token?"
)
def both_with_padding(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    backward = mirrored(read(mirrored(x, lengths), backward_step, zeros(x, d_hidden)), lengths)
    return torch.cat([read(x, forward_step, zeros(x, d_hidden)), backward], dim=2)


@misconception("bidirectional_forward", "halves exchanged", hint="Which direction's state comes first in each output?")
def both_exchanged(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    return torch.cat(halves(x, lengths, forward_step, backward_step, d_hidden)[::-1], dim=2)


@misconception("bidirectional_forward", "one step for both", hint="Two steps come in. Do you call them both?")
def both_with_one_step(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    return right.bidirectional_forward(x, lengths, forward_step, forward_step, d_hidden)


@misconception(
    "bidirectional_forward", "halves added", hint="How wide is an output that keeps what each direction knows apart?"
)
def both_added(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    forward, backward = halves(x, lengths, forward_step, backward_step, d_hidden)
    return forward + backward


@misconception(
    "bidirectional_forward", "backward goes on from the forward state",
    hint="From which state does the backward direction start, and from which should it?",
)
def both_handed_over(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    forward = read(x, forward_step, zeros(x, d_hidden))
    last = forward[torch.arange(len(x), device=x.device), lengths - 1]
    backward = mirrored(read(mirrored(x, lengths), backward_step, last), lengths)
    return torch.cat([forward, backward], dim=2) * real(x, lengths)


@misconception(
    "bidirectional_forward", "as wide as the longest row",
    hint="When no row is full, is your result still as long as the input?",
)
def both_trimmed(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    return right.bidirectional_forward(x, lengths, forward_step, backward_step, d_hidden)[:, : int(lengths.max())]


@misconception(
    "bidirectional_forward", "last state of each direction",
    hint="One state for a sentence, or one for every token: how many are asked for?",
)
def both_summaries(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    forward, backward = halves(x, lengths, forward_step, backward_step, d_hidden)
    return torch.cat([forward[torch.arange(len(x), device=x.device), lengths - 1], backward[:, 0]], dim=1)


@misconception("bidirectional_forward", "sorted, never put back", hint="Is row 0 of the result about row 0 of x?")
def both_sorted(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    order = lengths.argsort(descending=True, stable=True)
    return right.bidirectional_forward(x[order], lengths[order], forward_step, backward_step, d_hidden)


@misconception(
    "bidirectional_forward", "padding zeroed, then read",
    hint="A zero vector is still a step: what does it do to the state that meets the last real token?",
)
def both_zeroed_first(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    blanked = torch.where(real(x, lengths), x, 0.0)
    backward = read(blanked.flip(1), backward_step, zeros(x, d_hidden)).flip(1)
    forward = read(blanked, forward_step, zeros(x, d_hidden))
    return torch.where(real(x, lengths), torch.cat([forward, backward], dim=2), 0.0)


@misconception(
    "bidirectional_forward", "states detached",
    hint="The numbers are right. Can a loss at one position reach the tokens at another?",
)
def both_detached(x: Tensor, lengths: Tensor, forward_step: Step, backward_step: Step, d_hidden: int) -> Tensor:
    def cut(step: Step) -> Step:
        return lambda x_t, h: step(x_t, h.detach())

    return right.bidirectional_forward(x, lengths, cut(forward_step), cut(backward_step), d_hidden)
