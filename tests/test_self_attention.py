"""Lesson 06: its references agree with PyTorch's and the book's, and have the properties that the lesson teaches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.exercise import Rng, get
from autograder.exercises.self_attention import blind, lowest_only, projections, visible
from autograder.judge.expect import judge_answer
from autograder.reference import self_attention as reference


@pytest.fixture(scope="module")
def d2l() -> Any:
    from autograder.d2l import load

    try:
        return load()
    except ImportError as error:
        pytest.skip(str(error))


@pytest.fixture
def rng() -> Rng:
    return Rng(0, "lesson 06")


def heads(rng: Rng, d_model: int = 12, num_heads: int = 3) -> nn.Module:
    model = reference.MultiHeadAttention(d_model, num_heads).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(rng.normal(d_model, d_model, scale=1.3 * d_model**-0.5))
    return model


def three(rng: Rng, batch: int = 3, n_q: int = 4, n_k: int = 5, d_model: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    return rng.normal(batch, n_q, d_model), rng.normal(batch, n_k, d_model), rng.normal(batch, n_k, d_model)


def attention(rng: Rng, batch: int = 3, n_q: int = 4, n_k: int = 6) -> dict[str, Tensor]:
    """Inputs of `cross_attention`."""
    inputs = {"X": rng.normal(batch, n_q, 7), "memory": rng.normal(batch, n_k, 5)}
    return inputs | projections(rng, d_model=7, d_k=4, d_v=3, d_memory=5)


@pytest.mark.parametrize("masked", [False, True])
def test_one_head_agrees_with_pytorchs_fused_attention(rng: Rng, masked: bool) -> None:
    given = attention(rng)
    mask = blind(visible(rng, 3, 4, 6)) if masked else None
    Q, K, V = given["X"] @ given["W_q"], given["memory"] @ given["W_k"], given["memory"] @ given["W_v"]
    outputs, weights = reference.cross_attention(**given, mask=mask)
    torch.testing.assert_close(outputs, F.scaled_dot_product_attention(Q, K, V, attn_mask=mask))
    torch.testing.assert_close(weights @ V, outputs)


@pytest.mark.parametrize("axes", ["none", "two", "three", "four"])
def test_many_heads_agree_with_pytorchs(rng: Rng, axes: str) -> None:
    model, given = heads(rng), three(rng)
    witness = nn.MultiheadAttention(12, 3, bias=False, batch_first=True).double()
    with torch.no_grad():
        witness.in_proj_weight.copy_(torch.cat([model.W_q.weight, model.W_k.weight, model.W_v.weight]))
        witness.out_proj.weight.copy_(model.W_o.weight)
    mask = {
        "none": None, "two": visible(rng, 4, 5), "three": visible(rng, 3, 4, 5), "four": visible(rng, 3, 3, 4, 5)
    }[axes]
    hidden = None
    if mask is not None:
        grown = mask.reshape(1 if mask.dim() == 2 else 3, -1, 4, 5)
        hidden = ~grown.expand(3, 3, 4, 5).reshape(9, 4, 5)
    expected, _ = witness(*given, attn_mask=hidden)
    torch.testing.assert_close(model(*given, mask), expected)


def test_many_heads_agree_with_the_books(rng: Rng, d2l: Any) -> None:
    model, given, lengths = heads(rng), three(rng), torch.tensor([5, 2, 3])
    witness = d2l.MultiHeadAttention(12, 3, dropout=0.0).double()
    witness(*given, None)  # its layers learn their sizes from the first input
    with torch.no_grad():
        for name in ("W_q", "W_k", "W_v", "W_o"):
            getattr(witness, name).weight.copy_(getattr(model, name).weight)
    padding = torch.arange(5) < lengths[:, None]
    torch.testing.assert_close(model(*given), witness(*given, None))
    mask = padding[:, None].expand(-1, 4, -1)
    torch.testing.assert_close(model(*given, mask), witness(*given, lengths), rtol=1e-5, atol=1e-5)


def test_one_head_of_many_is_one_head_alone(rng: Rng) -> None:
    model, (queries, keys, _) = heads(rng), three(rng)
    one = [layer.weight[4:8].T for layer in (model.W_q, model.W_k, model.W_v)]
    alone, _ = reference.cross_attention(queries, keys, *one)
    nn.init.eye_(model.W_o.weight)
    torch.testing.assert_close(model(queries, keys, keys)[..., 4:8], alone)


@pytest.mark.parametrize("d_model", [2, 8, 20])
def test_positions_agree_with_the_books(d2l: Any, d_model: int) -> None:
    book = d2l.PositionalEncoding(d_model, dropout=0.0, max_len=60).P[0]
    torch.testing.assert_close(reference.sinusoidal_positions(60, d_model), book, rtol=0, atol=2e-5)


def test_positions_are_sines_and_cosines_of_one_angle() -> None:
    waves = reference.sinusoidal_positions(40, 10)
    torch.testing.assert_close(waves[:, ::2] ** 2 + waves[:, 1::2] ** 2, torch.ones(40, 5))


def test_heads_split_and_merge_back(rng: Rng) -> None:
    X = rng.normal(2, 5, 12)
    for num_heads in (1, 2, 3, 4, 6, 12):
        split = reference.split_heads(X, num_heads)
        assert split.shape == (2, num_heads, 5, 12 // num_heads)
        assert torch.equal(reference.merge_heads(split, num_heads), X)
        assert torch.equal(split[:, -1], X[..., -(12 // num_heads) :])


def shuffled(rng: Rng, X: Tensor) -> tuple[Tensor, Tensor]:
    order = torch.tensor(rng.permutation(X.shape[1]))
    return X[:, order], order


def test_shuffled_words_shuffle_what_attention_says_and_nothing_else(rng: Rng) -> None:
    X, W = rng.normal(2, 6, 12), projections(rng, 12, 5, 4)
    mixed, order = shuffled(rng, X)
    outputs, weights = reference.self_attention(X, **W)
    again, turned = reference.self_attention(mixed, **W)
    torch.testing.assert_close(again, outputs[:, order])
    torch.testing.assert_close(turned, weights[:, order][:, :, order])
    model, memory = heads(rng), (rng.normal(4, 12), rng.normal(4, 12))
    torch.testing.assert_close(model(mixed, mixed, mixed), model(X, X, X)[:, order])
    torch.testing.assert_close(
        reference.external_attention(mixed, *memory), reference.external_attention(X, *memory)[:, order]
    )
    experts = [(rng.normal(12, 3), rng.normal(12, 3), rng.normal(12, 2), rng.normal(2, 12)) for _ in range(3)]
    mixture = (experts, rng.normal(12, 3), 2)
    torch.testing.assert_close(
        reference.mixture_of_experts_attention(mixed, *mixture),
        reference.mixture_of_experts_attention(X, *mixture)[:, order],
    )


def test_positions_end_the_indifference_to_order(rng: Rng) -> None:
    X, W = rng.normal(2, 6, 12), projections(rng, 12, 5, 4)
    P = reference.sinusoidal_positions(6, 12).double()
    mixed, order = shuffled(rng, X)
    there, here = reference.self_attention(mixed + P, **W)[0], reference.self_attention(X + P, **W)[0][:, order]
    assert (there - here).abs().max() > 0.01


def test_what_the_mask_hides_never_changes_a_result(rng: Rng) -> None:
    model, (queries, keys, values), lengths = heads(rng), three(rng), torch.tensor([5, 2, 3])
    padding = torch.arange(5) < lengths[:, None]
    mask = padding[:, None].expand(-1, 4, -1)
    other = torch.where(padding[..., None], keys, 100 * rng.normal(3, 5, 12))
    torch.testing.assert_close(model(queries, other, values, mask), model(queries, keys, values, mask))
    X, W = rng.normal(2, 6, 7), projections(rng, 7, 5, 4)
    causal, later = torch.ones(6, 6, dtype=torch.bool).tril(), X.clone()
    later[:, 4:] += rng.normal(2, 2, 7)
    before, after = (reference.self_attention(x, **W, mask=causal)[0] for x in (X, later))
    assert torch.equal(before[:, :4], after[:, :4])
    assert (before[:, 4:] != after[:, 4:]).all()


def test_rows_of_weights_sum_to_one_or_to_nothing(rng: Rng) -> None:
    mask = blind(visible(rng, 3, 4, 6))
    outputs, weights = reference.cross_attention(**attention(rng), mask=mask)
    torch.testing.assert_close(weights.sum(-1), mask.any(-1).double())
    assert (weights[~mask] == 0).all()
    assert (outputs[~mask.any(-1)] == 0).all()


def test_a_blind_query_gives_zero_and_finite_gradients(rng: Rng) -> None:
    model, given = heads(rng), three(rng)
    leaves = [x.requires_grad_() for x in given]
    outputs = model(*leaves, torch.zeros(3, 4, 5, dtype=torch.bool))
    assert (outputs == 0).all()
    gradients = torch.autograd.grad(outputs.sum() + model(*leaves).sum(), [*leaves, *model.parameters()])
    assert all(bool(g.isfinite().all()) for g in gradients)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow_where_a_mask_hides(rng: Rng, dtype: torch.dtype) -> None:
    given = {name: value.to(dtype) for name, value in attention(rng).items()}
    given["X"] *= 50
    outputs, weights = reference.cross_attention(**given, mask=blind(visible(rng, 3, 4, 6)))
    assert outputs.dtype == weights.dtype == dtype
    assert bool(outputs.isfinite().all())
    assert bool(weights.isfinite().all())


def test_gradients_agree_with_finite_differences(rng: Rng) -> None:
    given = attention(rng, batch=2, n_q=3, n_k=4)
    mask = visible(rng, 2, 3, 4)
    leaves = [value.requires_grad_() for value in given.values()]
    assert torch.autograd.gradcheck(lambda *a: reference.cross_attention(*a, mask), leaves)
    memory = [rng.normal(2, 3, 4).requires_grad_(), *(rng.normal(5, 4).requires_grad_() for _ in range(2))]
    assert torch.autograd.gradcheck(reference.external_attention, memory)
    x = rng.normal(1, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: reference.rotary_embedding(x, torch.tensor([2, 5, 9])), [x])


def test_a_turn_keeps_lengths_and_tells_distances_alone(rng: Rng) -> None:
    q, k = rng.normal(2, 3, 5, 8), rng.normal(2, 3, 5, 8)
    near, far = torch.arange(5), torch.arange(5) + 700
    turn = reference.rotary_embedding
    torch.testing.assert_close(turn(q, near).norm(dim=-1), q.norm(dim=-1))
    torch.testing.assert_close(turn(q, near) @ turn(k, near).mT, turn(q, far) @ turn(k, far).mT)
    torch.testing.assert_close(turn(turn(q, near), far), turn(q, near + far))
    assert torch.equal(turn(q, torch.zeros(5, dtype=torch.int64)), q)


def test_windows_grow_from_the_diagonal_to_everything() -> None:
    assert torch.equal(reference.sliding_window_mask(6, 0), torch.eye(6, dtype=torch.bool))
    assert reference.sliding_window_mask(6, 5).all()
    for window in range(6):
        mask = reference.sliding_window_mask(6, window)
        assert torch.equal(mask, mask.T)
        assert int(mask[0].sum()) == window + 1


def test_pooling_is_one_query_of_unscaled_attention(rng: Rng) -> None:
    hidden, query, lengths = rng.normal(3, 5, 4), rng.normal(4), torch.tensor([5, 2, 3])
    real = (torch.arange(5) < lengths[:, None])[:, None]
    expected = F.scaled_dot_product_attention(query.expand(3, 1, 4), hidden, hidden, attn_mask=real, scale=1.0)
    pooled, weights = reference.attention_pooling(hidden, query, lengths)
    torch.testing.assert_close(pooled, expected[:, 0])
    assert (weights[~real[:, 0]] == 0).all()


def test_one_slot_says_the_same_everywhere_and_one_position_hears_all_slots_alike(rng: Rng) -> None:
    slot = rng.normal(1, 4), rng.normal(1, 4)
    torch.testing.assert_close(reference.external_attention(rng.normal(2, 5, 4), *slot), slot[1].expand(2, 5, 4))
    M_k, M_v = rng.normal(6, 4), rng.normal(6, 4)
    torch.testing.assert_close(reference.external_attention(rng.normal(2, 1, 4), M_k, M_v), M_v.mean(0).expand(2, 1, 4))


def test_one_expert_is_attention_and_equal_experts_are_one(rng: Rng) -> None:
    X = rng.normal(2, 5, 6)
    expert = (rng.normal(6, 3), rng.normal(6, 3), rng.normal(6, 4), rng.normal(4, 6))
    alone = reference.self_attention(X, *expert[:3])[0] @ expert[3]
    mixture = reference.mixture_of_experts_attention
    torch.testing.assert_close(mixture(X, [expert], rng.normal(6, 1), 1), alone)
    torch.testing.assert_close(mixture(X, [expert] * 3, rng.normal(6, 3), 2), alone)


@pytest.mark.parametrize("seed", range(20))
def test_gates_are_never_tied_and_some_words_see_nothing(seed: int) -> None:
    for case in get("mixture_of_experts_attention").cases(Rng(seed, "gates")):
        gates = (case.inputs["X"] @ case.inputs["W_gate"]).double().sort(dim=2).values
        assert gates.shape[2] == 1 or float(gates.diff(dim=2).min()) > 1e-4
    for name in ("self_attention", "cross_attention", "MultiHeadAttention"):
        masks = [case.inputs["mask"] for case in get(name).cases(Rng(seed, name)) if "mask" in case.inputs]
        unseeing = [mask for mask in masks if not mask.any(-1).all()]
        assert 1 <= len(unseeing) <= 2
        assert all(mask.any() for mask in masks)


def test_the_lowest_scores_are_shown(rng: Rng) -> None:
    scores = rng.normal(2, 3, 5)
    mask = lowest_only(scores, 2)
    assert (mask.sum(-1) == 2).all()
    assert (scores.masked_fill(~mask, -torch.inf).amax(-1) < scores.masked_fill(mask, torch.inf).amin(-1)).all()


def test_a_cut_gradient_is_not_taken_for_one_that_is_nan() -> None:
    class Cut(reference.MultiHeadAttention):
        def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
            return super().forward(queries, keys, values.detach(), mask)

    verdict = judge_answer("MultiHeadAttention", Cut)
    assert "no gradient reaches" in verdict.message
    assert verdict.hint == ""
