"""Named wrong answers to lesson 03, each with a hint that points and does not tell: steps, and the LSTM's loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from autograder.exercise import misconception
from autograder.misconceptions import gru_lstm_deep as gru_lstm_deep
from autograder.misconceptions import gru_lstm_recall as gru_lstm_recall
from autograder.misconceptions import gru_lstm_torch as gru_lstm_torch
from autograder.reference import gru_lstm as right

Params = dict[str, Tensor]
Pair = tuple[Tensor, Tensor]
Result = tuple[Tensor, Pair]


def affine(x: Tensor, h: Tensor, params: Params, gate: str) -> Tensor:
    return x @ params[f"W_x{gate}"] + h @ params[f"W_h{gate}"] + params[f"b_{gate}"]


def without_biases(params: Params) -> Params:
    return {name: torch.zeros_like(p) if name.startswith("b_") else p for name, p in params.items()}


def transposed(params: Params) -> Params:
    return {name: p.T if name.startswith("W_h") else p for name, p in params.items()}


def renamed(params: Params, **names: str) -> Params:
    """Params in which each gate named has the weights of another one."""
    other = {f"{part}{gate}": params[f"{part}{source}"] for gate, source in names.items() for part in PARTS}
    return params | other


PARTS = ("W_x", "W_h", "b_")


# gru_step


def gates(x: Tensor, h: Tensor, params: Params) -> Pair:
    """The reset and the update gate."""
    return torch.sigmoid(affine(x, h, params, "r")), torch.sigmoid(affine(x, h, params, "z"))


@misconception(
    "gru_step", "reset after the product",
    hint="Your numbers are those of PyTorch's GRU. What does the equation here multiply by r: the old state, or what "
    "the weights have made of it?",
)
def gru_like_pytorch(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    r, z = gates(x_t, h_prev, params)
    candidate = torch.tanh(x_t @ params["W_xh"] + r * (h_prev @ params["W_hh"]) + params["b_h"])
    return z * h_prev + (1 - z) * candidate


@misconception(
    "gru_step", "update gate the wrong way round",
    hint="Suppose that z is 1 everywhere. Which of the two should come out, the old state or the candidate?",
)
def gru_swapped(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    r, z = gates(x_t, h_prev, params)
    return (1 - z) * h_prev + z * torch.tanh(affine(x_t, r * h_prev, params, "h"))


@misconception("gru_step", "no reset gate", hint="Set W_xr to other numbers. Does your result change? Should it?")
def gru_without_reset(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    _, z = gates(x_t, h_prev, params)
    return z * h_prev + (1 - z) * torch.tanh(affine(x_t, h_prev, params, "h"))


@misconception("gru_step", "no update gate", hint="Of what two parts is the new state a mixture? Yours is one of them.")
def gru_without_update(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    r, _ = gates(x_t, h_prev, params)
    return torch.tanh(affine(x_t, r * h_prev, params, "h"))


@misconception("gru_step", "gates exchanged", hint="Two gates, two letters: which one stands inside the candidate?")
def gru_exchanged(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    return right.gru_step(x_t, h_prev, renamed(params, r="z", z="r"))


@misconception("gru_step", "tanh in the gates", hint="A gate is a share. Between which two numbers should it lie?")
def gru_tanh_gates(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    r, z = (torch.tanh(affine(x_t, h_prev, params, gate)) for gate in "rz")
    return z * h_prev + (1 - z) * torch.tanh(affine(x_t, r * h_prev, params, "h"))


@misconception("gru_step", "sigmoid in the candidate", hint="Can your candidate be negative? Should it be able to?")
def gru_sigmoid_candidate(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    r, z = gates(x_t, h_prev, params)
    return z * h_prev + (1 - z) * torch.sigmoid(affine(x_t, r * h_prev, params, "h"))


@misconception(
    "gru_step", "reset on everything", hint="The reset gate forgets the old state. What else does yours switch off?"
)
def gru_reset_on_everything(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    r, z = gates(x_t, h_prev, params)
    return z * h_prev + (1 - z) * torch.tanh(r * affine(x_t, h_prev, params, "h"))


@misconception(
    "gru_step", "reset in the mixture too", hint="In which of the four equations does r act, and in which of yours?"
)
def gru_reset_twice(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    r, z = gates(x_t, h_prev, params)
    return z * (r * h_prev) + (1 - z) * torch.tanh(affine(x_t, r * h_prev, params, "h"))


@misconception("gru_step", "no bias", hint="Feed an all-zero input and an all-zero state: what should come out?")
def gru_without_bias(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    return right.gru_step(x_t, h_prev, without_biases(params))


@misconception(
    "gru_step", "weights transposed", hint="W_hr, W_hz and W_hh are square, so PyTorch can't warn you. Which side?"
)
def gru_transposed(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    return right.gru_step(x_t, h_prev, transposed(params))


@misconception(
    "gru_step", "state detached", hint="The numbers are right. Can a loss at this step still reach the step before?"
)
def gru_detached(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    return right.gru_step(x_t, h_prev.detach(), params)


@misconception(
    "gru_step", "params by their place",
    hint="A dict may list the same names in any order. Do you ask for the weights by name?",
)
def gru_by_place(x_t: Tensor, h_prev: Tensor, params: Params) -> Tensor:
    names = [f"{part}{gate}" for gate in "rzh" for part in PARTS]
    return right.gru_step(x_t, h_prev, dict(zip(names, params.values(), strict=True)))


# lstm_step


def lstm(
    x: Tensor, h: Tensor, c: Tensor, params: Params, new: Callable[..., Tensor], out: Callable[..., Tensor]
) -> Pair:
    """A step with the new cell and the new state as functions of gates and cells."""
    i, f, o = (torch.sigmoid(affine(x, h, params, gate)) for gate in "ifo")
    c_t = new(i, f, c, torch.tanh(affine(x, h, params, "c")))
    return out(o, c_t), c_t


def usual_cell(i: Tensor, f: Tensor, c: Tensor, candidate: Tensor) -> Tensor:
    return f * c + i * candidate


def usual_state(o: Tensor, c_t: Tensor) -> Tensor:
    return o * torch.tanh(c_t)


@misconception(
    "lstm_step", "input and forget gate exchanged", hint="Which of the two gates acts on what the cell already holds?"
)
def lstm_exchanged(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return right.lstm_step(x_t, h_prev, c_prev, renamed(params, i="f", f="i"))


@misconception(
    "lstm_step", "no tanh around the cell", hint="Can a number of your state be larger than one? Should it?"
)
def lstm_open_state(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return lstm(x_t, h_prev, c_prev, params, usual_cell, lambda o, c: o * c)


@misconception("lstm_step", "nothing forgotten", hint="Which four of the twelve params does your step never look at?")
def lstm_without_forgetting(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return lstm(x_t, h_prev, c_prev, params, lambda i, f, c, new: c + i * new, usual_state)


@misconception(
    "lstm_step", "forget gate from the input gate", hint="May an LSTM keep everything and take in everything at once?"
)
def lstm_coupled(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return lstm(x_t, h_prev, c_prev, params, lambda i, f, c, new: (1 - i) * c + i * new, usual_state)


@misconception(
    "lstm_step", "h for c", hint="Two memories come in. Which of them does the forget gate act on?"
)
def lstm_forgets_the_state(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return lstm(x_t, h_prev, h_prev, params, usual_cell, usual_state)


@misconception("lstm_step", "results exchanged", hint="Which of your two results always lies between -1 and 1?")
def lstm_results_exchanged(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return right.lstm_step(x_t, h_prev, c_prev, params)[::-1]


@misconception("lstm_step", "state from the old cell", hint="Does the input of this step reach the state of this step?")
def lstm_old_cell(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return lstm(x_t, h_prev, c_prev, params, usual_cell, lambda o, c: o * torch.tanh(c_prev))


@misconception("lstm_step", "cell squashed", hint="The cell is the one road without a squashing function. Is yours?")
def lstm_squashed(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return lstm(
        x_t, h_prev, c_prev, params, lambda i, f, c, new: torch.tanh(f * c + i * new), lambda o, c: o * c
    )


@misconception("lstm_step", "sigmoid in the candidate", hint="Can your candidate lower a number of the cell?")
def lstm_sigmoid_candidate(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    i, f, o, new = (torch.sigmoid(affine(x_t, h_prev, params, gate)) for gate in "ifoc")
    c_t = f * c_prev + i * new
    return o * torch.tanh(c_t), c_t


@misconception("lstm_step", "tanh in the gates", hint="A gate is a share. Between which two numbers should it lie?")
def lstm_tanh_gates(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    i, f, o, new = (torch.tanh(affine(x_t, h_prev, params, gate)) for gate in "ifoc")
    c_t = f * c_prev + i * new
    return o * torch.tanh(c_t), c_t


@misconception("lstm_step", "no bias", hint="Feed an all-zero input and all-zero memories: what should come out?")
def lstm_without_bias(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return right.lstm_step(x_t, h_prev, c_prev, without_biases(params))


@misconception("lstm_step", "the state alone", hint="What does the next step need besides h_t?")
def lstm_state_alone(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Tensor:
    return right.lstm_step(x_t, h_prev, c_prev, params)[0]


@misconception(
    "lstm_step", "cell detached", hint="The numbers are right. By which road should a gradient reach far into the past?"
)
def lstm_detached(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    return right.lstm_step(x_t, h_prev, c_prev.detach(), params)


@misconception(
    "lstm_step", "params by their place",
    hint="A dict may list the same names in any order. Do you ask for the weights by name?",
)
def lstm_by_place(x_t: Tensor, h_prev: Tensor, c_prev: Tensor, params: Params) -> Pair:
    names = [f"{part}{gate}" for gate in "ifoc" for part in PARTS]
    return right.lstm_step(x_t, h_prev, c_prev, dict(zip(names, params.values(), strict=True)))


# lstm_forward


Change = Callable[[Pair], Pair]


def steps(x: Tensor, h: Tensor, c: Tensor, params: Params, carry: Change = lambda pair: pair) -> list[Pair]:
    """State and cell after each step; `carry` changes what the next step is given."""
    found: list[Pair] = []
    for t in range(x.shape[1]):
        h, c = right.lstm_step(x[:, t], h, c, params)
        found.append((h, c))
        h, c = carry((h, c))
    return found


def states(found: list[Pair], part: int = 0) -> Tensor:
    return torch.stack([pair[part] for pair in found], dim=1)


@misconception(
    "lstm_forward", "starts from zeros", hint="Read a text in two halves. What does the second half know of the first?"
)
def forward_from_zeros(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    return right.lstm_forward(x, torch.zeros_like(h_0), torch.zeros_like(c_0), params)


@misconception("lstm_forward", "cell not carried", hint="Print both memories that each step starts from. Which change?")
def forward_without_cell(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    found = steps(x, h_0, c_0, params, carry=lambda pair: (pair[0], c_0))
    return states(found), found[-1]


@misconception(
    "lstm_forward", "state not carried", hint="Which h does your second step read: its own past, or the very first one?"
)
def forward_without_state(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    found = steps(x, h_0, c_0, params, carry=lambda pair: (h_0, pair[1]))
    return states(found), found[-1]


@misconception("lstm_forward", "cells for outputs", hint="Do your outputs all lie between -1 and 1?")
def forward_cells(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    found = steps(x, h_0, c_0, params)
    return states(found, part=1), found[-1]


@misconception(
    "lstm_forward", "last pair exchanged", hint="In which order does the signature name the two last memories?"
)
def forward_exchanged(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    outputs, last = right.lstm_forward(x, h_0, c_0, params)
    return outputs, last[::-1]


@misconception("lstm_forward", "right to left", hint="Which word is read first?")
def forward_backwards(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    outputs, last = right.lstm_forward(x.flip(1), h_0, c_0, params)
    return outputs.flip(1), last


@misconception(
    "lstm_forward", "time first", hint="Compare the order of the axes of your outputs with that of the input."
)
def forward_time_first(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    outputs, last = right.lstm_forward(x, h_0, c_0, params)
    return outputs.transpose(0, 1), last


@misconception(
    "lstm_forward", "states one step late", hint="Is the first output the state before or after the first input?"
)
def forward_late(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    outputs, last = right.lstm_forward(x, h_0, c_0, params)
    return torch.cat([h_0[:, None], outputs[:, :-1]], dim=1), last


@misconception("lstm_forward", "last row for last step", hint="`outputs[-1]` is the last of what? Name the axes.")
def forward_last_row(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    outputs, (_, c_last) = right.lstm_forward(x, h_0, c_0, params)
    return outputs, (outputs[-1], c_last)


@misconception(
    "lstm_forward", "three results", hint="Two things come back, and the second is a pair. How many do you return?"
)
def forward_flat(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> tuple[Tensor, Tensor, Tensor]:
    outputs, (h_last, c_last) = right.lstm_forward(x, h_0, c_0, params)
    return outputs, h_last, c_last


@misconception(
    "lstm_forward", "memories detached", hint="The numbers are right. How many steps back can a loss at the end reach?"
)
def forward_detached(x: Tensor, h_0: Tensor, c_0: Tensor, params: Params) -> Result:
    found = steps(x, h_0, c_0, params, carry=lambda pair: (pair[0].detach(), pair[1].detach()))
    return states(found), found[-1]
