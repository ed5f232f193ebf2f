"""Wrong answers to lesson 06, beyond the named misconceptions: pooling, external memories, experts."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference.self_attention import (
    attention_pooling,
    external_attention,
    mixture_of_experts_attention,
    self_attention,
)

WRONG: dict[str, list[Any]] = {}


def among(exercise_id: str, **answers: Any) -> None:
    """Collect several wrong answers, each under a name."""
    for name, answer in answers.items():
        answer.__name__ = name
        WRONG.setdefault(exercise_id, []).append(answer)


def _real(h, n):
    return torch.arange(h.shape[1]) < n[:, None]


def _pool(change):
    """Other weights: a function of (scores, the real places)."""

    def answer(h, q, n):
        weights = change(h @ q, _real(h, n))
        return torch.einsum("bs,bsd->bd", weights, h), weights

    return answer


def _pooled(change):
    return lambda *a: change(*attention_pooling(*a))


def _zeroes_the_padding(h, q, n):
    pooled, weights = attention_pooling(h, q, n)
    h.data[~_real(h, n)] = 0.0
    return pooled.clone(), weights


def _shortens(h, q, n):
    found = attention_pooling(h, q, n)
    n -= 1
    return found


among(
    "attention_pooling",
    pooled_only=_pooled(lambda p, w: p),
    swapped=_pooled(lambda p, w: (w, p)),
    scaled_weights=_pool(lambda s, r: s.masked_fill(~r, -1e30).softmax(1) * s.shape[1]),
    scaled_by_length=lambda h, q, n: attention_pooling(h, q / h.shape[1] ** 0.5, n),
    normalised_query=lambda h, q, n: attention_pooling(h, F.normalize(q, dim=0), n),
    normalised_states=lambda h, q, n: (lambda w: (torch.einsum("bs,bsd->bd", w, h), w))(
        attention_pooling(F.normalize(h, dim=2), q, n)[1]),
    squashed_states=lambda h, q, n: (lambda w: (torch.einsum("bs,bsd->bd", w, h), w))(
        attention_pooling(h.tanh(), q, n)[1]),
    summed=_pool(lambda s, r: r.to(s.dtype)),
    raw_scores=_pool(lambda s, r: s * r),
    divided_scores=_pool(lambda s, r: s * r / (s * r).sum(1, keepdim=True)),
    sigmoid=_pool(lambda s, r: s.sigmoid() * r),
    overflowing=_pool(lambda s, r: (s.exp() * r) / (s.exp() * r).sum(1, keepdim=True)),
    renormalised=_pool(lambda s, r: (lambda w: w / w.sum(1, keepdim=True))(s.softmax(1) * r)),
    little_fill=_pool(lambda s, r: s.masked_fill(~r, -100.0).softmax(1)),
    larger_fill=_pool(lambda s, r: s.masked_fill(~r, -1e4).softmax(1)),
    relative_fill=_pool(lambda s, r: s.masked_fill(~r, float(s.detach().min()) - 1).softmax(1)),
    clipped=_pool(lambda s, r: s.clamp(-50, 50).masked_fill(~r, -1e30).softmax(1)),
    epsilon=_pool(lambda s, r: (lambda w: w / (w.sum(1, keepdim=True) + 1e-6))(
        s.masked_fill(~r, -1e30).softmax(1))),
    tiny_leak=_pool(lambda s, r: s.masked_fill(~r, -1e30).softmax(1) * 0.99999 + 1e-5 / s.shape[1]),
    first_length=lambda h, q, n: attention_pooling(h, q, n[:1].expand_as(n)),
    shortest=lambda h, q, n: attention_pooling(h, q, n.min().expand_as(n)),
    sorted_lengths=lambda h, q, n: attention_pooling(h, q, n.sort().values),
    one_too_early=lambda h, q, n: attention_pooling(h, q, (n - 1).clamp(min=1)),
    from_the_end=_pool(lambda s, r: s.masked_fill(~r.flip(1), -1e30).softmax(1)),
    nonzero_states=lambda h, q, n: attention_pooling(h, q, n) if bool((h != 0).all()) else _pool(
        lambda s, r: s.masked_fill(~r | (h == 0).any(2), -1e30).softmax(1))(h, q, n),
    padding_unmasked_if_one_is_full=lambda h, q, n: attention_pooling(
        h, q, n if int(n.max()) < h.shape[1] else torch.full_like(n, h.shape[1])),
    cut_to_the_longest=lambda h, q, n: attention_pooling(h[:, : int(n.max())], q, n),
    last_state=lambda h, q, n: (h[torch.arange(len(h)), n - 1], attention_pooling(h, q, n)[1]),
    mean_pooled=lambda h, q, n: (attention_pooling(h, 0 * q, n)[0], attention_pooling(h, q, n)[1]),
    weights_of_the_mean=lambda h, q, n: (attention_pooling(h, q, n)[0], attention_pooling(h, 0 * q, n)[1]),
    scores_returned=lambda h, q, n: (attention_pooling(h, q, n)[0], h @ q),
    last_state_asks=lambda h, q, n: attention_pooling(h, h[0, int(n[0]) - 1], n),
    query_kept_as_axis=_pooled(lambda p, w: (p[:, None], w)),
    weights_as_column=_pooled(lambda p, w: (p, w[..., None])),
    squeezed=_pooled(lambda p, w: (p.squeeze(), w.squeeze())),
    squeezed_batch=_pooled(lambda p, w: (p.squeeze(0), w.squeeze(0))),
    squeezed_feature=_pooled(lambda p, w: (p.squeeze(1), w)),
    detached_weights=_pooled(lambda p, w: (p, w.detach())),
    scores_detached=lambda h, q, n: (lambda w: (torch.einsum("bs,bsd->bd", w, h), w))(
        attention_pooling(h.detach(), q, n)[1]),
    query_detached=lambda h, q, n: attention_pooling(h, q.detach(), n),
    states_detached=lambda h, q, n: attention_pooling(h.detach(), q, n),
    float32_inside=lambda h, q, n: tuple(r.to(h) for r in attention_pooling(h.float(), q.float(), n)),
    always_float32=_pooled(lambda p, w: (p.float(), w.float())),
    viewed=lambda h, q, n: attention_pooling(h.view(-1).view(h.shape), q, n),
    all_positions_at_once=_pool(lambda s, r: s.masked_fill(~r, -1e30).flatten().softmax(0).view(s.shape)),
    padding_zeroed=_zeroes_the_padding,
    lengths_changed=_shortens,
    nothing=lambda *a: None,
)


def _external(change):
    """Other weights: a function of the scores (batch, seq, slots)."""
    return lambda X, K, V: change(X @ K.T) @ V


def _row(weights):
    return weights / weights.sum(2, keepdim=True)


def _memory_normalised(X, K, V):
    K.data /= K.norm(dim=1, keepdim=True)
    return external_attention(X, K, V)


def _input_centred(X, K, V):
    X.data -= X.mean(1, keepdim=True)
    return external_attention(X, K, V)


among(
    "external_attention",
    no_softmax=_external(lambda s: s),
    rows_first=_external(lambda s: s.softmax(2).softmax(1)),
    over_everything=_external(lambda s: s.flatten(1).softmax(1).view(s.shape)),
    over_everything_then_rows=_external(lambda s: _row(s.flatten().softmax(0).view(s.shape))),
    scaled_by_slots=_external(lambda s: _row((s / s.shape[2] ** 0.5).softmax(1))),
    scaled_by_positions=_external(lambda s: _row((s / s.shape[1] ** 0.5).softmax(1))),
    positions_twice=_external(lambda s: s.softmax(1) / s.softmax(1).sum(1, keepdim=True)),
    euclidean=_external(lambda s: F.normalize(s.softmax(1), dim=2)),
    divided_by_the_largest=_external(lambda s: s.softmax(1) / s.softmax(1).amax(2, keepdim=True)),
    divided_by_the_number=_external(lambda s: s.softmax(1) / s.shape[2]),
    sum_over_the_batch=_external(lambda s: s.softmax(1) / s.softmax(1).sum(0, keepdim=True)),
    small_epsilon=_external(lambda s: s.softmax(1) / (s.softmax(1).sum(2, keepdim=True) + 1e-12)),
    clamped_sum=_external(lambda s: s.softmax(1) / s.softmax(1).sum(2, keepdim=True).clamp(min=1e-3)),
    overflowing=_external(lambda s: _row(s.exp() / s.exp().sum(1, keepdim=True))),
    overflowing_logarithms=_external(lambda s: (s - s.exp().sum(1, keepdim=True).log()).softmax(2)),
    shifted_by_row=_external(lambda s: _row((lambda p: p / p.sum(1, keepdim=True))(
        (s - s.amax(2, keepdim=True)).exp()))),
    clipped=_external(lambda s: _row(s.clamp(-10, 10).softmax(1))),
    sigmoid=_external(lambda s: _row(s.sigmoid())),
    hard=_external(lambda s: F.one_hot(_row(s.softmax(1)).argmax(2), s.shape[2]).to(s)),
    memories_exchanged=lambda X, K, V: external_attention(X, V, K),
    memory_transposed_if_square=lambda X, K, V: external_attention(X, K.T if K.shape[0] == K.shape[1] else K, V),
    values_transposed_if_square=lambda X, K, V: external_attention(X, K, V.T if V.shape[0] == V.shape[1] else V),
    self_attention=lambda X, K, V: X.mT.softmax(1).mT @ X.mT @ X,
    slots_reversed=lambda X, K, V: external_attention(X, K, V.flip(0)),
    first_row_only=lambda X, K, V: external_attention(X[:1].expand_as(X), K, V),
    batch_as_positions=lambda X, K, V: external_attention(X.transpose(0, 1), K, V).transpose(0, 1),
    batch_as_positions_if_equal=lambda X, K, V: external_attention(X.transpose(0, 1), K, V).transpose(0, 1)
    if X.shape[0] == X.shape[1] else external_attention(X, K, V),
    one_long_sequence=lambda X, K, V: external_attention(X.reshape(1, -1, X.shape[2]), K, V).view(X.shape),
    residual=lambda X, K, V: X + external_attention(X, K, V),
    with_weights=lambda X, K, V: (external_attention(X, K, V), _row((X @ K.T).softmax(1))),
    weights_only=lambda X, K, V: _row((X @ K.T).softmax(1)),
    transposed=lambda X, K, V: external_attention(X, K, V).mT,
    squeezed=lambda X, K, V: external_attention(X, K, V).squeeze(),
    squeezed_batch=lambda X, K, V: external_attention(X, K, V).squeeze(0),
    squeezed_column=lambda X, K, V: external_attention(X, K, V).squeeze(2),
    slots_squeezed=lambda X, K, V: _row((X @ K.T).softmax(1)).squeeze(2) @ V,
    viewed=lambda X, K, V: external_attention(X.view(-1).view(X.shape), K, V),
    detached=lambda X, K, V: external_attention(X, K, V).detach(),
    input_detached=lambda X, K, V: external_attention(X.detach(), K, V),
    keys_detached=lambda X, K, V: external_attention(X, K.detach(), V),
    values_detached=lambda X, K, V: external_attention(X, K, V.detach()),
    sum_detached=lambda X, K, V: (X @ K.T).softmax(1) / (X @ K.T).softmax(1).sum(2, keepdim=True).detach() @ V,
    float32_inside=lambda *a: external_attention(*(x.float() for x in a)).to(a[0]),
    always_float32=lambda *a: external_attention(*a).float(),
    always_float64=lambda *a: external_attention(*a).double(),
    memory_normalised=_memory_normalised,
    input_centred=_input_centred,
    nothing=lambda *a: None,
)


def _said(X, experts, scale=None):
    found = []
    for q, k, v, o in experts:
        scores = X @ q @ (X @ k).mT * (k.shape[1] ** -0.5 if scale is None else scale(q, k, v))
        found.append(scores.softmax(-1) @ (X @ v) @ o)
    return torch.stack(found, 3)


def _share(gates, top_k):
    top = gates.topk(top_k, dim=-1)
    return torch.zeros_like(gates).scatter(-1, top.indices, top.values.softmax(-1))


def _mix(said, share):
    return torch.einsum("bsde,bse->bsd", said, share)


def _shared(change):
    """Other shares: a function of (gates, top_k)."""
    return lambda X, experts, W, k: _mix(_said(X, experts), change(X @ W, k))


def _experts(change):
    """Other experts: each tuple is passed through a function."""
    return lambda X, experts, W, k: mixture_of_experts_attention(X, [change(*e) for e in experts], W, k)


def _mixed(change):
    return lambda X, *a: change(mixture_of_experts_attention(X, *a), X)


def _own_choice(gates, top_k):
    """The best positions of each expert, where the best experts of each position are asked for."""
    count = max(1, gates.shape[1] * top_k // gates.shape[2])
    chosen = torch.zeros_like(gates).scatter(1, gates.topk(min(count, gates.shape[1]), dim=1).indices, 1.0) > 0
    return torch.where(chosen, gates, -1e30).softmax(-1) * chosen


def _sorts_the_experts(X, experts, W, k):
    found = mixture_of_experts_attention(X, experts, W, k)
    experts.reverse()
    return found


def _scales_the_gates(X, experts, W, k):
    found = mixture_of_experts_attention(X, experts, W, k)
    W.data /= 2
    return found


def _window(seq):
    place = torch.arange(seq)
    return (place[:, None] - place).abs() <= 1


among(
    "mixture_of_experts_attention",
    one_less=_shared(lambda g, k: _share(g, max(k - 1, 1))),
    one_more=_shared(lambda g, k: _share(g, min(k + 1, g.shape[-1]))),
    two_always=_shared(lambda g, k: _share(g, min(2, g.shape[-1]))),
    best_only=_shared(lambda g, k: _share(g, 1)),
    softmax_over_positions=_shared(lambda g, k: g.softmax(1) * (_share(g, k) > 0)),
    zeros_in_the_softmax=_shared(lambda g, k: (g * (_share(g, k) > 0)).softmax(-1)),
    zeros_in_the_softmax_then_cut=_shared(lambda g, k: (g * (_share(g, k) > 0)).softmax(-1) * (_share(g, k) > 0)),
    sigmoid=_shared(lambda g, k: g.sigmoid() * (_share(g, k) > 0)),
    overflowing=_shared(lambda g, k: (lambda p: p / p.sum(-1, keepdim=True))(g.exp() * (_share(g, k) > 0))),
    shares_exchanged=_shared(lambda g, k: (lambda t: torch.zeros_like(g).scatter(
        -1, t.indices, t.values.softmax(-1).flip(-1)))(g.topk(k, -1))),
    softened=_shared(lambda g, k: _share(g / 2, k)),
    gates_scaled=lambda X, experts, W, k: _mix(_said(X, experts), _share(X @ W / X.shape[2] ** 0.5, k)),
    gates_clipped=_shared(lambda g, k: _share(g.clamp(-20, 20), k)),
    gates_normalised=_shared(lambda g, k: _share(F.normalize(g, dim=-1), k)),
    gates_of_the_first_position=_shared(lambda g, k: _share(g[:, :1], k).expand_as(g)),
    gates_of_the_last_position=_shared(lambda g, k: _share(g[:, -1:], k).expand_as(g)),
    gates_of_the_first_row=_shared(lambda g, k: _share(g[:1], k).expand_as(g)),
    gates_of_the_batch=_shared(lambda g, k: _share(g.mean((0, 1), keepdim=True), k).expand_as(g)),
    gates_of_the_largest=_shared(lambda g, k: _share(g.amax(1, keepdim=True), k).expand_as(g)),
    gates_by_size=_shared(lambda g, k: (lambda c: (g.masked_fill(~c, -1e30)).softmax(-1))(_share(g.abs(), k) > 0)),
    chosen_by_the_experts=_shared(_own_choice),
    columns_of_the_gate_reversed=_shared(lambda g, k: _share(g, k).flip(-1)),
    gates_transposed_if_square=lambda X, experts, W, k: mixture_of_experts_attention(
        X, experts, W.T if W.shape[0] == W.shape[1] else W, k),
    averaged_by_k=lambda X, experts, W, k: mixture_of_experts_attention(X, experts, W, k) / k,
    summed=_shared(lambda g, k: (_share(g, k) > 0).to(g)),
    scaled_by_values=lambda X, experts, W, k: _mix(
        _said(X, experts, lambda q, k, v: v.shape[1] ** -0.5), _share(X @ W, k)),
    scaled_by_the_first_expert=lambda X, experts, W, k: _mix(
        _said(X, experts, lambda *_: experts[0][1].shape[1] ** -0.5), _share(X @ W, k)),
    scaled_without_root=lambda X, experts, W, k: _mix(
        _said(X, experts, lambda q, k, v: 1 / k.shape[1]), _share(X @ W, k)),
    keys_and_queries_exchanged=_experts(lambda q, k, v, o: (k, q, v, o)),
    queries_for_keys=_experts(lambda q, k, v, o: (q, q, v, o)),
    outputs_transposed_if_square=_experts(lambda q, k, v, o: (q, k, v, o.T if o.shape[0] == o.shape[1] else o)),
    no_output_matrix=_experts(lambda q, k, v, o: (q, k, torch.eye(v.shape[0], dtype=v.dtype), torch.eye(
        v.shape[0], dtype=v.dtype))),
    first_output_matrix=lambda X, experts, W, k: mixture_of_experts_attention(
        X, [(*e[:3], experts[0][3]) if e[3].shape == experts[0][3].shape else e for e in experts], W, k),
    stacked=lambda X, experts, W, k: mixture_of_experts_attention(
        X, list(zip(*(torch.stack(part) for part in zip(*experts, strict=True)), strict=True)), W, k),
    no_attention=lambda X, experts, W, k: _mix(
        torch.stack([X @ v @ o for _, _, v, o in experts], 3), _share(X @ W, k)),
    causal=lambda X, experts, W, k: _mix(torch.stack([self_attention(
        X, *e[:3], torch.ones(X.shape[1], X.shape[1], dtype=torch.bool).tril())[0] @ e[3] for e in experts], 3),
        _share(X @ W, k)),
    in_a_window=lambda X, experts, W, k: _mix(torch.stack([self_attention(X, *e[:3], _window(X.shape[1]))[0] @ e[3]
                                                           for e in experts], 3), _share(X @ W, k)),
    one_after_another=lambda X, experts, W, k: _mix(
        torch.stack([_said(_said(X, experts[:1])[..., 0], [e])[..., 0] for e in experts], 3), _share(X @ W, k)),
    input_weighted=lambda X, experts, W, k: sum(
        _said(X * _share(X @ W, k)[..., i : i + 1], [e])[..., 0] for i, e in enumerate(experts)),
    residual=_mixed(lambda y, X: y + X),
    with_shares=lambda X, experts, W, k: (mixture_of_experts_attention(X, experts, W, k), _share(X @ W, k)),
    experts_not_mixed=lambda X, experts, W, k: _said(X, experts) * _share(X @ W, k)[:, :, None],
    a_third_axis_kept=_mixed(lambda y, X: y[..., None]),
    squeezed=_mixed(lambda y, X: y.squeeze()),
    squeezed_batch=_mixed(lambda y, X: y.squeeze(0)),
    viewed=lambda X, *a: mixture_of_experts_attention(X.view(-1).view(X.shape), *a),
    detached=_mixed(lambda y, X: y.detach()),
    gates_detached=_shared(lambda g, k: _share(g.detach(), k)),
    gate_matrix_detached=lambda X, experts, W, k: mixture_of_experts_attention(X, experts, W.detach(), k),
    input_detached=lambda X, *a: mixture_of_experts_attention(X.detach(), *a),
    gate_input_detached=lambda X, experts, W, k: _mix(_said(X, experts), _share(X.detach() @ W, k)),
    experts_detached=_experts(lambda *e: tuple(w.detach() for w in e)),
    keys_detached=_experts(lambda q, k, v, o: (q, k.detach(), v, o)),
    hard_gradient=_shared(lambda g, k: (_share(g, k) - g.softmax(-1)).detach() + g.softmax(-1)),
    float32_inside=lambda X, experts, W, k: mixture_of_experts_attention(
        X.float(), [tuple(w.float() for w in e) for e in experts], W.float(), k).to(X),
    always_float32=_mixed(lambda y, X: y.float()),
    always_float64=_mixed(lambda y, X: y.double()),
    experts_changed=_sorts_the_experts,
    gates_changed=_scales_the_gates,
    nothing=lambda *a: None,
)
