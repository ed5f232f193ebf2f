"""Self-attention: a sequence that asks itself, by one head or by many, with positions and without.

Notation follows Vaswani et al. (2017), Attention Is All You Need, with row vectors: queries, keys and values are the
rows of Q, K and V, and weights multiply from the right. Masks are True where a query may look.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


def project_qkv(
    X: Float[Tensor, "batch seq d_model"],
    W_q: Float[Tensor, "d_model d_k"],
    W_k: Float[Tensor, "d_model d_k"],
    W_v: Float[Tensor, "d_model d_v"],
) -> tuple[Float[Tensor, "batch seq d_k"], Float[Tensor, "batch seq d_k"], Float[Tensor, "batch seq d_v"]]:
    """Q = X W_q, K = X W_k, V = X W_v: Vaswani et al. (2017), section 3.2.2, one head of it."""
    return X @ W_q, X @ W_k, X @ W_v


def self_attention(
    X: Float[Tensor, "batch seq d_model"],
    W_q: Float[Tensor, "d_model d_k"],
    W_k: Float[Tensor, "d_model d_k"],
    W_v: Float[Tensor, "d_model d_v"],
    mask: Bool[Tensor, "*#batch #seq seq"] | None = None,
) -> tuple[Float[Tensor, "batch seq d_v"], Float[Tensor, "batch seq seq"]]:
    """softmax(Q Kᵀ / √d_k) V with Q, K, V from one X; also the weights. Vaswani et al. (2017), equation 1."""
    return cross_attention(X, X, W_q, W_k, W_v, mask)


def cross_attention(
    X: Float[Tensor, "batch n_q d_model"],
    memory: Float[Tensor, "batch n_k d_memory"],
    W_q: Float[Tensor, "d_model d_k"],
    W_k: Float[Tensor, "d_memory d_k"],
    W_v: Float[Tensor, "d_memory d_v"],
    mask: Bool[Tensor, "*#batch #n_q n_k"] | None = None,
) -> tuple[Float[Tensor, "batch n_q d_v"], Float[Tensor, "batch n_q n_k"]]:
    """softmax(Q Kᵀ / √d_k) V with Q = X W_q, K = M W_k, V = M W_v; also the weights.

    Vaswani et al. (2017), section 3.2.3, on the encoder-decoder attention, with memory M.
    """
    Q, K, V = X @ W_q, memory @ W_k, memory @ W_v
    weights = _masked_softmax(Q @ K.transpose(1, 2) / K.shape[2] ** 0.5, mask)
    return weights @ V, weights


def _masked_softmax(
    scores: Float[Tensor, "*batch n_q n_k"], mask: Bool[Tensor, "*#batch #n_q n_k"] | None
) -> Float[Tensor, "*batch n_q n_k"]:
    """Softmax over the keys that the mask allows; zeros where it allows none."""
    if mask is None:
        return torch.softmax(scores, dim=-1)
    lowest = torch.finfo(scores.dtype).min
    return torch.softmax(scores.masked_fill(~mask, lowest), dim=-1).masked_fill(~mask, 0.0)


def split_heads(X: Float[Tensor, "batch seq d_model"], num_heads: int) -> Float[Tensor, "batch num_heads seq d_head"]:
    """Head h holds the columns h·d_head … (h+1)·d_head - 1, where d_head = d_model / num_heads."""
    return X.reshape(*X.shape[:2], num_heads, -1).transpose(1, 2)


def merge_heads(X: Float[Tensor, "batch num_heads seq d_head"], num_heads: int) -> Float[Tensor, "batch seq d_model"]:
    """Concat(head_1, …, head_h) along the columns: the way back from `split_heads`."""
    return X.transpose(1, 2).flatten(2)


class MultiHeadAttention(nn.Module):
    """Concat(head_1, …, head_h) W_o with head_i = softmax(Q_i K_iᵀ / √d_head) V_i, where Q_i, K_i and V_i are the
    columns of head i of the projected queries, keys and values: Vaswani et al. (2017), section 3.2.2.
    """

    def __init__(self, d_model: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.W_q = nn.Linear(d_model, d_model, bias=False)
        self.W_k = nn.Linear(d_model, d_model, bias=False)
        self.W_v = nn.Linear(d_model, d_model, bias=False)
        self.W_o = nn.Linear(d_model, d_model, bias=False)

    def forward(
        self,
        queries: Float[Tensor, "batch n_q d_model"],
        keys: Float[Tensor, "batch n_k d_model"],
        values: Float[Tensor, "batch n_k d_model"],
        mask: Bool[Tensor, "*batch_and_heads n_q n_k"] | None = None,
    ) -> Float[Tensor, "batch n_q d_model"]:
        Q, K, V = (
            split_heads(projection(x), self.num_heads)
            for projection, x in ((self.W_q, queries), (self.W_k, keys), (self.W_v, values))
        )
        if mask is not None and mask.dim() == 3:
            mask = mask.unsqueeze(1)
        outputs: Tensor = self.W_o(merge_heads(_attend(Q, K, V, mask), self.num_heads))
        return outputs


def _attend(
    Q: Float[Tensor, "batch num_heads n_q d_k"],
    K: Float[Tensor, "batch num_heads n_k d_k"],
    V: Float[Tensor, "batch num_heads n_k d_v"],
    mask: Bool[Tensor, "*batch_and_heads n_q n_k"] | None,
) -> Float[Tensor, "batch num_heads n_q d_v"]:
    """PyTorch's fused attention, which has no row without a key to see: such a row sees all of them, then becomes 0."""
    if mask is None:
        return F.scaled_dot_product_attention(Q, K, V)
    blind = ~mask.any(dim=-1, keepdim=True)
    return F.scaled_dot_product_attention(Q, K, V, attn_mask=mask | blind).masked_fill(blind, 0.0)


def sinusoidal_positions(num_positions: int, d_model: int) -> Float[Tensor, "num_positions d_model"]:
    """P[p, 2i] = sin(p / 10000^(2i / d_model)) and P[p, 2i + 1] = cos of the same, in the default dtype.

    Vaswani et al. (2017), section 3.5. Computed in float64: at position 5000 a float32 angle is off by 3e-4 rad.
    """
    column = torch.arange(d_model)
    even = column - column % 2
    angle = torch.arange(num_positions, dtype=torch.float64)[:, None] / 10000.0 ** (even.double() / d_model)
    return torch.where(column == even, angle.sin(), angle.cos()).to(torch.get_default_dtype())


def rotary_embedding(
    x: Float[Tensor, "batch num_heads seq d"], positions: Int[Tensor, " seq"], base: float = 10000.0
) -> Float[Tensor, "batch num_heads seq d"]:
    """(x_{2i}, x_{2i+1}), read as the complex number x_{2i} + j x_{2i+1}, times exp(j p base^(-2i / d)).

    Su et al. (2021), RoFormer: Enhanced Transformer with Rotary Position Embedding, equations 14 and 15.
    """
    d = x.shape[-1]
    frequency = base ** (-torch.arange(0, d, 2, dtype=torch.float64, device=x.device) / d)
    angle = positions[:, None].double() * frequency
    turn = torch.polar(torch.ones_like(angle), angle).to(x.dtype.to_complex())
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], d // 2, 2).contiguous())
    return torch.view_as_real(pairs * turn).flatten(-2)


def sliding_window_mask(seq: int, window: int) -> Bool[Tensor, "seq seq"]:
    """True at (i, j) where |i - j| ≤ window: Beltagy, Peters, Cohan (2020), Longformer, section 3.1."""
    band = torch.ones(seq, seq, dtype=torch.bool)
    return band.tril(window) & band.triu(-window)


def attention_pooling(
    hidden: Float[Tensor, "batch seq d"], query: Float[Tensor, " d"], lengths: Int[Tensor, " batch"]
) -> tuple[Float[Tensor, "batch d"], Float[Tensor, "batch seq"]]:
    """w = softmax(h_t · q) over the real tokens; Σ_t w_t h_t, and w.

    Yang et al. (2016), Hierarchical Attention Networks for Document Classification, equations 6 and 7, without the
    layer in front of the product.
    """
    real = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
    weights = _masked_softmax(hidden @ query, real)
    return (weights[:, None] @ hidden)[:, 0], weights


def external_attention(
    X: Float[Tensor, "batch seq d"], M_k: Float[Tensor, "slots d"], M_v: Float[Tensor, "slots d"]
) -> Float[Tensor, "batch seq d"]:
    """S = X M_kᵀ;  A_ts = exp(S_ts) / Σ_t' exp(S_t's);  A_ts / Σ_s' A_ts', times M_v.

    Guo et al. (2021), Beyond Self-attention: External Attention using Two Linear Layers, equations 5 to 8. Dividing a
    row by its sum is a softmax of its logarithms, which can't underflow.
    """
    return F.log_softmax(X @ M_k.T, dim=1).softmax(dim=2) @ M_v


def mixture_of_experts_attention(
    X: Float[Tensor, "batch seq d_model"],
    experts: list[tuple[Tensor, ...]],
    W_gate: Float[Tensor, "d_model num_experts"],
    top_k: int,
) -> Float[Tensor, "batch seq d_model"]:
    """Σ_e p_te E_e(X)_t with p_t = softmax of X_t W_gate over its `top_k` largest entries, 0 elsewhere.

    E_e(X) = softmax(Q Kᵀ / √d_k) V W_o, with W_q, W_k, W_v, W_o of expert e. Shazeer et al. (2017), Outrageously Large
    Neural Networks, equations 1 and 3 to 5 without noise, on the attention experts of Zhang et al. (2022), Mixture of
    Attention Heads.
    """
    gates = X @ W_gate
    chosen = gates.topk(top_k, dim=2).indices
    share = gates.gather(2, chosen).softmax(dim=2)
    mixed = torch.zeros_like(gates).scatter(2, chosen, share)
    outputs = torch.stack([self_attention(X, W_q, W_k, W_v)[0] @ W_o for W_q, W_k, W_v, W_o in experts], dim=3)
    return (outputs @ mixed[..., None])[..., 0]


class Reverser(nn.Module):
    """The words of a sequence in reverse order: logits = output(z + MultiHeadAttention(z, z, z)) with
    z_t = word_t + from the start_t + from the end_{n-1-t}.

    A place that counts from both ends knows how long the sequence is, and one layer of attention is enough: the query
    of place t looks for the key whose distance from the end is t. Many another network would do.
    """

    def __init__(self, vocab_size: int, max_len: int) -> None:
        super().__init__()
        self.word = nn.Embedding(vocab_size, 64)
        self.start = nn.Embedding(max_len, 64)
        self.end = nn.Embedding(max_len, 64)
        self.attention = MultiHeadAttention(64, 4)
        self.output = nn.Linear(64, vocab_size)

    def forward(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq vocab_size"]:
        place = torch.arange(ids.shape[1], device=ids.device)
        z = self.word(ids) + self.start(place) + self.end(place.flip(0))
        logits: Tensor = self.output(z + self.attention(z, z, z))
        return logits
