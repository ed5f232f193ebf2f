"""Named wrong answers to lesson 03: the LSTM as PyTorch's module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from autograder.exercise import misconception
from autograder.reference import gru_lstm as right

Params = dict[str, Tensor]


def changed(params: Params, **weights: Tensor) -> nn.LSTM:
    """The right module with other numbers in the weights that are named."""
    module = right.to_torch_lstm(params)
    module.load_state_dict({**module.state_dict(), **weights})
    return module


def stacked(params: Params, part: str, order: str = "ifco", turned: bool = True) -> Tensor:
    """One part of all gates, in an order, transposed or as it is."""
    return torch.cat([params[part + gate].T if turned else params[part + gate] for gate in order])


@misconception(
    "to_torch_lstm", "gates in the order of the params",
    hint="Each weight of nn.LSTM stacks four gates. In which order? Its documentation names them.",
)
def gates_as_written(params: Params) -> nn.LSTM:
    order = "ifoc"
    return changed(
        params, weight_ih_l0=stacked(params, "W_x", order), weight_hh_l0=stacked(params, "W_h", order),
        bias_ih_l0=stacked(params, "b_", order, turned=False),
    )


@misconception(
    "to_torch_lstm", "recurrent weights not transposed",
    hint="The recurrent blocks are square, so they fit either way. From which side does PyTorch multiply by a weight?",
)
def recurrent_as_it_is(params: Params) -> nn.LSTM:
    return changed(params, weight_hh_l0=stacked(params, "W_h", turned=False))


@misconception(
    "to_torch_lstm", "reshaped, not transposed",
    hint="A reshape makes the shape fit. Does row 0 of the new weight hold what column 0 of the old one held?",
)
def reshaped(params: Params) -> nn.LSTM:
    return changed(params, weight_ih_l0=torch.cat([params[f"W_x{gate}"] for gate in "ifco"], dim=1).reshape(
        -1, len(params["W_xi"])))


@misconception("to_torch_lstm", "bias twice", hint="nn.LSTM adds two biases. What must they add up to?")
def bias_twice(params: Params) -> nn.LSTM:
    return changed(params, bias_hh_l0=stacked(params, "b_", turned=False))


@misconception("to_torch_lstm", "biases of zero", hint="Twelve params come in. Which of them has your module not got?")
def biases_of_zero(params: Params) -> nn.LSTM:
    return changed(params, bias_ih_l0=0 * stacked(params, "b_", turned=False))


@misconception("to_torch_lstm", "no biases", hint="Does nn.LSTM need to be told to do without biases here?")
def no_biases(params: Params) -> nn.LSTM:
    like = params["W_xi"]
    return nn.LSTM(*like.shape, bias=False, batch_first=True, dtype=like.dtype, device=like.device)


@misconception(
    "to_torch_lstm", "time first", hint="Which axis of its input does nn.LSTM take for time, unless told otherwise?"
)
def time_first(params: Params) -> nn.LSTM:
    module = right.to_torch_lstm(params)
    module.batch_first = False
    return module


@misconception(
    "to_torch_lstm", "always float32", hint="In what precision are the params, and in what precision is a new nn.LSTM?"
)
def always_float32(params: Params) -> nn.LSTM:
    return right.to_torch_lstm(params).float()


@misconception(
    "to_torch_lstm", "two layers", hint="How many layers has the network that you built, and how many has your module?"
)
def two_layers(params: Params) -> nn.LSTM:
    like = params["W_xi"]
    return nn.LSTM(*like.shape, 2, batch_first=True, dtype=like.dtype, device=like.device)


@misconception(
    "to_torch_lstm", "frozen", hint="The numbers are right. Would an optimiser be able to change your module's weights?"
)
def frozen(params: Params) -> nn.LSTM:
    return right.to_torch_lstm(params).requires_grad_(False)


@misconception(
    "to_torch_lstm", "a function", hint="What type has your result? It should have parameters of its own."
)
def a_function(params: Params) -> Any:
    return lambda x, start=None: right.lstm_forward(x, start[0][0], start[1][0], params)
