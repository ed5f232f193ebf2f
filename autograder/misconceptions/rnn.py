"""Named wrong answers to lesson 02, each with a hint that points and does not tell."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from autograder.exercise import misconception
from autograder.misconceptions import rnn_trained as rnn_trained
from autograder.reference import rnn as right

Model = Any


# rnn_step


@misconception("rnn_step", "no bias", hint="Feed an all-zero input and an all-zero state: what should come out?")
def step_without_bias(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return torch.tanh(x_t @ W_xh + h_prev @ W_hh)


@misconception("rnn_step", "no tanh", hint="Every number of a state lies in a fixed range. Do yours?")
def step_without_tanh(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return x_t @ W_xh + h_prev @ W_hh + b_h


@misconception("rnn_step", "sigmoid for tanh", hint="Which squashing function can also give negative numbers?")
def step_with_sigmoid(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return torch.sigmoid(x_t @ W_xh + h_prev @ W_hh + b_h)


@misconception("rnn_step", "ReLU for tanh", hint="Look again at the name of the function around the sum.")
def step_with_relu(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return torch.relu(x_t @ W_xh + h_prev @ W_hh + b_h)


@misconception("rnn_step", "no memory", hint="Give two different previous states. Should the results be the same?")
def step_without_state(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return torch.tanh(x_t @ W_xh + b_h) + 0 * h_prev


@misconception(
    "rnn_step", "W_hh transposed", hint="W_hh is square, so PyTorch can't warn you. From which side does it act?"
)
def step_transposed(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return torch.tanh(x_t @ W_xh + h_prev @ W_hh.T + b_h)


@misconception(
    "rnn_step", "tanh of the parts", hint="How many times does tanh appear in the equation, and what is inside it?"
)
def step_tanh_of_parts(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return torch.tanh(x_t @ W_xh) + torch.tanh(h_prev @ W_hh + b_h)


@misconception(
    "rnn_step", "bias outside tanh", hint="Can a state of yours be larger than one? Which part of the sum is outside?"
)
def step_bias_outside(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return torch.tanh(x_t @ W_xh + h_prev @ W_hh) + b_h


@misconception(
    "rnn_step", "state detached", hint="The numbers are right. Can a loss at this step still reach the step before?"
)
def step_detached(x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    return torch.tanh(x_t @ W_xh + h_prev.detach() @ W_hh + b_h)


# rnn_forward


def _states(x: Tensor, h: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor, detach: bool = False) -> list[Tensor]:
    states = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ W_xh + (h.detach() if detach else h) @ W_hh + b_h)
        states.append(h)
    return states


Pair = tuple[Tensor, Tensor]


@misconception("rnn_forward", "h_0 ignored", hint="What does the first step read besides the first input?")
def forward_from_zeros(x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Pair:
    states = _states(x, torch.zeros_like(h_0), W_xh, W_hh, b_h)
    return torch.stack(states, dim=1), states[-1]


@misconception("rnn_forward", "state not carried", hint="Print the state that each step starts from. Does it change?")
def forward_without_memory(x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Pair:
    outputs = torch.tanh(x @ W_xh + (h_0 @ W_hh).unsqueeze(1) + b_h)
    return outputs, outputs[:, -1]


@misconception("rnn_forward", "right to left", hint="Which word is read first?")
def forward_backwards(x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Pair:
    states = _states(x.flip(1), h_0, W_xh, W_hh, b_h)
    return torch.stack(states[::-1], dim=1), states[-1]


@misconception(
    "rnn_forward", "time first", hint="Compare the order of the axes of your outputs with that of the input."
)
def forward_time_first(x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Pair:
    states = _states(x, h_0, W_xh, W_hh, b_h)
    return torch.stack(states), states[-1]


@misconception(
    "rnn_forward", "states one step late", hint="Is the first output the state before or after the first input?"
)
def forward_late(x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Pair:
    states = _states(x, h_0, W_xh, W_hh, b_h)
    return torch.stack([h_0, *states[:-1]], dim=1), states[-1]


@misconception("rnn_forward", "last row for last step", hint="`outputs[-1]` is the last of what? Name the axes.")
def forward_last_row(x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Pair:
    outputs = torch.stack(_states(x, h_0, W_xh, W_hh, b_h), dim=1)
    return outputs, outputs[-1]


@misconception("rnn_forward", "no bias", hint="Which of the five arguments does your loop never use?")
def forward_without_bias(x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Pair:
    states = _states(x, h_0, W_xh, W_hh, torch.zeros_like(b_h))
    return torch.stack(states, dim=1), states[-1]


@misconception(
    "rnn_forward", "state detached", hint="The numbers are right. How many steps back can a loss at the end reach?"
)
def forward_detached(x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Pair:
    states = _states(x, h_0, W_xh, W_hh, b_h, detach=True)
    return torch.stack(states, dim=1), states[-1]


# rnn_backward


def _backward(
    x: Tensor, h_0: Tensor, outputs: Tensor, grad_outputs: Tensor, W_xh: Tensor, W_hh: Tensor, *,
    slope: Tensor | None = None, back: Tensor | None = None, previous: Tensor | None = None, recurrent: bool = True,
) -> dict[str, Tensor]:
    """The right gradient, with a part to be replaced."""
    slope = 1 - outputs**2 if slope is None else slope
    back = W_hh.T if back is None else back
    grad_a, future = torch.empty_like(outputs), torch.zeros_like(h_0)
    for t in reversed(range(x.shape[1])):
        grad_a[:, t] = (grad_outputs[:, t] + (future if recurrent else 0)) * slope[:, t]
        future = grad_a[:, t] @ back
    if previous is None:
        previous = torch.cat([h_0[:, None], outputs[:, :-1]], dim=1)
    return {
        "x": grad_a @ W_xh.T,
        "h_0": future,
        "W_xh": torch.einsum("bti,bth->ih", x, grad_a),
        "W_hh": torch.einsum("bth,btk->hk", previous, grad_a),
        "b_h": grad_a.sum(dim=(0, 1)),
    }


Gradients = dict[str, Tensor]
Args = Tensor  # the six arguments of rnn_backward


@misconception(
    "rnn_backward", "no road through time", hint="A state is read twice: by the loss at its step, and by whom else?"
)
def backward_without_time(*given: Args) -> Gradients:
    return _backward(*given, recurrent=False)


@misconception(
    "rnn_backward", "tanh taken twice", hint="The derivative of tanh at a is 1 - tanh(a)². Is `outputs` a, or tanh(a)?"
)
def backward_tanh_twice(*given: Args) -> Gradients:
    return _backward(*given, slope=1 - torch.tanh(given[2]) ** 2)


@misconception(
    "rnn_backward", "no derivative of tanh", hint="Between the state and the sum inside it stands a function."
)
def backward_without_slope(*given: Args) -> Gradients:
    return _backward(*given, slope=torch.ones_like(given[2]))


@misconception("rnn_backward", "1 - h for 1 - h²", hint="Sigmoid's derivative is s(1 - s). What is that of tanh?")
def backward_sigmoid_slope(*given: Args) -> Gradients:
    return _backward(*given, slope=given[2] * (1 - given[2]))


@misconception(
    "rnn_backward", "W_hh not transposed", hint="Forwards, h goes through W_hh. Which matrix leads a gradient back?"
)
def backward_untransposed(*given: Args) -> Gradients:
    return _backward(*given, back=given[5])


@misconception(
    "rnn_backward", "weights see one step", hint="At how many steps are the weights used? Do all of them count?"
)
def backward_without_sum(x: Tensor, h_0: Tensor, *given: Args) -> Gradients:
    full, one = _backward(x, h_0, *given), _backward(x[:, :1], h_0, *_with_future(x, h_0, *given))
    return full | {name: one[name] for name in ("W_xh", "W_hh", "b_h")}


def _with_future(
    x: Tensor, h_0: Tensor, outputs: Tensor, grad_outputs: Tensor, W_xh: Tensor, W_hh: Tensor
) -> tuple[Tensor, ...]:
    """The last four arguments for the first step alone, its gradient from the later steps included."""
    grad = grad_outputs[:, :1].clone()
    if x.shape[1] > 1:
        later = _backward(x[:, 1:], outputs[:, 0], outputs[:, 1:], grad_outputs[:, 1:], W_xh, W_hh)
        grad[:, 0] += later["h_0"]
    return outputs[:, :1], grad, W_xh, W_hh


@misconception(
    "rnn_backward", "mean over the batch", hint="Is the loss behind `grad_outputs` averaged a second time by you?"
)
def backward_mean(*given: Args) -> Gradients:
    found = _backward(*given)
    return found | {name: found[name] / len(given[0]) for name in ("W_xh", "W_hh", "b_h")}


@misconception("rnn_backward", "h_t for h_{t-1}", hint="Which state does W_hh multiply at step t?")
def backward_wrong_state(*given: Args) -> Gradients:
    return _backward(*given, previous=given[2])


@misconception("rnn_backward", "h_0 left out of W_hh", hint="What did W_hh multiply at the very first step?")
def backward_zero_start(x: Tensor, h_0: Tensor, outputs: Tensor, *given: Args) -> Gradients:
    previous = torch.cat([torch.zeros_like(h_0)[:, None], outputs[:, :-1]], dim=1)
    return _backward(x, h_0, outputs, *given, previous=previous)


@misconception(
    "rnn_backward", "h_0 stops before W_hh", hint="h_0 is not inside the first tanh as it is: what acts on it first?"
)
def backward_short_of_start(x: Tensor, h_0: Tensor, *given: Args) -> Gradients:
    found = _backward(x, h_0, *given)
    outputs, grad, *_ = _with_future(x, h_0, *given)
    return found | {"h_0": (grad * (1 - outputs**2))[:, 0]}


@misconception("rnn_backward", "left to right", hint="Which step's gradient can be known first?")
def backward_forwards(
    x: Tensor, h_0: Tensor, outputs: Tensor, grad_outputs: Tensor, W_xh: Tensor, W_hh: Tensor
) -> Gradients:
    turned = _backward(x.flip(1), h_0, outputs.flip(1), grad_outputs.flip(1), W_xh, W_hh)
    return turned | {"x": turned["x"].flip(1)}


@misconception(
    "rnn_backward", "autograd", hint="PyTorch records nothing here. Go back through the steps with your own hands."
)
def backward_by_autograd(
    x: Tensor, h_0: Tensor, outputs: Tensor, grad_outputs: Tensor, W_xh: Tensor, W_hh: Tensor
) -> Gradients:
    leaves = [t.clone().requires_grad_() for t in (x, h_0, W_xh, W_hh, torch.zeros_like(W_hh[0]))]
    replayed, _ = right.rnn_forward(*leaves)
    found = torch.autograd.grad(replayed, leaves, grad_outputs)
    return dict(zip(("x", "h_0", "W_xh", "W_hh", "b_h"), found, strict=True))


# clip_gradients_


def _norm(gradients: list[Tensor]) -> Tensor:
    return torch.stack([(g**2).sum() for g in gradients]).sum().sqrt()


def _scale(gradients: list[Tensor], factor: Tensor | float) -> None:
    for g in gradients:
        g.mul_(factor)


@misconception(
    "clip_gradients_", "each tensor alone", hint="The direction of the whole step must stay. Does one factor serve all?"
)
def clip_each(gradients: list[Tensor], max_norm: float) -> Tensor:
    norm = _norm(gradients)
    for g in gradients:
        if g.norm() > max_norm:
            g.mul_(max_norm / g.norm())
    return norm


@misconception("clip_gradients_", "an epsilon", hint="With a very small norm, what does the number you added do?")
def clip_with_epsilon(gradients: list[Tensor], max_norm: float) -> Tensor:
    norm = _norm(gradients)
    _scale(gradients, min(1.0, max_norm / (float(norm) + 1e-6)))
    return norm


@misconception("clip_gradients_", "by value", hint="Does your way keep the direction of the gradient?")
def clip_by_value(gradients: list[Tensor], max_norm: float) -> Tensor:
    norm = _norm(gradients)
    for g in gradients:
        g.clamp_(-max_norm, max_norm)
    return norm


@misconception("clip_gradients_", "always rescaled", hint="What should happen to a gradient that is short already?")
def clip_always(gradients: list[Tensor], max_norm: float) -> Tensor:
    norm = _norm(gradients)
    _scale(gradients, max_norm / norm)
    return norm


@misconception("clip_gradients_", "the norm afterwards", hint="The norm is asked for as it was when?")
def clip_norm_after(gradients: list[Tensor], max_norm: float) -> Tensor:
    norm = _norm(gradients)
    if norm > max_norm:
        _scale(gradients, max_norm / norm)
    return _norm(gradients)


@misconception(
    "clip_gradients_", "sum of the norms", hint="Two gradients (3) and (4): how long is the vector (3, 4)?"
)
def clip_sum_of_norms(gradients: list[Tensor], max_norm: float) -> Tensor:
    norm = torch.stack([g.norm() for g in gradients]).sum()
    if norm > max_norm:
        _scale(gradients, max_norm / norm)
    return norm


@misconception("clip_gradients_", "no square root", hint="Gradients of metres: is your norm in metres?")
def clip_squared(gradients: list[Tensor], max_norm: float) -> Tensor:
    norm = _norm(gradients) ** 2
    if norm > max_norm:
        _scale(gradients, max_norm / norm)
    return norm


@misconception(
    "clip_gradients_", "not in place", hint="Look at the caller's tensors after the call: which of them changed?"
)
def clip_copies(gradients: list[Tensor], max_norm: float) -> Tensor:
    norm = _norm(gradients)
    for i, g in enumerate(gradients):
        gradients[i] = g * min(1.0, max_norm / max(float(norm), 1e-300))
    return norm


@misconception("clip_gradients_", "a float comes back", hint="What type is the result: a tensor, or a number?")
def clip_float(gradients: list[Tensor], max_norm: float) -> float:
    return float(right.clip_gradients_(gradients, max_norm))


# last_valid_state


@misconception("last_valid_state", "last column", hint="Is the last column of a short row a word, or padding?")
def state_last_column(outputs: Tensor, lengths: Tensor) -> Tensor:
    return outputs[:, -1]


@misconception("last_valid_state", "one too far", hint="The first word is at index 0. Where is the third?")
def state_one_too_far(outputs: Tensor, lengths: Tensor) -> Tensor:
    return outputs[torch.arange(len(lengths), device=outputs.device), lengths]


@misconception("last_valid_state", "one too early", hint="Is your state the last real one, or the one before?")
def state_one_too_early(outputs: Tensor, lengths: Tensor) -> Tensor:
    return outputs[torch.arange(len(lengths), device=outputs.device), lengths - 2]


@misconception(
    "last_valid_state", "every row against every length", hint="Each row has one length. How many states do you pick?"
)
def state_all_pairs(outputs: Tensor, lengths: Tensor) -> Tensor:
    return outputs[:, lengths - 1]


@misconception("last_valid_state", "one length for all", hint="Rows differ in length. Does your index?")
def state_longest(outputs: Tensor, lengths: Tensor) -> Tensor:
    return outputs[:, int(lengths.max()) - 1]


@misconception("last_valid_state", "mean of the real states", hint="One state is asked for, not a summary of all.")
def state_mean(outputs: Tensor, lengths: Tensor) -> Tensor:
    real = torch.arange(outputs.shape[1], device=outputs.device) < lengths[:, None]
    return (outputs * real[..., None]).sum(1) / lengths[:, None].to(outputs.dtype)


@misconception("last_valid_state", "first state", hint="At which end of the row have all its words been read?")
def state_first(outputs: Tensor, lengths: Tensor) -> Tensor:
    return outputs[:, 0]


# RNNLanguageModel


class _LanguageModel(right.RNNLanguageModel):
    def run(self, ids: Tensor, h_0: Tensor | None) -> Pair:
        x = self.embedding(ids)
        start = x.new_zeros(len(ids), len(self.b_h)) if h_0 is None else h_0
        return right.rnn_forward(x, start, self.W_xh, self.W_hh, self.b_h)


@misconception(
    "RNNLanguageModel", "h_0 ignored", hint="Read a text in two halves. Does the second half know the first?"
)
class ForgetfulModel(_LanguageModel):
    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        return super().forward(ids, None)


@misconception("RNNLanguageModel", "last step only", hint="For how many positions is a next token to be predicted?")
class LastStepModel(_LanguageModel):
    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        logits, h_last = super().forward(ids, h_0)
        return logits[:, -1], h_last


@misconception("RNNLanguageModel", "plain tensors", hint="Print `dict(model.named_parameters())`. What is missing?")
class UnregisteredModel(_LanguageModel):
    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int) -> None:
        super().__init__(vocab_size, d_embed, d_hidden)
        for name in ("W_xh", "W_hh", "b_h"):
            value = getattr(self, name).detach()
            delattr(self, name)
            setattr(self, name, value.requires_grad_())


@misconception("RNNLanguageModel", "probabilities", hint="Logits are scores before they are made to sum to one.")
class ProbabilityModel(_LanguageModel):
    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        logits, h_last = super().forward(ids, h_0)
        return logits.softmax(dim=-1), h_last


@misconception("RNNLanguageModel", "a layer axis", hint="nn.RNN's state has one axis more than the one asked for here.")
class LayerAxisModel(_LanguageModel):
    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        logits, h_last = super().forward(ids, None if h_0 is None else h_0.reshape(len(ids), -1))
        return logits, h_last.unsqueeze(0)


@misconception(
    "RNNLanguageModel", "float32 zeros", hint="`torch.zeros(...)` picks a dtype of its own. Which one is wanted?"
)
class DefaultDtypeModel(_LanguageModel):
    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        start = torch.zeros(len(ids), len(self.b_h), device=ids.device) if h_0 is None else h_0
        states = _states(self.embedding(ids), start, self.W_xh, self.W_hh, self.b_h)
        return self.output(torch.stack(states, dim=1)), states[-1]


@misconception(
    "RNNLanguageModel", "state kept between calls", hint="Call it twice on the same ids. Why do the results differ?"
)
class StatefulModel(_LanguageModel):
    kept: Tensor | None = None

    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        logits, h_last = super().forward(ids, self.kept if h_0 is None else h_0)
        self.kept = h_last.detach()
        return logits, h_last


@misconception(
    "RNNLanguageModel", "h_0 detached", hint="The numbers are right. Which gradient is missing, and where was it cut?"
)
class DetachedModel(_LanguageModel):
    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        return super().forward(ids, None if h_0 is None else h_0.detach())


@misconception("RNNLanguageModel", "time first", hint="Print the shape of the ids and of the logits side by side.")
class TimeFirstModel(_LanguageModel):
    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        logits, h_last = super().forward(ids, h_0)
        return logits.transpose(0, 1), h_last


@misconception(
    "RNNLanguageModel", "all states for the last", hint="What does the next call need to go on: every state, or one?"
)
class AllStatesModel(_LanguageModel):
    def forward(self, ids: Tensor, h_0: Tensor | None = None) -> Pair:
        outputs, _ = self.run(ids, h_0)
        return self.output(outputs), outputs


# generate


def _draw(logits: Tensor, temperature: float, generator: torch.Generator | None) -> int:
    if temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator))


def _ids(model: Model, ids: list[int]) -> Tensor:
    return torch.tensor([ids], device=model.embedding.weight.device)


def _continue(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: torch.Generator | None,
    draw: Any = _draw, stop: int | None = None,
) -> list[int]:
    ids = list(prefix)
    logits, state = model(_ids(model, prefix), None)
    for _ in range(num_tokens):
        ids.append(draw(logits[0, -1], temperature, generator))
        if ids[-1] == stop:
            break
        logits, state = model(_ids(model, ids[-1:]), state)
    return ids


Maybe = torch.Generator | None


@misconception(
    "generate", "only the last id of the prefix", hint="What does the model know of the first id you gave it?"
)
def generate_last_id(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    return prefix[:-1] + _continue(model, prefix[-1:], num_tokens, temperature, generator)


@misconception("generate", "no state", hint="Each new step gets an id. What else does it need from the step before?")
def generate_without_state(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    ids = list(prefix)
    logits, _ = model(_ids(model, prefix))
    for _ in range(num_tokens):
        ids.append(_draw(logits[0, -1], temperature, generator))
        logits, _ = model(_ids(model, ids[-1:]))
    return ids


@misconception("generate", "last id read twice", hint="Count how often the model reads the last id of the prefix.")
def generate_read_twice(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    read = [*prefix, prefix[-1]]
    return prefix + _continue(model, read, num_tokens, temperature, generator)[len(read) :]


@misconception(
    "generate", "temperature multiplied", hint="Should a high temperature make the choice bolder or flatter?"
)
def generate_multiplied(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    return _continue(model, prefix, num_tokens, 1 / temperature if temperature else 0.0, generator)


@misconception(
    "generate", "temperature ignored", hint="Draw at temperature 0.5 and at 2. Do the texts differ in style?"
)
def generate_ignoring_temperature(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    return _continue(model, prefix, num_tokens, float(temperature > 0), generator)


@misconception("generate", "always the argmax", hint="When is the most probable id wanted, and when a draw?")
def generate_greedy(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    return _continue(model, prefix, num_tokens, 0.0, None)


@misconception("generate", "global generator", hint="You were given a source of randomness. Who else draws from yours?")
def generate_globally(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    return _continue(model, prefix, num_tokens, temperature, None)


@misconception("generate", "stops at <eos>", hint="Exactly how many new ids are asked for?")
def generate_until_eos(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    return _continue(model, prefix, num_tokens, temperature, generator, stop=2)


@misconception("generate", "without the prefix", hint="With what should the result begin?")
def generate_new_only(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    return _continue(model, prefix, num_tokens, temperature, generator)[len(prefix) :]


@misconception("generate", "prefix changed", hint="Print your prefix before and after the call.")
def generate_in_place(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[int]:
    prefix[:] = _continue(model, prefix, num_tokens, temperature, generator)
    return prefix


@misconception("generate", "tensors in the list", hint="What type is each item of your list?")
def generate_tensors(
    model: Model, prefix: list[int], num_tokens: int, temperature: float, generator: Maybe = None
) -> list[Tensor]:
    return [torch.tensor(i) for i in _continue(model, prefix, num_tokens, temperature, generator)]


# RNNClassifier


class _Classifier(right.RNNClassifier):
    def states(self, ids: Tensor) -> Tensor:
        return cast(Tensor, self.rnn(self.embedding(ids))[0])

    def real(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return (torch.arange(ids.shape[1], device=ids.device) < lengths[:, None])[..., None]


@misconception("RNNClassifier", "last column", hint="Pad a sentence with other ids. Why does its class change?")
class LastColumnClassifier(_Classifier):
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return cast(Tensor, self.output(self.states(ids)[:, -1]))


@misconception(
    "RNNClassifier", "mean of the states", hint="The class comes from one state. Which, and how many do you use?"
)
class MeanClassifier(_Classifier):
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        mean = (self.states(ids) * self.real(ids, lengths)).sum(1) / lengths[:, None]
        return cast(Tensor, self.output(mean))


@misconception(
    "RNNClassifier", "batch and time mixed up", hint="Does a sentence's class change with its neighbours?"
)
class MixedClassifier(_Classifier):
    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_classes: int) -> None:
        super().__init__(vocab_size, d_embed, d_hidden, num_classes)
        self.rnn = nn.RNN(d_embed, d_hidden)


@misconception("RNNClassifier", "one too early", hint="A sentence of one word: which state do you read?")
class EarlyClassifier(_Classifier):
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return super().forward(ids, (lengths - 1).clamp(min=1))


@misconception(
    "RNNClassifier", "padding zeroed, then read", hint="A zero vector is still a step: what does it do to the state?"
)
class ZeroedClassifier(_Classifier):
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        states, _ = self.rnn(self.embedding(ids) * self.real(ids, lengths))
        return cast(Tensor, self.output(states[:, -1]))


@misconception("RNNClassifier", "probabilities", hint="Logits are scores before they are made to sum to one.")
class ProbabilityClassifier(_Classifier):
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return super().forward(ids, lengths).softmax(dim=-1)


@misconception("RNNClassifier", "sorted, never put back", hint="Is row 0 of the result about row 0 of the ids?")
class SortedClassifier(_Classifier):
    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        order = lengths.argsort(descending=True, stable=True)
        return super().forward(ids[order], lengths[order])


# RNNTagger


class _Tagger(right.RNNTagger):
    def states(self, ids: Tensor) -> Tensor:
        return cast(Tensor, self.rnn(self.embedding(ids))[0])


@misconception(
    "RNNTagger", "batch and time mixed up", hint="Do a sentence's tags change with its neighbours?"
)
class MixedTagger(_Tagger):
    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, num_tags: int) -> None:
        super().__init__(vocab_size, d_embed, d_hidden, num_tags)
        self.rnn = nn.RNN(d_embed, d_hidden)


@misconception("RNNTagger", "last state only", hint="How many tags does a sentence of six words need?")
class LastStateTagger(_Tagger):
    def forward(self, ids: Tensor) -> Tensor:
        return cast(Tensor, self.output(self.states(ids)[:, -1]))


@misconception("RNNTagger", "one state for every word", hint="Do two words of one sentence ever get different scores?")
class RepeatedTagger(_Tagger):
    def forward(self, ids: Tensor) -> Tensor:
        states = self.states(ids)
        return cast(Tensor, self.output(states[:, -1:].expand_as(states)))


@misconception("RNNTagger", "probabilities", hint="Logits are scores before they are made to sum to one.")
class ProbabilityTagger(_Tagger):
    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids).softmax(dim=-1)


@misconception("RNNTagger", "no network between", hint="Give two words in another order. Should a tag change?")
class TimelessTagger(_Tagger):
    def forward(self, ids: Tensor) -> Tensor:
        batch, seq = ids.shape
        return super().forward(ids.reshape(-1, 1)).reshape(batch, seq, -1)


@misconception("RNNTagger", "right to left", hint="Which words may the tag of the first word depend on?")
class BackwardTagger(_Tagger):
    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids.flip(1)).flip(1)


@misconception("RNNTagger", "time first", hint="Print the shape of the ids and of the logits side by side.")
class TimeFirstTagger(_Tagger):
    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids).transpose(0, 1)
