"""Lesson 05: its references agree with other libraries and with sums by hand; its judge of draws is fair and keen."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder import chance
from autograder.exercise import Case, Rng, get, misconceptions_of
from autograder.exercises import attention_draws
from autograder.exercises.attention import partial_mask
from autograder.judge.expect import expectation
from autograder.reference import attention as reference
from autograder.verdict import decide

F64 = torch.float64


@pytest.fixture
def rng() -> Rng:
    return Rng(5, "attention")


@pytest.fixture(scope="module")
def book() -> Any:
    from autograder.d2l import load

    try:
        return load()
    except ImportError as error:
        pytest.skip(str(error))


# Witnesses


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5), (3, 1, 5)])
def test_attention_agrees_with_the_fused_operator(rng: Rng, shape: tuple[int, ...]) -> None:
    q, k, v, mask = rng.normal(3, 4, 6), rng.normal(3, 5, 6), rng.normal(3, 5, 2), partial_mask(rng, *shape)
    outputs, weights = reference.scaled_dot_product_attention(q, k, v, mask)
    torch.testing.assert_close(outputs, F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4, dtype=F64))
    outputs, weights = reference.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(outputs, F.scaled_dot_product_attention(q, k, v))
    torch.testing.assert_close(weights, F.softmax(q @ k.mT / 6**0.5, dim=-1))


def test_attention_without_parameters_is_attention_without_a_scale(rng: Rng) -> None:
    X = rng.normal(3, 5, 4)
    outputs, weights = reference.similarity_attention(X)
    torch.testing.assert_close(outputs, F.scaled_dot_product_attention(X, X, X, scale=1.0))
    scaled = reference.scaled_dot_product_attention(X * 2, X, X)
    torch.testing.assert_close((outputs, weights), scaled)


def test_a_softmax_under_no_mask_is_a_softmax(rng: Rng) -> None:
    scores = rng.normal(2, 3, 4, 5, scale=3.0)
    everything = torch.ones(4, 5, dtype=torch.bool)
    torch.testing.assert_close(reference.masked_softmax(scores, everything), F.softmax(scores, dim=-1))


def test_what_is_hidden_might_as_well_not_be_there(rng: Rng) -> None:
    scores, mask = rng.normal(3, 5, scale=3.0), partial_mask(rng, 3, 5)
    found = reference.masked_softmax(scores[None], mask)[0]
    for row, shown, weights in zip(scores, mask, found, strict=True):
        torch.testing.assert_close(weights[shown], F.softmax(row[shown], dim=0))
        assert not weights[~shown].any()


def test_scores_are_each_others_special_cases(rng: Rng) -> None:
    q, k = rng.normal(3, 4, 5), rng.normal(3, 6, 5)
    dot = reference.dot_score(q, k)
    torch.testing.assert_close(reference.general_score(q, k, torch.eye(5, dtype=F64)), dot)
    torch.testing.assert_close(reference.cosine_score(q, k), dot / (q.norm(dim=2)[:, :, None] * k.norm(dim=2)[:, None]))
    W, b = rng.normal(10, 7), torch.zeros(7, dtype=F64)
    additive = reference.additive_score(q, k, W[:5], W[5:], torch.ones(7, dtype=F64))
    torch.testing.assert_close(reference.concat_score(q, k, W, b), additive)


def test_location_scores_are_a_linear_layer(rng: Rng) -> None:
    query, key, W, b = rng.normal(3, 4), rng.normal(3, 2), rng.normal(6, 5), rng.normal(5)
    layer = torch.nn.Linear(6, 5).double()
    layer.load_state_dict({"weight": W.T, "bias": b})
    torch.testing.assert_close(reference.location_score(query, key, W, b), layer(torch.cat([query, key], dim=1)))


def test_additive_scores_agree_with_the_book(book: Any, rng: Rng) -> None:
    q, k, values = rng.normal(2, 3, 4), rng.normal(2, 5, 6), rng.normal(2, 5, 3)
    theirs = book.AdditiveAttention(7, dropout=0.0)
    lengths = torch.tensor([2, 4])
    theirs(q.float(), k.float(), values.float(), lengths)
    W_q, W_k, v = theirs.W_q.weight.T, theirs.W_k.weight.T, theirs.w_v.weight[0]
    scores = reference.additive_score(q.float(), k.float(), W_q, W_k, v)
    weights = reference.masked_softmax(scores, torch.arange(5) < lengths[:, None, None])
    torch.testing.assert_close(weights, theirs.attention_weights)


def test_scaled_attention_agrees_with_the_book(book: Any, rng: Rng) -> None:
    q, k, values, lengths = rng.normal(2, 3, 4), rng.normal(2, 5, 4), rng.normal(2, 5, 6), torch.tensor([2, 4])
    theirs = book.DotProductAttention(dropout=0.0)
    outputs = theirs(q, k, values, lengths)
    mask = torch.arange(5) < lengths[:, None, None]
    found = reference.scaled_dot_product_attention(q, k, values, mask)
    torch.testing.assert_close(found, (outputs, theirs.attention_weights))


def test_the_books_softmax_writes_into_its_scores_and_shows_what_is_hidden(book: Any, rng: Rng) -> None:
    scores, lengths = rng.normal(2, 3, 4), torch.tensor([2, 0])
    given = scores.clone()
    theirs = book.masked_softmax(given, lengths)
    ours = reference.masked_softmax(scores, torch.arange(4) < lengths[:, None, None])
    torch.testing.assert_close(ours[0], theirs[0])
    assert not torch.equal(given, scores)
    torch.testing.assert_close(theirs[1], torch.full((3, 4), 0.25, dtype=F64))
    assert not ours[1].any()


def test_local_weights_of_one_query_by_hand() -> None:
    scores = torch.tensor([[[9.0, 1.0, 2.0, 1.0, 9.0]]], dtype=F64)
    found = reference.local_attention_weights(scores, torch.tensor([[2.0]], dtype=F64), 1)
    e = torch.tensor(1.0, dtype=F64).exp()
    soft = torch.stack([0 * e, 1 / (2 + e), e / (2 + e), 1 / (2 + e), 0 * e])
    gauss = torch.stack([e, e**-2, e**0, e**-2, e])
    torch.testing.assert_close(found[0, 0], soft * gauss)


def test_the_decoder_reads_as_its_cell_does(rng: Rng) -> None:
    model = reference.BahdanauDecoder(9, 3, 5, 4).double()
    ids, state, encoder, mask = rng.ids(2, high=9), rng.normal(2, 5), rng.normal(2, 6, 4), partial_mask(rng, 2, 6)
    logits, new, weights = model.step(ids, state, encoder, mask)
    query, keys = model.W_q(state).unsqueeze(1), model.W_k(encoder)
    eye = torch.eye(5, dtype=F64)
    scores = reference.additive_score(query, keys, eye, eye, model.v.weight[0])
    torch.testing.assert_close(weights, reference.masked_softmax(scores, mask.unsqueeze(1))[:, 0])
    context = torch.einsum("bk,bkd->bd", weights, encoder)
    word = model.embedding(ids)
    torch.testing.assert_close(new, model.rnn(torch.cat([word, context], 1), state))
    torch.testing.assert_close(logits, model.output(torch.cat([new, context, word], 1)))
    of_state, of_context, of_word = model.output.weight.T.tensor_split([5, 9])
    W = torch.cat([of_word, of_state, of_context])
    found = reference.attend_and_combine(torch.cat([word, new], 1), weights, encoder, W, model.output.bias)
    torch.testing.assert_close(found, (logits, context))


def test_alignment_error_by_hand() -> None:
    """Four output words: one link is sure, one possible, one sure link is missed, one link is beside the mark."""
    weights = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.4, 0.3, 0.3], [0.2, 0.2, 0.6]])
    sure = torch.tensor([[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]).bool()
    possible = torch.tensor([[1, 0, 0], [0, 1, 1], [0, 1, 0], [0, 0, 0]]).bool()
    found = reference.alignment_error_rate(weights, sure, possible)
    assert type(found) is float
    assert found == pytest.approx(1 - (1 + 2) / (4 + 2))


def test_an_alignment_of_nothing_but_sure_links_has_no_error(rng: Rng) -> None:
    weights = rng.uniform(5, 7).softmax(dim=-1)
    links = F.one_hot(weights.argmax(dim=-1), 7).bool()
    assert reference.alignment_error_rate(weights, links, links) == 0.0
    assert reference.alignment_error_rate(weights, links & False, links & False) == 1.0
    more = links | (rng.uniform(5, 7) < 0.5)
    assert reference.alignment_error_rate(weights, links, more) == 0.0
    recall = reference.alignment_error_rate(weights, more, more)
    assert recall == pytest.approx(1 - 2 * 5 / (5 + int(more.sum())))


# Properties


def test_shuffled_keys_shuffle_the_weights_and_leave_the_outputs(rng: Rng) -> None:
    q, k, v, mask = rng.normal(3, 4, 6), rng.normal(3, 5, 6), rng.normal(3, 5, 2), partial_mask(rng, 3, 4, 5)
    order = rng.permutation(5)
    outputs, weights = reference.scaled_dot_product_attention(q, k, v, mask)
    shuffled = reference.scaled_dot_product_attention(q, k[:, order], v[:, order], mask[:, :, order])
    torch.testing.assert_close(shuffled, (outputs, weights[:, :, order]))


def test_padding_changes_nothing(rng: Rng) -> None:
    q, k, v = rng.normal(2, 3, 4), rng.normal(2, 5, 4), rng.normal(2, 5, 6)
    shown = (torch.arange(9) < 5).expand(2, 1, 9)
    more = [torch.cat([x, 1e3 * rng.normal(2, 4, x.shape[2])], dim=1) for x in (k, v)]
    outputs, weights = reference.scaled_dot_product_attention(q, k, v)
    padded = reference.scaled_dot_product_attention(q, *more, shown)
    torch.testing.assert_close(padded, (outputs, F.pad(weights, (0, 4))))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_nothing_left_is_nothing_with_finite_gradients(dtype: torch.dtype) -> None:
    scores = torch.tensor([[[9e3, -9e3, 60.0]] * 2], dtype=dtype, requires_grad=True)
    mask = torch.tensor([[False] * 3, [True, True, False]])
    weights = reference.masked_softmax(scores, mask)
    assert weights.dtype == dtype
    assert weights.tolist() == [[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]]
    slope, = torch.autograd.grad(weights[..., 0].sum(), scores)
    assert slope.isfinite().all()


def test_far_from_zero_attention_stays_finite_in_half_precision() -> None:
    for dtype in (torch.float16, torch.bfloat16):
        q = torch.full((1, 2, 4), 100.0, dtype=dtype, requires_grad=True)
        k = torch.tensor([[[9.0] * 4, [8.0] * 4, [-9.0] * 4]], dtype=dtype)
        outputs, weights = reference.scaled_dot_product_attention(q, k, k)
        assert outputs.dtype == weights.dtype == dtype
        assert torch.equal(weights[0, 0], torch.tensor([1.0, 0.0, 0.0], dtype=dtype))
        slope, = torch.autograd.grad(outputs.sum(), q)
        assert slope.isfinite().all()


def test_the_cosine_with_zero_is_zero_with_finite_gradients(rng: Rng) -> None:
    q, k = rng.normal(2, 3, 4), rng.normal(2, 5, 4)
    q[0, 1], k[1, 2] = 0.0, 0.0
    scores = reference.cosine_score(q.requires_grad_(), k.requires_grad_())
    assert not scores[0, 1].any()
    assert not scores[1, :, 2].any()
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(scores.sum(), (q, k)))


# Draws


def cases_of_draws(seed: int) -> list[Case]:
    return [case for case in get("hard_attention").cases(Rng(seed, "hard_attention")) if "seed" in case.inputs]


def test_honest_draws_are_hardly_ever_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The false alarms of all cases together, computed: every bet at its level, and draws that agree by chance."""
    bets = []

    def counted(drawn: Tensor, log_p: Tensor, rivals: dict[str, Tensor]) -> list[str]:
        bets.append(len(rivals) + 1)
        return chance.better_explanations(drawn, log_p, rivals)

    monkeypatch.setattr(attention_draws, "better_explanations", counted)
    one = get("hard_attention")
    for seed in range(5):
        bets.clear()
        agree = 0.0
        for case in cases_of_draws(seed):
            assert one.verify(case, one.drive(reference.hard_attention, **case.inputs)) == []
            if case.inputs.get("repeat"):
                p = case.inputs["scores"].softmax(dim=-1)
                agree += 2 * float((p**2).sum(dim=-1).prod())
        assert sum(bets) * chance.FALSE_ALARM + agree < 1e-5


def test_honest_draws_lose_every_bet() -> None:
    one = get("hard_attention")
    for seed in range(20):
        for case in cases_of_draws(seed):
            inputs = {**case.inputs, "seed": seed}
            assert one.verify(case, one.drive(reference.hard_attention, **inputs)) == []


OF_CHANCE = (
    "always the largest", "every key alike", "scores for probabilities", "softmax over the queries",
    "one draw for a sentence", "seeded at every call", "global generator",
)  # fmt: skip


def test_every_mistake_in_drawing_is_found_under_any_seed() -> None:
    one = get("hard_attention")
    answers = {known.name: known.answer for known in misconceptions_of(one)}
    for seed in range(100, 106):
        cases = cases_of_draws(seed)
        for name in OF_CHANCE:
            assert any(one.verify(case, one.drive(answers[name], **case.inputs)) for case in cases), name


def drawn(weigh: Any, scores: Tensor, seed: int) -> Tensor:
    p = weigh(scores).flatten(0, 1)
    return torch.multinomial(p, 1, generator=torch.Generator().manual_seed(seed)).view(scores.shape[:2])


def test_the_message_names_what_the_draws_look_like(rng: Rng) -> None:
    scores = rng.normal(100, 3, 6, scale=1.3)
    manners = {
        "the largest score were always taken": lambda s: F.one_hot(s.argmax(-1), 6).to(s),
        "every key were as likely as any other": torch.ones_like,
        "small scores were preferred": lambda s: (-s).softmax(-1),
        "the softmax ran over the queries": lambda s: s.softmax(1),
        "all queries used the scores of the first": lambda s: s[:, :1].expand_as(s).softmax(-1).contiguous(),
    }
    for manner, weigh in manners.items():
        message = attention_draws.draws_problem(drawn(weigh, scores, 0), scores)
        assert message is not None
        assert manner in message
    assert attention_draws.draws_problem(drawn(lambda s: s.softmax(-1), scores, 0), scores) is None


def junk() -> list[Any]:
    tensors = [torch.zeros(3), torch.zeros(2, 5), torch.full((2, 5), 10**9), torch.full((2, 5), -7), torch.zeros(0, 5)]
    return [None, 3, "index", {"index": [1]}, object(), [], [[10**30]], [["x"]], [[True]], *tensors, tensors]


def test_verify_never_raises_whatever_comes_back() -> None:
    one = get("hard_attention")
    for case in cases_of_draws(0):
        right = one.drive(reference.hard_attention, **case.inputs)
        assert one.verify(case, right) == []
        assert one.verify(case, {})
        for value in junk():
            assert one.verify(case, dict.fromkeys(right, value))
            for key in right:
                assert one.verify(case, right | {key: value}), key
        nan = {"outputs": torch.full((*case.inputs["scores"].shape[:2], case.inputs["values"].shape[2]), torch.nan)}
        assert one.verify(case, right | nan)


def test_a_hidden_case_of_draws_tells_no_numbers() -> None:
    asked = expectation("hard_attention", 3)
    for known in misconceptions_of(asked.exercise):
        verdict = decide(asked.exercise, asked.cases, asked.expected, asked.ask(known.answer), hidden=True)
        for case in verdict.cases:
            assert not any(sign.isdigit() for sign in case.message.replace("int64", "").replace("0 … n_k - 1", ""))
