"""Lesson 03: references agree with PyTorch and autograd; the random and the trained exercise are judged fairly."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder.drive import perform
from autograder.exercise import Case, Rng, get, reference_of
from autograder.exercises.gru_lstm import GRU, cell, lstm_sequence
from autograder.exercises.gru_lstm_deep import stack, tanh_step
from autograder.exercises.gru_lstm_recall import NUM_SYMBOLS, Recall, answers_by_symbol, rows
from autograder.reference import gru_lstm as reference
from benchmarks.baselines import BASELINES

Params = dict[str, Tensor]


def gru_weights(params: Params, layer: int = 0) -> Params:
    """The weights of an nn.GRU: its gates are r, z, n, and the candidate's second bias, which r multiplies, is zero."""
    bias = torch.cat([params[f"b_{gate}"] for gate in GRU])
    return {
        f"weight_ih_l{layer}": torch.cat([params[f"W_x{gate}"].T for gate in GRU]),
        f"weight_hh_l{layer}": torch.cat([params[f"W_h{gate}"].T for gate in GRU]),
        f"bias_ih_l{layer}": bias,
        f"bias_hh_l{layer}": torch.zeros_like(bias),
    }


def diagonal(params: Params) -> Params:
    """Params for which it makes no difference whether r acts before the product or after it."""
    return params | {"W_hh": torch.diag(params["W_hh"].diagonal())}


def test_where_the_place_of_the_reset_gate_does_not_matter_gru_step_agrees_with_pytorch() -> None:
    rng = Rng(0, "gru")
    x_t, h_prev, params = rng.normal(4, 3), rng.normal(4, 6), diagonal(cell(rng, GRU, 3, 6))
    module = nn.GRUCell(3, 6, dtype=torch.float64)
    module.load_state_dict({name.removesuffix("_l0"): weight for name, weight in gru_weights(params).items()})
    torch.testing.assert_close(reference.gru_step(x_t, h_prev, params), module(x_t, h_prev))


def test_elsewhere_gru_step_is_another_function_than_pytorchs() -> None:
    rng = Rng(0, "gru")
    x_t, h_prev, params = rng.normal(4, 3), rng.normal(4, 6), cell(rng, GRU, 3, 6)
    module = nn.GRUCell(3, 6, dtype=torch.float64)
    module.load_state_dict({name.removesuffix("_l0"): weight for name, weight in gru_weights(params).items()})
    assert (reference.gru_step(x_t, h_prev, params) - module(x_t, h_prev)).abs().max() > 0.01


def test_a_closed_gate_keeps_the_state_and_an_open_one_replaces_it() -> None:
    rng = Rng(0, "gru")
    x_t, h_prev, params = rng.normal(4, 3), rng.normal(4, 6), cell(rng, GRU, 3, 6)
    kept = reference.gru_step(x_t, h_prev, params | {"b_z": params["b_z"] + 1000})
    torch.testing.assert_close(kept, h_prev)
    replaced = reference.gru_step(x_t, h_prev, params | {"b_z": params["b_z"] - 1000, "b_r": params["b_r"] - 1000})
    torch.testing.assert_close(replaced, torch.tanh(x_t @ params["W_xh"] + params["b_h"]))


def test_lstm_step_agrees_with_its_equations() -> None:
    given = next(iter(get("lstm_step").cases(Rng(3, "lstm_step")))).inputs
    x_t, h_prev, c_prev, p = (given[name] for name in ("x_t", "h_prev", "c_prev", "params"))
    i, f, o, c = (x_t @ p[f"W_x{gate}"] + h_prev @ p[f"W_h{gate}"] + p[f"b_{gate}"] for gate in "ifoc")
    c_t = f.sigmoid() * c_prev + i.sigmoid() * c.tanh()
    torch.testing.assert_close(reference.lstm_step(**given), (o.sigmoid() * c_t.tanh(), c_t))


def test_lstm_forward_is_lstm_step_again_and_again_and_the_module_the_same() -> None:
    given = lstm_sequence(Rng(0, "lstm"), batch=3, seq=6, d_in=4, d_h=5)
    h, c = given["h_0"], given["c_0"]
    outputs, last = reference.lstm_forward(**given)
    for t in range(6):
        h, c = reference.lstm_step(given["x"][:, t], h, c, given["params"])
        torch.testing.assert_close(outputs[:, t], h)
    torch.testing.assert_close(last, (h, c))
    module = reference.to_torch_lstm(given["params"])
    found, (h_last, c_last) = module(given["x"], (given["h_0"][None], given["c_0"][None]))
    torch.testing.assert_close((found, h_last[0], c_last[0]), (outputs, *last))


def test_layers_agree_with_pytorch_where_the_place_of_the_reset_gate_does_not_matter() -> None:
    given = stack(Rng(0, "deep"), num_layers=3, batch=2, seq=5, d_in=4, d_h=6)
    given["layers"] = [diagonal(params) for params in given["layers"]]
    module = nn.GRU(4, 6, num_layers=3, batch_first=True, dtype=torch.float64)
    weights = [gru_weights(params, layer) for layer, params in enumerate(given["layers"])]
    module.load_state_dict({name: weight for layer in weights for name, weight in layer.items()})
    torch.testing.assert_close(reference.deep_gru_forward(**given), module(given["x"], given["h_0"]))


@pytest.mark.parametrize("lengths", [[4, 1, 6, 2, 5], [6, 6, 6], [1, 1], [3]])
def test_reading_both_ways_agrees_with_pytorchs_packed_sequences(lengths: list[int]) -> None:
    rng = Rng(0, "both")
    x, cells = rng.normal(len(lengths), 6, 3), [cell(rng, "h", 3, 5) for _ in range(2)]
    module = nn.RNN(3, 5, batch_first=True, bidirectional=True, dtype=torch.float64)
    for params, suffix in zip(cells, ("l0", "l0_reverse"), strict=True):
        module.load_state_dict({
            **module.state_dict(), f"weight_ih_{suffix}": params["W_xh"].T, f"weight_hh_{suffix}": params["W_hh"].T,
            f"bias_ih_{suffix}": params["b_h"], f"bias_hh_{suffix}": torch.zeros(5),
        })
    packed = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    wanted, _ = pad_packed_sequence(module(packed)[0], batch_first=True, total_length=6)
    steps = [tanh_step(params) for params in cells]
    torch.testing.assert_close(reference.bidirectional_forward(x, torch.tensor(lengths), *steps, 5), wanted)


def test_padding_never_changes_a_real_state() -> None:
    rng = Rng(0, "both")
    x, lengths = rng.normal(3, 5, 2), torch.tensor([2, 5, 3])
    steps = [tanh_step(cell(rng, "h", 2, 4)) for _ in range(2)]
    short = reference.bidirectional_forward(x, lengths, *steps, 4)
    longer = reference.bidirectional_forward(torch.cat([x, rng.normal(3, 4, 2)], dim=1), lengths, *steps, 4)
    torch.testing.assert_close(longer[:, :5], short)
    assert not longer[:, 5:].any()


def leaves_of(value: Any) -> list[Tensor]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves_of(item)]
    return [value.requires_grad_()] if value.is_floating_point() else []


@pytest.mark.parametrize(
    "name", ["gru_step", "lstm_step", "lstm_forward", "deep_gru_forward", "bidirectional_forward"]
)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    exercise = get(name)
    case = next(case for case in exercise.cases(Rng(0, name)) if case.name.startswith("gradients"))
    leaves = leaves_of(dict(case.inputs))

    def function(*_: Tensor) -> tuple[Tensor, ...]:
        return tuple(exercise.drive(reference_of(exercise), **case.inputs).values())

    assert torch.autograd.gradcheck(function, leaves)


# delayed_recall_batch


def recall_cases() -> dict[str, Case]:
    return {case.name: case for case in get("delayed_recall_batch").cases(Rng(0, "delayed_recall_batch"))}


def test_honest_batches_are_never_found_out() -> None:
    """A hundred seeds; the bets allow one alarm in half a million."""
    exercise, cases = get("delayed_recall_batch"), recall_cases()
    for seed in range(100):
        for name in ("many rows", "many rows, two symbols", "many batches of one generator", "many batches of one row"):
            inputs = {**cases[name].inputs, "seed": torch.tensor(seed)}
            assert exercise.verify(cases[name], exercise.drive(reference.delayed_recall_batch, **inputs)) == []


def test_a_symbol_that_comes_two_thirds_too_often_is_found_out() -> None:
    exercise, case = get("delayed_recall_batch"), recall_cases()["many rows"]

    def often(batch: int, num_symbols: int, delay: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        inputs, targets = reference.delayed_recall_batch(batch, num_symbols, delay, generator)
        targets = torch.where(torch.rand(batch, generator=generator) < 1 / 6, 2, targets)
        inputs[:, 0] = targets
        return inputs, targets

    for seed in range(20):
        found = exercise.verify(case, exercise.drive(often, **{**case.inputs, "seed": torch.tensor(seed)}))
        assert found
        assert "as if some symbols come more often than others" in found[0]


def junk() -> list[Any]:
    tensors = [torch.zeros(3), torch.zeros(1, 3, 6), torch.full((1, 3, 6), 10**9), torch.full((1, 3, 6), -7)]
    return [None, 3, "ids", {"ids": [1]}, object(), [], [[10**30]], [[True]], *tensors, torch.zeros(0, 5)]


def test_verify_of_a_batch_never_raises_whatever_comes_back() -> None:
    exercise = get("delayed_recall_batch")
    for case in recall_cases().values():
        right = exercise.drive(reference.delayed_recall_batch, **case.inputs)
        assert exercise.verify(case, right) == []
        assert exercise.verify(case, {})
        keys = ("inputs", "targets", *(("same seed", "another seed") if "same seed" in right else ()))
        for value in junk():
            assert exercise.verify(case, dict.fromkeys(keys, value))
            for key in keys:
                assert exercise.verify(case, right | {key: value}), key
        for dtype in (torch.float64, torch.int32, torch.bool):
            assert exercise.verify(case, right | {"inputs": right["inputs"].to(dtype)})


def test_a_batch_on_another_device_than_the_generators_is_named() -> None:
    exercise, case = get("delayed_recall_batch"), recall_cases()["a few rows"]
    response = perform(exercise, lambda *given: tuple(
        part.to("meta") for part in reference.delayed_recall_batch(*given)), case.inputs)
    assert response.failure is not None
    assert "on the device of the generator, cpu; got meta" in response.failure.message


# recall


class Counted(nn.Module):
    """Knows the answers once it is trained: one weight for each symbol, beside buffers and shared weights."""

    def __init__(self, num_symbols: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(num_symbols, num_symbols))
        self.norm = nn.BatchNorm1d(num_symbols, affine=False)
        self.same = self.table

    def forward(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.norm(self.table[ids[:, 0]])
        return logits


def cases_of_recall(seed: int = 1) -> list[Case]:
    return list(get("recall").cases(Rng(seed, "recall")))


def problems(answer: Any, weights: dict[str, Tensor], seed: int = 1) -> list[str]:
    """The first problem in each case, or the failure."""
    exercise, found = get("recall"), []
    for case in cases_of_recall(seed):
        response = perform(exercise, answer, {**case.inputs, "weights": weights})
        if response.failure is not None:
            found.append(response.failure.message)
        else:
            found += exercise.verify(case, response.outputs or {}) or [""]
    return found


def trained(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def taught(dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    model = Counted(NUM_SYMBOLS)
    with torch.no_grad():
        model.table.copy_(torch.eye(NUM_SYMBOLS))
    return {k: v.to(dtype) if v.is_floating_point() else v for k, v in trained(model).items()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_module_is_asked_with_its_own_weights_and_buffers(dtype: torch.dtype) -> None:
    assert problems(Counted, taught(dtype)) == [""] * 4


def test_buffers_count() -> None:
    weights = taught()
    weights["norm.running_mean"] = torch.linspace(-9, 9, NUM_SYMBOLS)
    assert all("accuracy" in problem for problem in problems(Counted, weights))


def test_the_bars_rise_with_the_delay_and_all_delays_are_asked() -> None:
    for seed in range(20):
        cases = cases_of_recall(seed)
        assert [case.inputs["bar"] for case in cases] == sorted({case.inputs["bar"] for case in cases})
        judged = [[int(name.removeprefix("after_")) for name in case.truth["judged"]] for case in cases]
        assert all(len(set(delays)) == 2 for delays in judged)
        assert [max(delays) for delays in judged] == [5, 20, 40, 60]
        asked = [delay for delays in judged for delay in delays]
        assert asked == sorted(asked)


def test_a_class_that_is_right_without_weights_earns_nothing() -> None:
    class Reader(nn.Module):
        def __init__(self, num_symbols: int) -> None:
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, ids: Tensor) -> Tensor:
            return 9.0 * nn.functional.one_hot(ids[:, 0], NUM_SYMBOLS).float()

    class Tied(nn.Module):
        def __init__(self, num_symbols: int) -> None:
            super().__init__()
            self.embedding = nn.Embedding(num_symbols, 32)

        def forward(self, ids: Tensor) -> Tensor:
            return self.embedding(ids[:, 0]) @ self.embedding.weight.T

    for answer in (Reader, Tied):
        for problem in problems(answer, trained(answer(NUM_SYMBOLS))):
            assert "before the weights are loaded" in problem


def test_an_untrained_network_is_told_its_accuracy() -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        found = problems(reference.RecallModel, trained(reference.RecallModel(NUM_SYMBOLS)), seed)
        assert all("accuracy" in problem and "asks for" in problem for problem in found)


def test_chance_makes_an_untrained_network_right_less_than_once_in_ten_thousand() -> None:
    """Of all maps of the symbols, and of all that keep them apart, as many have so few misses."""
    n, least = NUM_SYMBOLS, math.floor(0.8 * NUM_SYMBOLS) + 1
    of_maps = sum(math.comb(n, hits) * (n - 1) ** (n - hits) for hits in range(least, n + 1)) / n**n
    derangements = [1, 0, 1, 2]
    of_permutations = sum(math.comb(n, k) * derangements[k] for k in range(n - least + 1)) / math.factorial(n)
    assert of_maps < 1e-5
    assert of_permutations < 1e-4


@pytest.mark.slow
def test_the_vanilla_rnn_misses_every_bar() -> None:
    _, baseline = BASELINES["recall"]
    for case in cases_of_recall():
        assert any("accuracy" in problem for problem in get("recall").verify(case, baseline(case)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": None}, "has no tensor 'table', which the model has"),
        ({"norm.running_var": None}, "has no tensor 'norm.running_var'"),
        ({"more": torch.zeros(2)}, "has a tensor 'more', which the model has not"),
        ({"table": torch.zeros(3, 4)}, r"'table' has shape \(3, 4\) in artifacts/recall.safetensors and \(\d+, \d+\)"),
    ],
)
def test_weights_that_do_not_fit_the_class_are_named(change: dict[str, Tensor | None], message: str) -> None:
    weights = {name: value for name, value in (taught() | change).items() if value is not None}
    for problem in problems(Counted, weights):
        assert re.search(message, problem)


def test_what_is_no_module_is_named() -> None:
    assert problems(lambda num_symbols: "model", taught()) == ["expected an nn.Module, got str"] * 4


def oracle(case: Case) -> dict[str, Any]:
    """The outputs of a model that is always right, and that knew nothing before it was trained."""
    logits = {name: 9.0 * nn.functional.one_hot(right, NUM_SYMBOLS) for name, right in case.truth["symbols"].items()}
    return {"logits": logits, "untrained": torch.zeros(NUM_SYMBOLS, NUM_SYMBOLS)}


def test_an_oracle_passes_and_one_wrong_symbol_passes_the_lower_bars() -> None:
    exercise = get("recall")
    assert isinstance(exercise, Recall)
    passed = []
    for case in cases_of_recall():
        outputs = oracle(case)
        assert exercise.verify(case, outputs) == []
        assert exercise.measure(case, outputs) == 1.0
        for name, right in case.truth["symbols"].items():
            outputs["logits"][name][right == 2] = 0.0
        assert exercise.measure(case, outputs) == 1 - 1 / NUM_SYMBOLS
        passed.append(exercise.verify(case, outputs) == [])
    assert passed == [case.inputs["bar"] <= 1 - 1 / NUM_SYMBOLS for case in cases_of_recall()]


def test_verify_of_a_model_never_raises_whatever_comes_back() -> None:
    exercise = get("recall")
    for case in cases_of_recall():
        right = oracle(case)
        name = next(iter(right["logits"]))
        bad = [torch.full((2 * NUM_SYMBOLS, NUM_SYMBOLS), value) for value in (float("nan"), float("inf"))]
        for value in (*junk(), *bad, torch.ones(2 * NUM_SYMBOLS, NUM_SYMBOLS, dtype=torch.int64)):
            for outputs in (
                {"logits": value, "untrained": value}, right | {"logits": value}, right | {"untrained": value},
                right | {"logits": right["logits"] | {name: value}}, {"untrained": value}, {},
            ):
                assert exercise.verify(case, outputs)
                assert exercise.symptom(case, outputs) is None


def test_rows_of_one_symbol_must_agree() -> None:
    _, symbols = rows(Rng(0, "rows"), 3, 2 * NUM_SYMBOLS)
    logits = nn.functional.one_hot(symbols, NUM_SYMBOLS).double()
    assert answers_by_symbol(logits, symbols) == list(range(NUM_SYMBOLS))
    logits[3] += torch.linspace(0, 1, NUM_SYMBOLS)
    assert answers_by_symbol(logits, symbols) is None


def test_the_symbols_are_not_among_the_inputs_but_as_first_ids() -> None:
    for case in cases_of_recall():
        assert not set(case.truth) & set(case.inputs)
        for name, right in case.truth["symbols"].items():
            ids = case.inputs[name]
            assert torch.equal(ids[:, 0], right)
            assert ids.shape[1] == int(name.removeprefix("after_")) + 2
            assert (ids[:, 1:-1] == NUM_SYMBOLS).all()
            assert (ids[:, -1] == NUM_SYMBOLS + 1).all()
