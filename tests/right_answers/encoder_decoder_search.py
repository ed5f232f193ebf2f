"""Right answers to lesson 04 in other styles than the reference: greedy decoding, beam search, BLEU."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("greedy_decode")
def greedy_with_lists(step, state, bos_id, eos_id, max_len, batch):
    rows, done = [[] for _ in range(batch)], [False] * batch
    ids = torch.full((batch,), bos_id, dtype=torch.long)
    for _ in range(max_len):
        logits, state = step(ids, state)
        ids = logits.argmax(-1)
        for i, word in enumerate(ids.tolist()):
            done[i] = done[i] or word == eos_id
            if not done[i]:
                rows[i].append(word)
        if all(done):
            break
    return rows


@right("greedy_decode")
def greedy_then_cut(step, state, bos_id, eos_id, max_len, batch):
    said, ids = [], torch.tensor([bos_id] * batch)
    for _ in range(max_len):
        logits, state = step(ids, state)
        ids = torch.max(logits.softmax(dim=1), dim=1).indices
        said.append(ids)
    result = []
    for row in torch.stack(said).T.tolist():
        words = []
        for word in row:
            if word == eos_id:
                break
            words.append(word)
        result.append(words)
    return result


@right("greedy_decode")
def greedy_that_feeds_eos(step, state, bos_id, eos_id, max_len, batch):
    """A finished row hears its end again and again."""
    ids, over = torch.full([batch], bos_id), torch.zeros(batch, dtype=torch.bool)
    table = torch.full((batch, max_len), eos_id)
    t = 0
    while t < max_len and not over.all():
        logits, state = step(ids, state)
        ids = torch.where(over.to(logits.device), eos_id, logits.topk(1).indices[:, 0])
        table[:, t] = ids
        over = ids == eos_id
        t += 1
    lengths = (table != eos_id).int().cumprod(dim=1).sum(dim=1)
    return [row[:n].tolist() for row, n in zip(table, lengths, strict=True)]


@right("greedy_decode")
def greedy_recursive(step, state, bos_id, eos_id, max_len, batch):
    def go(ids, state, left, alive):
        if left == 0 or not any(alive):
            return [[] for _ in range(batch)]
        logits, state = step(ids, state)
        words = logits.argmax(1)
        alive = [a and w != eos_id for a, w in zip(alive, words.tolist(), strict=True)]
        rest = go(words, state, left - 1, alive)
        return [[w, *r] if a else [] for a, w, r in zip(alive, words.tolist(), rest, strict=True)]

    return go(torch.full((batch,), bos_id), state, max_len, [True] * batch)


@right("greedy_decode")
def greedy_with_numpy(step, state, bos_id, eos_id, max_len, batch):
    words = np.full((batch, 1), bos_id, dtype=np.int64)
    for _ in range(max_len):
        logits, state = step(torch.from_numpy(words[:, -1].copy()), state)
        words = np.concatenate([words, logits.cpu().numpy().argmax(axis=1, keepdims=True)], axis=1)
        if (words[:, 1:] == eos_id).any(axis=1).all():
            break
    rows = [row.tolist() for row in words[:, 1:]]
    return [row[: [*row, eos_id].index(eos_id)] for row in rows]


@right("beam_search")
def beam_with_tuples(step, state, bos_id, eos_id, max_len, beam_size, length_penalty):
    beam, done = [([], 0.0, state)], []
    for t in range(max_len):
        last = torch.tensor([words[-1] if words else bos_id for words, _, _ in beam])
        logits, states = step(last, [s for _, _, s in beam])
        log_probs = F.log_softmax(logits, dim=-1)
        candidates = []
        for i, (_, total, _) in enumerate(beam):
            for word in range(log_probs.shape[1]):
                candidates.append((total + log_probs[i, word].item(), i, word))
        candidates.sort(key=lambda c: c[0], reverse=True)
        new = []
        for total, i, word in candidates[:beam_size]:
            if word == eos_id:
                done.append((beam[i][0], total / (t + 1) ** length_penalty))
            else:
                new.append(([*beam[i][0], word], total, states[i]))
        beam = new
        if not beam:
            break
    done.extend((words, total / len(words) ** length_penalty) for words, total, _ in beam)
    return max(done, key=lambda d: d[1])


@right("beam_search")
def beam_with_tensors(step, state, bos_id, eos_id, max_len, beam_size, length_penalty):
    """All hypotheses live in tensors; the best finished one is kept as we go."""
    words = torch.zeros(1, 0, dtype=torch.long)
    totals, states, last = torch.zeros(1, dtype=torch.float64), [state], torch.tensor([bos_id])
    best_ids, best_score = [], -math.inf
    for t in range(1, max_len + 1):
        logits, states = step(last, states)
        scores = (logits.double() - logits.double().logsumexp(1, keepdim=True)).cpu() + totals.unsqueeze(1)
        vocab = scores.shape[1]
        top = scores.view(-1).topk(min(beam_size, scores.numel()))
        parents, last = top.indices // vocab, top.indices % vocab
        words = torch.cat([words[parents], last[:, None]], dim=1)
        for row, total in zip(words, top.values, strict=True):
            score = float(total / t**length_penalty)
            if row[-1] == eos_id and score > best_score:
                best_ids, best_score = row[:-1].tolist(), score
        open_ = last != eos_id
        if not open_.any():
            return best_ids, best_score
        words, totals, last = words[open_], top.values[open_], last[open_]
        states = [states[p] for p in parents[open_]]
    scores = totals / max_len**length_penalty
    if scores.max() > best_score:
        return words[scores.argmax()].tolist(), scores.max().item()
    return best_ids, best_score


@right("beam_search")
def beam_one_call_each(step, state, bos_id, eos_id, max_len, beam_size, length_penalty):
    """Asks for each hypothesis alone, and takes the best by a heap."""
    hypotheses = [{"ids": [bos_id], "total": 0.0, "state": state}]
    pool = []
    for _ in range(max_len):
        grown = []
        for one in hypotheses:
            logits, (new,) = step(torch.tensor(one["ids"][-1:]), [one["state"]])
            for word, log_p in enumerate(torch.log_softmax(logits[0], 0).tolist()):
                grown.append({"ids": [*one["ids"], word], "total": one["total"] + log_p, "state": new})
        best = heapq.nlargest(beam_size, grown, key=lambda one: one["total"])
        pool += [one for one in best if one["ids"][-1] == eos_id]
        hypotheses = [one for one in best if one["ids"][-1] != eos_id]
        if len(hypotheses) == 0:
            break
    pool += hypotheses
    scored = [(one["total"] / (len(one["ids"]) - 1) ** length_penalty, one["ids"][1:]) for one in pool]
    score, ids = max(scored, key=lambda pair: pair[0])
    return ids[:-1] if ids[-1] == eos_id else ids, torch.tensor(score, dtype=torch.float64)


@right("beam_search")
def beam_in_two_stages(step, state, bos_id, eos_id, max_len, beam_size, length_penalty):
    """No continuation outside a row's own best `beam_size` can be among the best of all."""
    open_, closed = {(): (0.0, state)}, {}
    for _ in range(max_len):
        if not open_:
            break
        keys = list(open_)
        ids = torch.tensor([key[-1] if key else bos_id for key in keys])
        logits, states = step(ids, [open_[key][1] for key in keys])
        values, indices = logits.log_softmax(-1).topk(min(beam_size, logits.shape[-1]), dim=-1)
        found = {}
        for row, key in enumerate(keys):
            for value, word in zip(values[row].tolist(), indices[row].tolist(), strict=True):
                found[(*key, word)] = (open_[key][0] + value, states[row])
        kept = sorted(found, key=lambda key: found[key][0])[-beam_size:]
        closed |= {key: found[key] for key in kept if key[-1] == eos_id}
        open_ = {key: found[key] for key in kept if key[-1] != eos_id}
    everyone = closed | open_
    score = {key: total / len(key) ** length_penalty for key, (total, _) in everyone.items()}
    winner = max(score, key=score.get)
    return [word for word in winner if word != eos_id], score[winner]


@right("beam_search")
def beam_that_masks(step, state, bos_id, eos_id, max_len, beam_size, length_penalty):
    """Starts with `beam_size` equal hypotheses, of which only the first may be continued; -inf ones are dropped."""
    beam = [([], 0.0 if i == 0 else -math.inf, state) for i in range(beam_size)]
    finished = []
    for _ in range(max_len):
        logits, states = step(torch.tensor([h[0][-1] if h[0] else bos_id for h in beam]), [h[2] for h in beam])
        totals = torch.tensor([h[1] for h in beam], dtype=logits.dtype, device=logits.device).unsqueeze(-1)
        flat = (totals + logits.log_softmax(dim=-1)).reshape(-1)
        order = flat.argsort(descending=True)[:beam_size].tolist()
        chosen = [(i // logits.size(1), i % logits.size(1), flat[i].item()) for i in order if flat[i] > -math.inf]
        finished += [(beam[r][0], total, len(beam[r][0]) + 1) for r, w, total in chosen if w == eos_id]
        beam = [([*beam[r][0], w], total, states[r]) for r, w, total in chosen if w != eos_id]
        if not beam:
            break
    finished += [(words, total, len(words)) for words, total, _ in beam]
    words, total, length = max(finished, key=lambda f: f[1] / f[2] ** length_penalty)
    return list(words), total / length**length_penalty


@right("corpus_bleu")
def bleu_with_counters(candidates, references, max_n=4):
    matches, totals = [0] * max_n, [0] * max_n
    c_len = r_len = 0
    for candidate, reference in zip(candidates, references, strict=True):
        c_len += len(candidate)
        r_len += len(reference)
        for n in range(1, max_n + 1):
            c = Counter(tuple(candidate[i : i + n]) for i in range(len(candidate) - n + 1))
            r = Counter(tuple(reference[i : i + n]) for i in range(len(reference) - n + 1))
            matches[n - 1] += sum(min(count, r[gram]) for gram, count in c.items())
            totals[n - 1] += max(len(candidate) - n + 1, 0)
    if min(matches) == 0 or min(totals) == 0:
        return 0.0
    precision = sum(math.log(m / t) for m, t in zip(matches, totals, strict=True)) / max_n
    penalty = 1.0 if c_len >= r_len else math.exp(1 - r_len / c_len)
    return penalty * math.exp(precision)


@right("corpus_bleu")
def bleu_by_products(candidates, references, max_n=4):
    score = 1.0
    for n in range(1, max_n + 1):
        hits = total = 0
        for said, meant in zip(candidates, references, strict=True):
            left = [meant[i : i + n] for i in range(len(meant) - n + 1)]
            for i in range(len(said) - n + 1):
                total += 1
                if said[i : i + n] in left:
                    left.remove(said[i : i + n])
                    hits += 1
        if hits == 0:
            return 0.0
        score *= (hits / total) ** (1 / max_n)
    c, r = len([*chain(*candidates)]), len([*chain(*references)])
    return score * math.exp(min(0, 1 - r / c))


@right("corpus_bleu")
def bleu_with_numpy(candidates, references, max_n=4):
    hits, totals = np.zeros(max_n), np.zeros(max_n)
    for candidate, reference in zip(candidates, references, strict=True):
        for n in range(max_n):
            available = defaultdict(int)
            for gram in zip(*(reference[k:] for k in range(n + 1)), strict=False):
                available[gram] += 1
            for gram in zip(*(candidate[k:] for k in range(n + 1)), strict=False):
                totals[n] += 1
                if available[gram] > 0:
                    available[gram] -= 1
                    hits[n] += 1
    if not hits.all():
        return 0
    c, r = sum(len(s) for s in candidates), sum(len(s) for s in references)
    return np.exp(np.log(hits / totals).mean() + min(0.0, 1 - r / c))


@right("corpus_bleu")
def bleu_with_torch(candidates, references, max_n=4):
    table = torch.zeros(max_n, 2, dtype=torch.float64)
    for candidate, reference in zip(candidates, references, strict=True):
        for n in range(1, max_n + 1):
            grams = [" ".join(candidate[i : i + n]) for i in range(max(len(candidate) - n + 1, 0))]
            wanted = [" ".join(reference[i : i + n]) for i in range(max(len(reference) - n + 1, 0))]
            table[n - 1, 0] += sum(min(grams.count(g), wanted.count(g)) for g in set(grams))
            table[n - 1, 1] += len(grams)
    if (table[:, 0] == 0).any():
        return 0.0
    c, r = sum(map(len, candidates)), sum(map(len, references))
    brevity = math.exp(1 - r / c) if c < r else 1.0
    return brevity * (table[:, 0] / table[:, 1]).log().mean().exp().item()
