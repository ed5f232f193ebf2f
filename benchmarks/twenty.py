"""A class of twenty on lesson 02, honest all of them: right in several styles, some mistakes, some gaps."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.demo_class import CLIPS_EACH, FORGETS_THE_FUTURE, MULTIPLIES_TEMPERATURE
from autograder.judge.rebuild import grade_id, source_of

EVERYTHING = (
    "rnn_step", "rnn_forward", "rnn_backward", "clip_gradients_", "RNNLanguageModel", "generate", "char_language_model",
    "last_valid_state", "RNNClassifier", "sentiment", "RNNTagger", "entities",
)


@dataclass(frozen=True)
class Student:
    """Who handed in what: the lesson's own answer where `answers` has none, and nothing for what is in `left_out`."""

    name: str
    answers: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


_STEP_BY_CONCATENATION = """
def rnn_step(x_t, h_prev, W_xh, W_hh, b_h):
    return torch.tanh(torch.cat([x_t, h_prev], dim=1) @ torch.cat([W_xh, W_hh], dim=0) + b_h)
"""

_FORWARD_WITHOUT_STEP = """
def rnn_forward(x, h_0, W_xh, W_hh, b_h):
    from_inputs = x @ W_xh + b_h
    states = [h_0]
    for a in from_inputs.unbind(dim=1):
        states.append((a + states[-1] @ W_hh).tanh())
    return torch.stack(states[1:], dim=1), states[-1]
"""

_BACKWARD_BY_EINSUM = """
def rnn_backward(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    steps = x.shape[1]
    grad_a, carried = [None] * steps, torch.zeros_like(h_0)
    for t in range(steps - 1, -1, -1):
        grad_a[t] = (grad_outputs[:, t] + carried) * (1 - outputs[:, t].square())
        carried = grad_a[t] @ W_hh.T
    a = torch.stack(grad_a, dim=1)
    before = torch.cat([h_0[:, None], outputs[:, :-1]], dim=1)
    return {
        "x": a @ W_xh.T, "h_0": carried, "W_xh": torch.einsum("btd,bth->dh", x, a),
        "W_hh": torch.einsum("btg,bth->gh", before, a), "b_h": a.sum(dim=(0, 1)),
    }
"""

_CLIP_AS_ONE_VECTOR = """
def clip_gradients_(gradients, max_norm):
    norm = torch.cat([g.reshape(-1) for g in gradients]).norm()
    scale = (max_norm / norm).clamp(max=1.0) if norm > 0 else torch.ones_like(norm)
    for g in gradients:
        g *= scale
    return norm
"""

_LAST_BY_GATHER = """
def last_valid_state(outputs, lengths):
    index = (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2])
    return outputs.gather(1, index).squeeze(1)
"""

_TAGGER_IN_STEPS = """
class RNNTagger(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, num_tags):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.RNN(d_embed, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, num_tags)

    def forward(self, ids):
        words = self.embedding(ids)
        states = self.rnn(words)[0]
        return torch.stack([self.output(state) for state in states.unbind(1)], dim=1)
"""

_STEP_WITHOUT_BIAS = """
def rnn_step(x_t, h_prev, W_xh, W_hh, b_h):
    return torch.tanh(x_t @ W_xh + h_prev @ W_hh)
"""

_STEP_BY_SIGMOID = """
def rnn_step(x_t, h_prev, W_xh, W_hh, b_h):
    return torch.sigmoid(x_t @ W_xh + h_prev @ W_hh + b_h)
"""

_FORWARD_TIME_FIRST = """
def rnn_forward(x, h_0, W_xh, W_hh, b_h):
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, W_xh, W_hh, b_h)
        states.append(h)
    return torch.stack(states), h
"""

_CLIPS_WITH_EPSILON = """
def clip_gradients_(gradients, max_norm):
    norm = torch.stack([g.norm() for g in gradients]).norm()
    for g in gradients:
        g.mul_(min(1.0, max_norm / (norm + 1e-6)))
    return norm
"""

_READS_PADDING = """
def last_valid_state(outputs, lengths):
    return outputs[:, -1]
"""

_TAGS_WITH_LAST_STATE = """
class RNNTagger(nn.Module):
    def __init__(self, vocab_size, d_embed, d_hidden, num_tags):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.rnn = nn.RNN(d_embed, d_hidden, batch_first=True)
        self.output = nn.Linear(d_hidden, num_tags)

    def forward(self, ids):
        outputs, h_last = self.rnn(self.embedding(ids))
        return self.output(h_last[0])[:, None].expand(-1, ids.shape[1], -1)
"""

_MISSPELLED = """
def rnn_backward(x, h_0, outputs, grad_outputs, W_xh, W_hh):
    grad_a = grad_outpts * (1 - outputs ** 2)
    return {"x": grad_a @ W_xh.T}
"""

_OTHER_STYLE = {
    "rnn_step": _STEP_BY_CONCATENATION, "rnn_forward": _FORWARD_WITHOUT_STEP, "rnn_backward": _BACKWARD_BY_EINSUM,
    "clip_gradients_": _CLIP_AS_ONE_VECTOR, "last_valid_state": _LAST_BY_GATHER, "RNNTagger": _TAGGER_IN_STEPS,
}

CLASS = (
    *(Student(name) for name in ("student01", "student02", "student03", "student04")),
    *(Student(name, _OTHER_STYLE) for name in ("student05", "student06", "student07", "student08")),
    Student("student09", {"rnn_step": _STEP_WITHOUT_BIAS}),
    Student("student10", _OTHER_STYLE | {"clip_gradients_": CLIPS_EACH}),
    Student("student11", {"generate": MULTIPLIES_TEMPERATURE, "clip_gradients_": _CLIPS_WITH_EPSILON}),
    Student("student12", {"last_valid_state": _READS_PADDING}),
    Student("student13", {"rnn_forward": _FORWARD_TIME_FIRST, "rnn_backward": FORGETS_THE_FUTURE}),
    Student("student14", _OTHER_STYLE | {"RNNTagger": _TAGS_WITH_LAST_STATE}),
    Student("student15", {"rnn_step": _STEP_BY_SIGMOID, "rnn_forward": _FORWARD_WITHOUT_STEP}),
    Student("student16", {"rnn_backward": _MISSPELLED}),
    Student("student17", left_out=("generate", "RNNClassifier")),
    Student("student18", _OTHER_STYLE, left_out=("rnn_backward",)),
    Student("student19", {"clip_gradients_": CLIPS_EACH}, left_out=EVERYTHING[4:]),
    Student("student20", left_out=EVERYTHING),
)


def hand_in(student: Student, released: dict[str, Any], right: Mapping[str, str]) -> dict[str, Any]:
    """The notebook of one student: the released one, with their answers; `right` holds the lesson's own."""
    notebook = copy.deepcopy(released)
    for cell in notebook["cells"]:
        described = cell["metadata"].get("nbgrader", {})
        if not described.get("solution") or cell["cell_type"] != "code":
            continue
        name = described["grade_id"]
        if name not in student.left_out:
            cell["source"] = student.answers.get(name, right[name]).strip()
    return notebook


def right_answers(with_answers: dict[str, Any]) -> dict[str, str]:
    """The source of every answer cell of a notebook with answers."""
    return {
        name: source_of(cell) for cell in with_answers["cells"]
        if (name := grade_id(cell)) and cell["metadata"]["nbgrader"].get("solution") and cell["cell_type"] == "code"
    }
