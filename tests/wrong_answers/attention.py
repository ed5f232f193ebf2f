"""Wrong answers to lesson 05, beyond the named misconceptions: attention without parameters, softmax under a mask.

Many are wrong in one place only: one shape, one dtype, one regime, one row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference.attention import masked_softmax, similarity_attention

WRONG: dict[str, list[Any]] = {}


def wrong(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a wrong answer."""

    def collect(answer: Any) -> Any:
        WRONG.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        wrong(exercise_id)(answer)


def _with(weights, X):
    return weights @ X, weights


def _scores(X):
    return X @ X.mT


def _doubled(X):
    X.mul_(2)
    return similarity_attention(X / 2)


among(
    "similarity_attention",
    outputs_only=lambda X: similarity_attention(X)[0],
    three_results=lambda X: (*similarity_attention(X), X),
    a_dict=lambda X: dict(zip(("outputs", "weights"), similarity_attention(X), strict=True)),
    scaled_by_words=lambda X: _with((_scores(X) / X.shape[1] ** 0.5).softmax(-1), X),
    divided_by_width=lambda X: _with((_scores(X) / X.shape[2]).softmax(-1), X),
    softmax_over_the_batch=lambda X: _with(_scores(X).softmax(0), X),
    weights_transposed=lambda X: (similarity_attention(X)[0], similarity_attention(X)[1].mT),
    outputs_by_columns=lambda X: (similarity_attention(X)[1].mT @ X, similarity_attention(X)[1]),
    features_attend=lambda X: _with((X.mT @ X).softmax(-1), X.mT),
    distances=lambda X: _with((-torch.cdist(X, X) ** 2).softmax(-1), X),
    causal=lambda X: _with(masked_softmax(_scores(X), torch.ones(X.shape[1], X.shape[1]).tril().bool()), X),
    sums_of_absolutes=lambda X: _with(F.normalize(_scores(X), p=1, dim=-1), X),
    rectified=lambda X: _with(F.normalize(_scores(X).relu() + 1e-9, p=1, dim=-1), X),
    squared=lambda X: _with((_scores(X) ** 2).softmax(-1), X),
    sigmoids=lambda X: _with(_scores(X).sigmoid(), X),
    residual=lambda X: (similarity_attention(X)[0] + X, similarity_attention(X)[1]),
    hard=lambda X: _with(F.one_hot(_scores(X).argmax(-1), X.shape[1]).to(X.dtype), X),
    mean_of_the_batch=lambda X: _with(_scores(X).mean(0, keepdim=True).softmax(-1).expand(len(X), -1, -1), X),
    first_sentence_only=lambda X: _with((X @ X[0].T).softmax(-1), X),
    float32_inside=lambda X: tuple(r.to(X.dtype) for r in similarity_attention(X.float())),
    float64_result=lambda X: tuple(r.double() for r in similarity_attention(X)),
    float32_result=lambda X: tuple(r.float() for r in similarity_attention(X)),
    squeezed=lambda X: tuple(r.squeeze() for r in similarity_attention(X)),
    viewed=lambda X: similarity_attention(X.view(-1).view(X.shape)),
    values_detached=lambda X: _with(_scores(X).softmax(-1), X.detach()),
    outputs_detached=lambda X: (similarity_attention(X)[0].detach(), similarity_attention(X)[1]),
    weights_alone_detached=lambda X: (similarity_attention(X)[0], similarity_attention(X)[1].detach()),
    keys_detached=lambda X: _with((X @ X.detach().mT).softmax(-1), X),
    clamped_scores=lambda X: _with(_scores(X).clamp(-5, 5).softmax(-1), X),
    clamped_at_80=lambda X: _with(_scores(X).clamp(max=8).softmax(-1), X),
    rounded=lambda X: (similarity_attention(X)[0], similarity_attention(X)[1].round(decimals=4)),
    subtracts_too_little=lambda X: _with(
        (e := (_scores(X) - _scores(X).mean(-1, keepdim=True)).exp()) / e.sum(-1, keepdim=True), X),
    overflows_in_half=lambda X: _with((e := _scores(X).exp()) / e.sum(-1, keepdim=True), X)
    if X.dtype == torch.float16 else similarity_attention(X),
    scaled_when_square=lambda X: _with(
        (_scores(X) / (X.shape[2] ** 0.5 if X.shape[1] == X.shape[2] else 1)).softmax(-1), X),
    changes_its_input=_doubled,
    nothing=lambda X: None,
    lists=lambda X: tuple(r.tolist() for r in similarity_attention(X)),
)


def _fill(value):
    return lambda scores, mask: torch.softmax(scores.masked_fill(~mask, value), dim=-1).masked_fill(~mask, 0.0)


def _exp(scores, mask, top, eps=0.0):
    e = torch.exp(scores - top) * mask
    return e / (e.sum(dim=-1, keepdim=True) + eps)


def _top(scores, mask):
    return scores.masked_fill(~mask, -1e9).amax(-1, keepdim=True)


def _lengths(scores, mask):
    """Only the number of True counts, as if padding were always at the end."""
    count = mask.expand_as(scores).sum(dim=-1, keepdim=True)
    return masked_softmax(scores, torch.arange(scores.shape[-1]) < count)


def _only_if(condition, change):
    """Wrong where the condition holds, right elsewhere."""
    return lambda s, m: change(s, m) if condition(s, m) else masked_softmax(s, m)


def _mask_changed(scores, mask):
    result = masked_softmax(scores, mask)
    mask[..., 0] = True
    return result


def _mask_inverted_in_place(scores, mask):
    return masked_softmax(scores, mask.logical_not_().logical_not())


def _added_in_place(scores, mask):
    scores.data.masked_fill_(~mask, -1e9)
    return masked_softmax(scores, mask)


def _maximum_subtracted_in_place(scores, mask):
    scores.data -= scores.data.amax(-1, keepdim=True)
    return masked_softmax(scores, mask)


def _restored(scores, mask):
    """Changes its input, and puts all but the last bit back."""
    scores.data += 1.0
    result = masked_softmax(scores, mask)
    scores.data -= 1.0 + 1e-3
    return result


def _book(scores, mask):
    flat, shown = scores.reshape(-1, scores.shape[-1]), mask.expand_as(scores).reshape(-1, scores.shape[-1])
    flat[~shown] = -1e6
    return F.softmax(flat.reshape(scores.shape), dim=-1)


among(
    "masked_softmax",
    as_the_book_has_it=_book,
    small_fill=_fill(-20.0),
    fill_of_a_hundred=_fill(-100.0),
    fill_of_ten_thousand=_fill(-1e4),
    fill_of_zero=_fill(0.0),
    tiny_fill=_fill(torch.finfo(torch.float64).tiny),
    mask_ignored=lambda s, m: s.softmax(-1) + 0 * m,
    hidden_and_kept_uniform=lambda s, m: torch.where(m.any(-1, keepdim=True), masked_softmax(s, m), 1 / s.shape[-1]),
    hidden_and_kept_nan=lambda s, m: torch.where(m.any(-1, keepdim=True), masked_softmax(s, m), torch.nan),
    hidden_and_first=lambda s, m: masked_softmax(
        s, m | (~m.any(-1, keepdim=True) & (torch.arange(m.shape[-1]) == 0))),
    hidden_rows_are_plain=lambda s, m: masked_softmax(s, m | ~m.any(-1, keepdim=True)),
    never_normalised=lambda s, m: torch.exp(s - _top(s, m)) * m,
    normalised_over_all=lambda s, m: torch.exp(s - _top(s, m)).clamp(max=1) * m / torch.exp(
        s - _top(s, m)).clamp(max=1).sum(-1, keepdim=True),
    over_the_batch=lambda s, m: s.masked_fill(~m, -1e9).softmax(0).masked_fill(~m, 0.0),
    over_the_third_axis=lambda s, m: s.masked_fill(~m, -1e9).softmax(2).masked_fill(~m, 0.0),
    over_everything=lambda s, m: (
        s.masked_fill(~m, -1e9).flatten(1).softmax(-1).view_as(s) * m),
    lengths_only=_lengths,
    padding_at_the_front=lambda s, m: masked_softmax(s.flip(-1), m.expand_as(s)).flip(-1),
    masks_by_row=lambda s, m: masked_softmax(s, m.any(-1, keepdim=True).expand_as(s)),
    masks_by_column=lambda s, m: masked_softmax(s, m.any(-2, keepdim=True).expand_as(s)),
    first_mask_only=lambda s, m: masked_softmax(s, (m[:1] if m.dim() == s.dim() else m)),
    first_query_only=lambda s, m: masked_softmax(s, m[..., :1, :]),
    last_head_only=_only_if(lambda s, m: s.dim() == 4 and m.shape[1] > 1, lambda s, m: masked_softmax(s, m[:, -1:])),
    three_axes_only=_only_if(lambda s, m: s.dim() == 4, lambda s, m: masked_softmax(s[:, 0], m).expand_as(s)),
    table_masks_as_batch=_only_if(
        lambda s, m: m.dim() == 2 and len(m) == len(s) == s.shape[1], lambda s, m: masked_softmax(s, m.unsqueeze(1))),
    equal_sizes_turned=_only_if(
        lambda s, m: len(set(s.shape)) == 1, lambda s, m: masked_softmax(s.mT, m.expand_as(s).mT).mT),
    maximum_of_all=lambda s, m: _exp(s, m, s.amax(-1, keepdim=True), 1e-12),
    maximum_of_the_whole=lambda s, m: _exp(s, m, s.max(), 1e-300),
    mean_subtracted=lambda s, m: _exp(s, m, s.mean(-1, keepdim=True), 1e-12),
    divided_by_too_much=lambda s, m: _exp(s.masked_fill(~m, -1e9), m, _top(s, m), 1e-6),
    not_a_number_where_empty=lambda s, m: _exp(s.masked_fill(~m, -1e9), m, _top(s, m)),
    where_after_division=lambda s, m: torch.where(
        m.any(-1, keepdim=True), _exp(s, m, torch.where(m.any(-1, keepdim=True), _top(s, m), 0.0)), 0.0),
    logarithm_of_the_mask=lambda s, m: (s + m.to(s.dtype).log()).softmax(-1).nan_to_num(0.0),
    hidden_weights_negative=lambda s, m: masked_softmax(s, m) - 1e-6 * ~m,
    hidden_weights_tiny=lambda s, m: masked_softmax(s, m) + 1e-7 * ~m,
    scaled=lambda s, m: masked_softmax(s / s.shape[-1] ** 0.5, m),
    clamped_low=lambda s, m: masked_softmax(s.clamp(min=-1e4), m),
    clamped=lambda s, m: masked_softmax(s.clamp(-50, 50), m),
    temperature=lambda s, m: masked_softmax(1.01 * s, m),
    log_weights=lambda s, m: masked_softmax(s, m).clamp(min=1e-30).log(),
    hard=lambda s, m: (masked_softmax(s, m) == masked_softmax(s, m).amax(-1, keepdim=True)).to(s.dtype) * m,
    float32_inside=lambda s, m: masked_softmax(s.float(), m).to(s.dtype),
    float32_result=lambda s, m: masked_softmax(s, m).float(),
    float64_result=lambda s, m: masked_softmax(s, m).double(),
    squeezed=lambda s, m: masked_softmax(s, m).squeeze(),
    squeezed_batch=lambda s, m: masked_softmax(s, m).squeeze(0),
    squeezed_query=lambda s, m: masked_softmax(s, m).squeeze(-2),
    viewed=lambda s, m: masked_softmax(s.view(-1).view(s.shape), m),
    view_of_the_mask=lambda s, m: masked_softmax(s, m.view(-1).view(m.shape)),
    detached=lambda s, m: masked_softmax(s.detach(), m),
    normaliser_detached=lambda s, m: (e := torch.exp(s.masked_fill(~m, -1e9) - _top(s, m).detach()) * m) / (
        e.sum(-1, keepdim=True).detach() + 1e-12),
    gradients_through_hidden=lambda s, m: s.softmax(-1) + (masked_softmax(s, m) - s.softmax(-1)).detach(),
    mask_changed=_mask_changed,
    mask_inverted_in_place=_mask_inverted_in_place,
    hides_in_place=_added_in_place,
    shifts_in_place=_maximum_subtracted_in_place,
    nearly_restored=_restored,
    a_pair=lambda s, m: (masked_softmax(s, m), m),
    nothing=lambda s, m: None,
    numbers=lambda s, m: masked_softmax(s, m).tolist(),
)
