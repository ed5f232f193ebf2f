"""How an answer is asked: with fresh copies, under every sort of misbehaviour, leaving the process as it was."""

import sys

import pytest
import torch
from torch import nn

from autograder.drive import Response, load_weights, parts, perform, walk
from autograder.errors import AnswerError
from autograder.exercise import Exercise, strided


class Call(Exercise):
    id, lesson, points, answer_names = "call", "00_toy", 1.0, ("call",)

    def cases(self, rng):
        yield from ()

    def drive(self, answer, **inputs):
        return {"y": answer(**inputs)}


def ask(answer, gradients=False, mutable=(), **inputs) -> Response:
    return perform(Call(), answer, inputs, gradients, mutable)


X = torch.arange(6.0, dtype=torch.float64).reshape(2, 3) + 1


def test_outputs_come_back_without_their_graph():
    got = ask(lambda x: x * 2, gradients=True, x=X)
    assert torch.equal(got.outputs["y"], 2 * X)
    assert not got.outputs["y"].requires_grad


def test_gradients_reach_every_floating_input_and_every_output():
    got = ask(lambda x, n, p: [x * p["w"], x.sum()], gradients=True, x=X, n=torch.tensor(3), p={"w": X.flip(0)})
    assert set(got.gradients) == {"x", "p.w"}
    assert all(bool((g != 0).all()) for g in got.gradients.values())


def test_gradients_can_be_asked_by_name():
    got = ask(lambda x, p, q: x * p[0] * p[1] * q, gradients=("p",), x=X, p=[X, X], q=X)
    assert set(got.gradients) == {"p[0]", "p[1]"}


def test_a_cut_graph_gives_no_gradient():
    assert ask(lambda x: x.detach() * 2, gradients=True, x=X).gradients == {"x": None}
    assert ask(lambda x: 5, gradients=True, x=X).gradients == {"x": None}


def test_an_answer_sees_gradients_switched_on_and_leaves_the_switch_alone():
    with torch.no_grad():
        got = ask(lambda x: x.requires_grad and torch.is_grad_enabled(), gradients=True, x=X)
        assert not torch.is_grad_enabled()
    assert got.outputs["y"] is True

    def switch(x):
        torch.set_grad_enabled(False)
        return x

    ask(switch, x=X)
    assert torch.is_grad_enabled()


def test_an_answer_can_not_change_the_defaults_of_the_next_one():
    def careless(x):
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        return x

    ask(careless, x=X)
    assert torch.get_default_dtype() == torch.float32
    assert torch.zeros(1).device.type == "cpu"


@pytest.mark.parametrize(
    "value", [X, X.bool(), X.long(), X.bfloat16(), torch.tensor(1.0), [X, "a"], {"k": [1, X]}, [float("nan")]]
)
def test_an_input_that_is_left_alone_is_not_called_changed(value):
    assert ask(lambda v: 1, v=value).changed == ()


def flip(v):
    v.logical_not_()
    return 1


def clear(v):
    v.clear()
    return 1


def zero(v):
    v.mul_(0)
    return 1


def retype(v):
    v.data = v.data.float()
    return 1


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (flip, torch.tensor([True, False])), (clear, [1, 2]), (clear, {"a": 1}), (zero, X), (zero, X.long()),
        (zero, torch.ones(2, 2).bfloat16()), (retype, X),
    ],
)
def test_an_input_changed_in_place_is_told(answer, value):
    assert ask(answer, v=value).changed == ("v",)
    assert ask(answer, mutable=("v",), v=value).changed == ()


def test_every_case_gets_copies_of_its_own_in_the_same_layout():
    value = strided(X)
    seen = []
    ask(lambda v: seen.append(v) or v.zero_(), v=value)
    assert seen[0].stride() == value.stride()
    assert value[1, 2] == 6


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("I say nothing")


def raising(error):
    def answer(**_):
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("no"), "error", "ValueError: no"), (AnswerError("bad form"), "form", "bad form"),
        (MemoryError(), "memory", "it ran out of memory"), (RecursionError("deep"), "error", "RecursionError: deep"),
        (RuntimeError("can't allocate memory: you tried"), "memory", "RuntimeError: can't allocate memory: you tried"),
        (SystemExit(3), "error", "SystemExit: 3"), (GeneratorExit(), "error", "GeneratorExit: "),
        (Mute(), "error", "Mute: (its text can't be shown)"), (StopIteration(1), "error", "StopIteration: 1"),
    ],
)
def test_whatever_an_answer_raises_becomes_a_failure(error, kind, message):
    failure = ask(raising(error)).failure
    assert (failure.kind, failure.message) == (kind, message)


def test_an_interrupt_stops_the_check():
    with pytest.raises(KeyboardInterrupt):
        ask(raising(KeyboardInterrupt()))


def test_a_failure_says_on_which_line():
    failure = ask(raising(ValueError("no"))).failure
    assert failure.where.endswith("raise error")


class Sour(dict):
    def items(self):
        raise RuntimeError("no items")


class SourTensor(torch.Tensor):
    def detach(self):
        raise RuntimeError("no detach")


@pytest.mark.parametrize("value", [Sour(a=1), torch.zeros(2).as_subclass(SourTensor)])
def test_results_that_break_when_they_are_looked_at_are_failures_too(value):
    assert ask(lambda: value).failure is not None


def test_endless_nesting_in_a_result_is_a_failure():
    loop = []
    loop.append(loop)
    assert ask(lambda: loop).failure is not None
    assert sys.getrecursionlimit() >= 1000


def test_unusual_tensors_come_back_as_plain_ones():
    outputs = ask(lambda: [nn.Parameter(X), X[:, ::2], X[:1].expand(4, 3), X.T]).outputs["y"]
    assert all(type(value) is torch.Tensor for value in outputs)


def test_named_tuples_come_back_as_lists_and_parts_name_them():
    values = torch.tensor([3.0, 1.0]).sort()
    assert type(ask(lambda: values).outputs["y"]) is list
    assert set(parts(values, "values", "indices")) == {"values", "indices"}
    with pytest.raises(AnswerError, match=r"expected 2 results \(a, b\), got 3 values"):
        parts((1, 2, 3), "a", "b")
    with pytest.raises(AnswerError, match="got Tensor"):
        parts(X, "a", "b")


class Small(nn.Module):
    def __init__(self, **kinds):
        super().__init__()
        self.W = nn.Parameter(torch.zeros(2, 3))
        for name, value in kinds.items():
            setattr(self, name, value)


def test_weights_are_loaded_by_name_in_their_dtype():
    model = load_weights(Small(), {"W": X})
    assert torch.equal(model.W, X)
    assert model.W.dtype == torch.float64


@pytest.mark.parametrize(
    ("model", "weights", "message"),
    [
        (Small(), {"V": X}, "no parameter called 'V'; its parameters are: W"),
        (Small(V=torch.zeros(2, 3)), {"W": X, "V": X}, "wrap it in nn.Parameter"),
        (Small(), {"W": X.T}, r"shape \(2, 3\); expected \(3, 2\)"),
        (Small(V=nn.Parameter(X)), {"W": X}, "parameters that the exercise does not name: V"),
        (object(), {"W": X}, "expected an nn.Module, got object"),
        (Small(), {"W": "a text"}, "expected tensors"),
    ],
)
def test_weights_that_do_not_fit_are_named(model, weights, message):
    with pytest.raises(AnswerError, match=message):
        load_weights(model, weights)


def test_gradients_reach_the_parameters_that_weights_were_loaded_into():
    class Linear(Call):
        def drive(self, answer, weights, x):
            return {"y": x @ load_weights(answer(), weights).W}

    got = perform(Linear(), Small, {"weights": {"W": X}, "x": X.T.contiguous()}, gradients=("weights",))
    assert torch.is_tensor(got.gradients["weights.W"])


def test_walk_names_every_leaf():
    assert dict(walk({"a": [1, {"b": 2}], "c": (3,)})) == {"a[0]": 1, "a[1].b": 2, "c[0]": 3}
