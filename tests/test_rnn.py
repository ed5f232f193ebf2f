"""Lesson 02: its references are right, its checks accept what is right and reject what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from autograder import chance
from autograder.exercise import Rng, get
from autograder.exercises.rnn import gentle, language_model, sequence
from autograder.exercises.rnn_probe import ProbeModel
from autograder.reference import rnn as reference


def test_rnn_forward_agrees_with_the_book() -> None:
    from autograder.d2l import load

    try:
        d2l = load()
    except ImportError as error:
        pytest.skip(str(error))
    given = sequence(Rng(0, "book"), batch=3, seq=5, d_in=4, d_h=6)
    book = d2l.RNNScratch(4, 6)
    with torch.no_grad():
        for name in ("W_xh", "W_hh", "b_h"):
            getattr(book, name).data = given[name]
        states, last = book(given["x"].transpose(0, 1), (given["h_0"],))
    outputs, h_last = reference.rnn_forward(**given)
    torch.testing.assert_close(outputs, torch.stack(states, dim=1))
    torch.testing.assert_close(h_last, last)


def test_rnn_backward_agrees_with_autograd() -> None:
    for given in (sequence(Rng(0, "backward"), 3, 6, 4, 5), gentle(Rng(1, "backward"), 2, 30, 3, 4)):
        leaves = {name: tensor.requires_grad_() for name, tensor in given.items()}
        outputs, _ = reference.rnn_forward(**leaves)
        grad = torch.randn_like(outputs)
        wanted = torch.autograd.grad(outputs, list(leaves.values()), grad)
        del leaves["b_h"]
        found = reference.rnn_backward(leaves["x"], leaves["h_0"], outputs, grad, leaves["W_xh"], leaves["W_hh"])
        torch.testing.assert_close([found[name] for name in given], list(wanted))


def test_clipping_agrees_with_pytorch_far_from_its_epsilon() -> None:
    gradients = [torch.randn(3, 4, dtype=torch.float64), torch.randn(5, dtype=torch.float64)]
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 0.5)
    torch.testing.assert_close(reference.clip_gradients_(gradients, 0.5), norm)
    torch.testing.assert_close(gradients, [p.grad for p in parameters], rtol=1e-5, atol=1e-9)


def test_the_probe_model_is_a_language_model() -> None:
    weights = language_model(Rng(0, "probe"), vocab_size=9, d_embed=4, d_hidden=6)
    probe, model = ProbeModel(weights), reference.RNNLanguageModel(9, 4, 6).double()
    model.load_state_dict(weights)
    ids, h_0 = torch.randint(9, (2, 5)), torch.randn(2, 6, dtype=torch.float64)
    torch.testing.assert_close(probe(ids, h_0), model(ids, h_0))
    torch.testing.assert_close(probe(ids), model(ids))
    for name in ("W_xh", "W_hh", "b_h"):
        torch.testing.assert_close(getattr(probe, name), getattr(model, name), check_stride=False)


def junk() -> list[Any]:
    lists = [[], [0.5], [[1]], [10**30] * 5, [-1] * 19, [True] * 19]
    return [None, 3, "ids", torch.zeros(3), {"ids": [1]}, object(), *lists]


def test_verify_never_raises_whatever_comes_back() -> None:
    one = get("generate")
    cases = list(one.cases(Rng(0, "generate")))
    keys = ("ids", "same seed", "same generator again", "another seed", "prefix unchanged", "model unchanged")
    for case in cases:
        right = one.drive(reference.generate, **case.inputs)
        assert one.verify(case, {})
        for value in junk():
            assert one.verify(case, dict.fromkeys(keys, value))
            assert one.verify(case, right | {"ids": value})
            assert one.verify(case, right | {"model unchanged": value})


def draws(log_p: Tensor, seed: int) -> Tensor:
    return torch.multinomial(log_p.exp(), 1, generator=torch.Generator().manual_seed(seed))[:, 0]


def test_honest_draws_lose_every_bet() -> None:
    for seed in range(200):
        logits = torch.randn(60, 30, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        log_p = (2 * logits).log_softmax(1)
        rivals = {"flatter": logits.log_softmax(1), "flat": (0 * logits).log_softmax(1)}
        assert chance.better_explanations(draws(log_p, seed), log_p, rivals) == []


def test_the_best_explanation_comes_first() -> None:
    logits = 2 * torch.randn(200, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    log_p, flatter = logits.log_softmax(1), (logits / 4).log_softmax(1)
    rivals = {"flat": (0 * logits).log_softmax(1), "flatter": flatter}
    assert chance.better_explanations(draws(flatter, 1), log_p, rivals)[0] == "flatter"


def test_draws_of_no_named_rival_are_still_found_out() -> None:
    logits = torch.randn(200, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    log_p = logits.log_softmax(1)
    likeliest = logits.masked_fill(logits < logits.topk(5).values[:, -1:], -torch.inf).log_softmax(1)
    assert chance.better_explanations(draws(likeliest, 1), log_p, {}) == ["something else"]


def test_one_impossible_draw_is_enough() -> None:
    log_p = torch.tensor([[0.0, -80.0]], dtype=torch.float64).log_softmax(1).expand(20, 2)
    drawn = torch.zeros(20, dtype=torch.int64)
    assert chance.better_explanations(drawn, log_p, {"flat": torch.full_like(log_p, 0.5).log()}) == []
    drawn[7] = 1
    assert "flat" in chance.better_explanations(drawn, log_p, {"flat": torch.full_like(log_p, 0.5).log()})
