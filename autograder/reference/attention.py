"""Attention: how to score, how to normalise, how to weigh; and the decoder that looks back.

A query is compared with keys, and the values of the keys are mixed by how well they fit. Vectors are rows and weights
multiply from the right; `[a; b]` puts two rows side by side. Bahdanau et al. (2015) write s for the decoder's state,
h_j for the encoder's outputs, α for the weights and c for the context; Luong et al. (2015) write h_t, h̄_s, a and c_t.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def similarity_attention(
    X: Float[Tensor, "batch seq d"],
) -> tuple[Float[Tensor, "batch seq d"], Float[Tensor, "batch seq seq"]]:
    """outputs = weights X with weights = softmax(X Xᵀ), row by row.

    Vaswani et al. (2017), equation 1, with Q = K = V = X and without the scale.
    """
    weights = torch.softmax(X @ X.mT, dim=-1)
    return weights @ X, weights


def masked_softmax(
    scores: Float[Tensor, "batch *more n_q n_k"], mask: Bool[Tensor, ...]
) -> Float[Tensor, "batch *more n_q n_k"]:
    """weight_ij = m_ij exp(s_ij) / Σ_l m_il exp(s_il), and 0 where all of m_i are 0. `mask` broadcasts to the scores.

    Zhang et al. (2023), section 11.3.2.1, with masks in place of lengths.
    """
    lowest = torch.finfo(scores.dtype).min
    return torch.softmax(scores.masked_fill(~mask, lowest), dim=-1).masked_fill(~mask, 0.0)


def dot_score(
    queries: Float[Tensor, "batch n_q d"], keys: Float[Tensor, "batch n_k d"]
) -> Float[Tensor, "batch n_q n_k"]:
    """score = q kᵀ. Luong, Pham, Manning (2015), Effective Approaches to Attention-based NMT, section 3.1, "dot"."""
    return torch.bmm(queries, keys.mT)


def cosine_score(
    queries: Float[Tensor, "batch n_q d"], keys: Float[Tensor, "batch n_k d"]
) -> Float[Tensor, "batch n_q n_k"]:
    """score = q kᵀ / (‖q‖ ‖k‖), and 0 where q or k is zero. Graves, Wayne, Danihelka (2014), equation 6."""
    return F.cosine_similarity(queries.unsqueeze(2), keys.unsqueeze(1), dim=-1)


def general_score(
    queries: Float[Tensor, "batch n_q d_q"], keys: Float[Tensor, "batch n_k d_k"], W: Float[Tensor, "d_q d_k"]
) -> Float[Tensor, "batch n_q n_k"]:
    """score = q W kᵀ. Luong et al. (2015), section 3.1, "general"."""
    return torch.einsum("bqi,ij,bkj->bqk", queries, W, keys)


def additive_score(
    queries: Float[Tensor, "batch n_q d_q"],
    keys: Float[Tensor, "batch n_k d_k"],
    W_q: Float[Tensor, "d_q d_h"],
    W_k: Float[Tensor, "d_k d_h"],
    v: Float[Tensor, " d_h"],
) -> Float[Tensor, "batch n_q n_k"]:
    """score = vᵀ tanh(q W_q + k W_k). Bahdanau, Cho, Bengio (2015), appendix A.1.2: W_a is W_q, U_a is W_k."""
    features = torch.tanh((queries @ W_q).unsqueeze(2) + (keys @ W_k).unsqueeze(1))
    return features @ v


def concat_score(
    queries: Float[Tensor, "batch n_q d_q"],
    keys: Float[Tensor, "batch n_k d_k"],
    W: Float[Tensor, "d_q+d_k d_h"],
    b: Float[Tensor, " d_h"],
) -> Float[Tensor, "batch n_q n_k"]:
    """score = Σ tanh([q; k] W + b), summed over d_h.

    Luong et al. (2015), section 3.1, "concat", with a bias, and with ones in place of v_a.
    """
    W_q, W_k = W.tensor_split([queries.shape[-1]])
    features = torch.tanh((queries @ W_q).unsqueeze(2) + (keys @ W_k).unsqueeze(1) + b)
    return features.sum(dim=-1)


def location_score(
    query: Float[Tensor, "batch d_q"],
    key: Float[Tensor, "batch d_k"],
    W: Float[Tensor, "d_q+d_k n_k"],
    b: Float[Tensor, " n_k"],
) -> Float[Tensor, "batch n_k"]:
    """scores of all n_k positions at once = [q; k] W + b: position j has a column of W to itself.

    Luong et al. (2015), equation 8, before the softmax, and reading a key beside the query.
    """
    return torch.addmm(b, torch.cat([query, key], dim=-1), W)


def scaled_dot_product_attention(
    queries: Float[Tensor, "batch n_q d_k"],
    keys: Float[Tensor, "batch n_k d_k"],
    values: Float[Tensor, "batch n_k d_v"],
    mask: Bool[Tensor, ...] | None = None,
) -> tuple[Float[Tensor, "batch n_q d_v"], Float[Tensor, "batch n_q n_k"]]:
    """outputs = weights V with weights = softmax(Q Kᵀ / √d_k) over what the mask allows.

    Vaswani et al. (2017), Attention Is All You Need, section 3.2.1, equation 1.
    """
    scores = torch.bmm(queries * queries.shape[-1] ** -0.5, keys.mT)
    weights = torch.softmax(scores, dim=-1) if mask is None else masked_softmax(scores, mask)
    return torch.bmm(weights, values), weights


def hard_attention(
    scores: Float[Tensor, "batch n_q n_k"],
    values: Float[Tensor, "batch n_k d_v"],
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch n_q d_v"], Int[Tensor, "batch n_q"]]:
    """outputs_i = values at index_i, with index_i drawn from softmax(scores_i); the argmax without a generator.

    Xu et al. (2015), Show, Attend and Tell, section 4.1.
    """
    if generator is None:
        index = scores.argmax(dim=-1)
    else:
        p = torch.softmax(scores.detach(), dim=-1)
        index = torch.multinomial(p.flatten(0, 1), 1, generator=generator).view(scores.shape[:-1])
    return torch.take_along_dim(values, index.unsqueeze(-1), dim=1), index


def local_attention_weights(
    scores: Float[Tensor, "batch n_q n_k"], centers: Float[Tensor, "batch n_q"], window: float
) -> Float[Tensor, "batch n_q n_k"]:
    """weight_ij = softmax of s_ij over the j with |j - c_i| ≤ window, times exp(-(j - c_i)² / (2σ²)), σ = window / 2.

    Luong et al. (2015), section 3.2, equation 10: p_t is the centre, D the window, s the position j.
    """
    distance = torch.arange(scores.shape[-1], device=scores.device) - centers.unsqueeze(-1)
    sigma = window / 2
    return masked_softmax(scores, distance.abs() <= window) * torch.exp(-(distance**2) / (2 * sigma**2))


def attend_and_combine(
    query: Float[Tensor, "batch d_q"],
    attention_weights: Float[Tensor, "batch n_k"],
    values: Float[Tensor, "batch n_k d_v"],
    W: Float[Tensor, "d_q+d_v d_out"],
    b: Float[Tensor, " d_out"],
) -> tuple[Float[Tensor, "batch d_out"], Float[Tensor, "batch d_v"]]:
    """context = Σ_j weight_j value_j;  output = [query; context] W + b.

    Bahdanau et al. (2015), equation 5, for the context.
    """
    context = torch.bmm(attention_weights.unsqueeze(1), values).squeeze(1)
    return torch.addmm(b, torch.cat([query, context], dim=-1), W), context


class BahdanauDecoder(nn.Module):
    """A decoder that looks back before every step: Bahdanau et al. (2015), section 3.1 and appendix A.2.2.

    α = softmax_j(vᵀ tanh(W_q s_{t-1} + W_k h_j))     c = Σ_j α_j h_j     s_t = GRU([e_t; c], s_{t-1})
    logits = output([s_t; c; e_t]), where e_t is the embedding of the word before. PyTorch's GRU cell, one output layer.
    """

    def __init__(self, vocab_size: int, d_embed: int, d_hidden: int, d_encoder: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_embed)
        self.W_q = nn.Linear(d_hidden, d_hidden, bias=False)
        self.W_k = nn.Linear(d_encoder, d_hidden, bias=False)
        self.v = nn.Linear(d_hidden, 1, bias=False)
        self.rnn = nn.GRUCell(d_embed + d_encoder, d_hidden)
        self.output = nn.Linear(d_hidden + d_encoder + d_embed, vocab_size)

    def step(
        self,
        ids: Int[Tensor, " batch"],
        state: Float[Tensor, "batch d_hidden"],
        encoder_outputs: Float[Tensor, "batch n_k d_encoder"],
        mask: Bool[Tensor, "batch n_k"],
    ) -> tuple[Float[Tensor, "batch vocab_size"], Float[Tensor, "batch d_hidden"], Float[Tensor, "batch n_k"]]:
        """Read one word: the logits of the next, the new state, and where the decoder looked."""
        embedded = self.embedding(ids)
        features = torch.tanh(self.W_q(state).unsqueeze(1) + self.W_k(encoder_outputs))
        weights = masked_softmax(self.v(features).squeeze(-1), mask)
        context = torch.bmm(weights.unsqueeze(1), encoder_outputs).squeeze(1)
        state = self.rnn(torch.cat([embedded, context], dim=-1), state)
        return self.output(torch.cat([state, context, embedded], dim=-1)), state, weights


def luong_output(
    state: Float[Tensor, "batch d_h"], context: Float[Tensor, "batch d_c"], W_c: Float[Tensor, "d_c+d_h d_h"]
) -> Float[Tensor, "batch d_h"]:
    """tanh([context; state] W_c). Luong et al. (2015), equation 5."""
    return torch.tanh(torch.cat([context, state], dim=-1) @ W_c)


def alignment_error_rate(
    weights: Float[Tensor, "n_q n_k"], sure: Bool[Tensor, "n_q n_k"], possible: Bool[Tensor, "n_q n_k"]
) -> float:
    """1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|), where A links each output word to the input of its largest weight.

    Och, Ney (2003), A Systematic Comparison of Various Statistical Alignment Models, on the alignment error rate.
    """
    links = F.one_hot(weights.argmax(dim=-1), weights.shape[-1]).bool()
    found = (links & sure).sum() + (links & possible).sum()
    return 1 - float(found) / float(links.sum() + sure.sum())
