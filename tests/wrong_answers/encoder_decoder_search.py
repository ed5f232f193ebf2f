"""Wrong answers to lesson 04, beyond the named misconceptions: greedy decoding, beam search, BLEU."""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference.encoder_decoder import beam_search, corpus_bleu, greedy_decode

WRONG: dict[str, list[Any]] = {}


def wrong(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a wrong answer."""

    def collect(answer: Any) -> Any:
        WRONG.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


def answers(exercise_id: str, make: Callable[[Any], Any], **changes: Any) -> None:
    """Collect wrong answers that `make` makes of each change."""
    for name, change in changes.items():
        answer = make(change)
        answer.__name__ = name
        wrong(exercise_id)(answer)


# greedy_decode


def _result(change):
    """The right rows, changed: `change(rows, bos_id, eos_id, max_len)`."""
    return lambda step, state, bos, eos, n, batch: change(greedy_decode(step, state, bos, eos, n, batch), bos, eos, n)


def _step(change):
    """The right loop around a changed step: `change(step, ids, state, t)`."""
    def answer(step, state, bos, eos, n, batch):
        times = iter(range(n))
        return greedy_decode(lambda ids, s: change(step, ids, s, next(times)), state, bos, eos, n, batch)

    return answer


def _words(step, ids, state, t):
    logits, state = step(ids, state)
    return logits.argmax(1), logits, state


answers(
    "greedy_decode",
    _result,
    tuples=lambda rows, *_: [tuple(row) for row in rows],
    a_tuple_of_rows=lambda rows, *_: tuple(rows),
    tensors=lambda rows, *_: [torch.tensor(row) for row in rows],
    floats=lambda rows, *_: [[float(word) for word in row] for row in rows],
    strings=lambda rows, *_: [[str(word) for word in row] for row in rows],
    zero_dimensional_tensors=lambda rows, *_: [[torch.tensor(word) for word in row] for row in rows],
    one_row_unwrapped=lambda rows, *_: rows[0] if len(rows) == 1 else rows,
    flattened=lambda rows, *_: [word for row in rows for word in row],
    padded_to_the_longest=lambda rows, bos, eos, n: [r + [eos] * (max(map(len, rows)) - len(r)) for r in rows],
    padded_with_zeros=lambda rows, bos, eos, n: [r + [0] * (n - len(r)) for r in rows],
    empty_rows_dropped=lambda rows, *_: [row for row in rows if row],
    empty_rows_ended=lambda rows, bos, eos, n: [row or [eos] for row in rows],
    sorted_by_length=lambda rows, *_: sorted(rows, key=len),
    last_word_lost=lambda rows, *_: [row[:-1] for row in rows],
    last_word_lost_at_the_limit=lambda rows, bos, eos, n: [row[: n - 1] for row in rows],
    first_word_lost=lambda rows, *_: [row[1:] for row in rows],
    eos_at_the_limit=lambda rows, bos, eos, n: [[*row, eos] if len(row) == n else row for row in rows],
    unended_rows_dropped=lambda rows, bos, eos, n: [row if len(row) < n else [] for row in rows],
    backwards=lambda rows, *_: [row[::-1] for row in rows],
    deduplicated=lambda rows, *_: [list(dict.fromkeys(row)) for row in rows],
    columns=lambda rows, bos, eos, n: [[r[t] for r in rows if t < len(r)] for t in range(max(map(len, rows)))],
    first_row_for_all=lambda rows, *_: [rows[0]] * len(rows),
    with_lengths=lambda rows, *_: (rows, [len(row) for row in rows]),
    cut_to_the_shortest=lambda rows, *_: [row[: min(map(len, rows))] for row in rows],
)
answers(
    "greedy_decode",
    _step,
    least_likely=lambda step, ids, s, t: (-step(ids, s)[0], step(ids, s)[1]),
    second_best=lambda step, ids, s, t: (
        (lambda g: g.scatter(1, g.argmax(1, keepdim=True), -torch.inf))(step(ids, s)[0]), step(ids, s)[1]),
    over_the_batch=lambda step, ids, s, t: (
        F.one_hot(step(ids, s)[0].argmax(0)[: len(ids)] % len(ids), step(ids, s)[0].shape[1]), step(ids, s)[1]),
    first_row_decides=lambda step, ids, s, t: (step(ids, s)[0][:1].expand(len(ids), -1), step(ids, s)[1]),
    never_eos_first=lambda step, ids, s, t: (
        step(ids, s)[0].index_fill(1, torch.tensor([2]), -torch.inf) if t == 0 else step(ids, s)[0], step(ids, s)[1]),
    state_twice=lambda step, ids, s, t: step(ids, step(ids, s)[1]),
    ids_as_floats=lambda step, ids, s, t: step(ids.double(), s),
    ids_as_int32=lambda step, ids, s, t: step(ids.int(), s),
    ids_as_a_list=lambda step, ids, s, t: step(ids.tolist(), s),
    ids_as_a_row=lambda step, ids, s, t: step(ids[None], s),
    one_id_for_all=lambda step, ids, s, t: step(ids[:1], s),
    first_id_for_all=lambda step, ids, s, t: step(ids[:1].expand_as(ids), s),
    neighbours_words=lambda step, ids, s, t: step(ids.roll(1), s),
    next_word_id=lambda step, ids, s, t: step((ids + 1) % 6, s),
    bos_is_1=lambda step, ids, s, t: step(torch.ones_like(ids) if t == 0 else ids, s),
    bos_is_0=lambda step, ids, s, t: step(torch.zeros_like(ids) if t == 0 else ids, s),
    state_as_a_tensor=lambda step, ids, s, t: step(ids, s.clone()),
    state_by_rows=lambda step, ids, s, t: step(ids, s[torch.arange(len(ids))]),
    state_detached=lambda step, ids, s, t: step(ids, tuple(part.detach() for part in s)),
    state_in_a_list=lambda step, ids, s, t: (step(ids, s)[0], [step(ids, s)[1]]),
    state_none=lambda step, ids, s, t: step(ids, s if t else None),
)


@wrong("greedy_decode")
def eos_is_2(step, state, bos_id, eos_id, max_len, batch):
    return greedy_decode(step, state, bos_id, 2, max_len, batch)


@wrong("greedy_decode")
def one_step_more(step, state, bos_id, eos_id, max_len, batch):
    return greedy_decode(step, state, bos_id, eos_id, max_len + 1, batch)


@wrong("greedy_decode")
def one_step_less(step, state, bos_id, eos_id, max_len, batch):
    return greedy_decode(step, state, bos_id, eos_id, max(max_len - 1, 1), batch)


@wrong("greedy_decode")
def runs_until_all_end(step, state, bos_id, eos_id, max_len, batch):
    ids, rows = torch.full((batch,), bos_id), [[] for _ in range(batch)]
    done = [False] * batch
    while not all(done):
        logits, state = step(ids, state)
        ids = logits.argmax(1)
        for i, word in enumerate(ids.tolist()):
            done[i] |= word == eos_id
            if not done[i]:
                rows[i].append(word)
    return rows


@wrong("greedy_decode")
def ends_when_all_end_together(step, state, bos_id, eos_id, max_len, batch):
    ids, columns = torch.full((batch,), bos_id), []
    for _ in range(max_len):
        logits, state = step(ids, state)
        ids = logits.argmax(1)
        if (ids == eos_id).all():
            break
        columns.append(ids)
    return torch.stack(columns, 1).tolist() if columns else [[]] * batch


@wrong("greedy_decode")
def cut_at_the_last_end(step, state, bos_id, eos_id, max_len, batch):
    rows = greedy_decode(step, state, bos_id, -1, max_len, batch)
    return [row[: len(row) - 1 - row[::-1].index(eos_id)] if eos_id in row else row for row in rows]


@wrong("greedy_decode")
def only_the_last_end_counts(step, state, bos_id, eos_id, max_len, batch):
    rows = greedy_decode(step, state, bos_id, -1, max_len, batch)
    return [row[:-1] if row[-1] == eos_id else row for row in rows]


@wrong("greedy_decode")
def pauses_and_goes_on(step, state, bos_id, eos_id, max_len, batch):
    """A row is silent only at the steps where it says its end."""
    rows = greedy_decode(step, state, bos_id, -1, max_len, batch)
    return [[w for i, w in enumerate(row) if w != eos_id and row[:i].count(eos_id) < 2] for row in rows]


@wrong("greedy_decode")
def shrinking_batch(step, state, bos_id, eos_id, max_len, batch):
    ids, rows, alive = torch.full((batch,), bos_id), [[] for _ in range(batch)], list(range(batch))
    for _ in range(max_len):
        logits, state = step(ids, state)
        words = logits.argmax(1).tolist()
        still = [(i, w) for i, w in zip(alive, words, strict=True) if w != eos_id]
        for i, w in still:
            rows[i].append(w)
        alive = [i for i, _ in still]
        if not alive:
            break
        ids = torch.tensor([w for _, w in still])
    return rows


@wrong("greedy_decode")
def shared_rows(step, state, bos_id, eos_id, max_len, batch):
    rows = [[]] * batch
    for row, said in zip(rows, greedy_decode(step, state, bos_id, eos_id, max_len, batch), strict=True):
        row.extend(said)
    return rows


@wrong("greedy_decode")
def draws(step, state, bos_id, eos_id, max_len, batch):
    def drawn(ids, s):
        logits, s = step(ids, s)
        return F.one_hot(torch.multinomial(logits.softmax(1), 1)[:, 0], logits.shape[1]).double(), s

    return greedy_decode(drawn, state, bos_id, eos_id, max_len, batch)


# beam_search


def _found(change):
    """The right result, changed: `change(ids, score, arguments)`."""
    return lambda *given: change(*beam_search(*given), given)


def _asked(change):
    """The right search for other arguments: `change(step, state, bos, eos, max_len, beam, penalty)`."""
    return lambda *given: beam_search(*change(*given))


def _around(change):
    """The right search around a changed step: `change(step, ids, states)`."""
    return lambda step, *rest: beam_search(lambda ids, states: change(step, ids, states), *rest)


def _rescored(change):
    return _around(lambda step, ids, states: (change(step(ids, states)[0]), step(ids, states)[1]))


answers(
    "beam_search",
    _found,
    ids_only=lambda ids, score, given: ids,
    swapped=lambda ids, score, given: (score, ids),
    ids_in_a_tensor=lambda ids, score, given: (torch.tensor(ids), score),
    ids_in_a_tuple=lambda ids, score, given: (tuple(ids), score),
    bos_in_front=lambda ids, score, given: ([given[2], *ids], score),
    always_ended=lambda ids, score, given: ([*ids, given[3]], score),
    last_word_lost=lambda ids, score, given: (ids[:-1], score),
    last_word_lost_at_the_limit=lambda ids, score, given: (ids[: given[4] - 1], score),
    first_word_lost=lambda ids, score, given: (ids[1:], score),
    at_least_one_word=lambda ids, score, given: (ids or [given[3]], score),
    zero_dimensional_tensors=lambda ids, score, given: ([torch.tensor(word) for word in ids], score),
    score_negated=lambda ids, score, given: (ids, -score),
    score_as_probability=lambda ids, score, given: (ids, math.exp(score)),
    score_in_bits=lambda ids, score, given: (ids, score / math.log(2)),
    score_rounded=lambda ids, score, given: (ids, round(score, 3)),
    score_as_text=lambda ids, score, given: (ids, str(score)),
    score_missing=lambda ids, score, given: (ids, None),
    score_in_a_vector=lambda ids, score, given: (ids, torch.tensor([score, score])),
    score_of_the_words=lambda ids, score, given: (ids, score * max(len(ids), 1)),
    with_length=lambda ids, score, given: (ids, score, len(ids)),
    backwards=lambda ids, score, given: (ids[::-1], score),
    in_a_list=lambda ids, score, given: [(ids, score)],
)
answers(
    "beam_search",
    _asked,
    one_step_more=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n + 1, k, p),
    one_step_less=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, max(n - 1, 1), k, p),
    beam_one_wider=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, k + 1, p),
    beam_one_narrower=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, max(k - 1, 1), p),
    beam_doubled=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, 2 * k, p),
    beam_at_least_two=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, max(k, 2), p),
    everything_searched=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, 40, p),
    penalty_at_most_one=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, k, min(p, 1.0)),
    penalty_halved=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, k, p / 2),
    penalty_whole=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, k, int(p)),
    penalty_never_zero=lambda step, s, bos, eos, n, k, p: (step, s, bos, eos, n, k, p or 1.0),
    bos_is_1=lambda step, s, bos, eos, n, k, p: (step, s, 1, eos, n, k, p),
    eos_is_2=lambda step, s, bos, eos, n, k, p: (step, s, bos, 2, n, k, p),
    specials_swapped=lambda step, s, bos, eos, n, k, p: (step, s, eos, bos, n, k, p),
    bos_is_eos=lambda step, s, bos, eos, n, k, p: (step, s, eos, eos, n, k, p),
    no_end=lambda step, s, bos, eos, n, k, p: (step, s, bos, -1, n, k, p),
)
answers(
    "beam_search",
    _around,
    states_of_the_first=lambda step, ids, states: step(ids, [states[0]] * len(ids)),
    states_backwards=lambda step, ids, states: step(ids, states[::-1]),
    new_states_backwards=lambda step, ids, states: (step(ids, states)[0], step(ids, states)[1][::-1]),
    old_states=lambda step, ids, states: (step(ids, states)[0], states),
    ids_backwards=lambda step, ids, states: step(ids.flip(0), states),
    first_id_for_all=lambda step, ids, states: step(ids[:1].expand_as(ids), states),
    ids_in_a_column=lambda step, ids, states: step(ids[:, None], states),
    ids_in_a_list=lambda step, ids, states: step(ids.tolist(), states),
    ids_in_int32=lambda step, ids, states: step(ids.int(), states),
    states_stacked=lambda step, ids, states: step(ids, torch.stack(states)),
    one_state_only=lambda step, ids, states: step(ids, states[0]),
    states_cloned=lambda step, ids, states: step(ids, [state.clone() for state in states]),
    states_indexed=lambda step, ids, states: step(ids, [state[:, :1] for state in states]),
    states_in_dicts=lambda step, ids, states: (step(ids, states)[0], [{"state": s} for s in step(ids, states)[1]]),
)
answers(
    "beam_search",
    _rescored,
    softened=lambda logits: logits / 2,
    sharpened=lambda logits: logits * 2,
    sigmoid=lambda logits: logits.sigmoid().log(),
    over_the_beam=lambda logits: logits.log_softmax(0),
    clamped=lambda logits: logits.softmax(1).clamp(min=0.01).log(),
    rounded=lambda logits: logits.round(),
    half_precision=lambda logits: logits.half().double(),
    two_best_only=lambda logits: logits.masked_fill(logits < logits.topk(2, 1).values[:, -1:], -torch.inf),
    best_only=lambda logits: logits.masked_fill(logits < logits.amax(1, keepdim=True), -torch.inf),
    no_repeated_shift=lambda logits: logits + torch.arange(logits.shape[1]) * 0.01,
)


def _loop(
    step, state, bos_id, eos_id, max_len, beam_size, *, width=None, keep=None, leave=True, early=None, score=None,
    pool=None, first=False, skip_end=False,
):
    """The right search, told in full so that parts of it can be replaced."""
    beam, finished = [([], 0.0, state)], []
    for t in range(max_len):
        logits, states = step(torch.tensor([(words or [bos_id])[-1] for words, _, _ in beam]), [b[2] for b in beam])
        log_p = logits.log_softmax(1) if score is None else score(logits)
        found = [
            ([*words, w], total + log_p[row, w].item(), states[row])
            for row, (words, total, _) in enumerate(beam) for w in range(logits.shape[1])
        ]
        if first and t == 0:
            found = [one for one in found if one[0] != [eos_id]]
        found.sort(key=lambda one: -one[1])
        if skip_end:
            ends = [one for one in found[: skip_end * beam_size] if one[0][-1] == eos_id]
            kept = ends + [one for one in found if one[0][-1] != eos_id][:beam_size]
        elif keep is not None:
            kept = keep(found, finished, beam_size, eos_id)
        else:
            kept = found[: beam_size if width is None else width(beam_size, finished)]
        finished += [one for one in kept if one[0][-1] == eos_id]
        beam = [one for one in kept if one[0][-1] != eos_id]
        if not beam or (early is not None and early(finished, beam, beam_size)):
            break
    return finished, beam


def _pick(found, eos_id, penalty, length=len):
    scored = [(words, total / length(words) ** penalty) for words, total, _ in found]
    words, score = max(scored, key=lambda one: one[1])
    return (words[:-1] if words[-1] == eos_id else words), score


def _searched(options):
    def answer(step, state, bos, eos, n, k, penalty):
        finished, beam = _loop(step, state, bos, eos, n, k, **options)
        return _pick([*finished, *beam], eos, penalty)

    return answer


def _crowded(found, finished, beam_size, eos_id):
    """Ended ones stay in the beam until better ones push them out."""
    kept = sorted([*finished, *found], key=lambda one: -one[1])[:beam_size]
    finished.clear()
    return kept


def _different_words(found, finished, beam_size, eos_id):
    """No two continuations by the same word."""
    return list({one[0][-1]: one for one in reversed(found)}.values())[-beam_size:]


answers(
    "beam_search",
    _searched,
    crowded={"keep": _crowded},
    always_so_many_open={"skip_end": 1},
    twice_as_many_looked_at={"skip_end": 2},
    different_words={"keep": _different_words},
    never_empty={"first": True},
    stops_when_the_best_is_ended={
        "early": lambda ended, beam, k: max((e[1] for e in ended), default=-math.inf) > beam[0][1]},
    stops_when_an_ended_mean_is_best={
        "early": lambda ended, beam, k: max((e[1] / len(e[0]) for e in ended), default=-math.inf)
        > max(b[1] / len(b[0]) for b in beam)},
    stops_at_beam_size_ends={"early": lambda ended, beam, k: len(ended) >= k},
    stops_at_two_ends={"early": lambda ended, beam, k: len(ended) >= 2},
    worst_kept={"keep": lambda found, ended, k, eos: found[-k:]},
    not_pruned={"keep": lambda found, ended, k, eos: found[: 4 * k]},
    one_less_for_each_end={"width": lambda k, ended: max(k - len(ended), 1)},
    wide_first_step_only={"keep": lambda found, ended, k, eos: found[: k if len(found[0][0]) == 1 else 1]},
    narrow_first_step={"keep": lambda found, ended, k, eos: found[: 1 if len(found[0][0]) == 1 else k]},
    probabilities_multiplied_by_logits={"score": lambda logits: logits.softmax(1) * logits},
)


def _finally(change):
    """The right search with another choice at the end: `change(finished, open, eos, penalty, max_len)`."""
    def answer(step, state, bos, eos, n, k, penalty):
        return change(*_loop(step, state, bos, eos, n, k), eos, penalty, n)

    return answer


answers(
    "beam_search",
    _finally,
    first_ended=lambda ended, beam, eos, p, n: _pick((ended or beam)[:1], eos, p),
    last_ended=lambda ended, beam, eos, p, n: _pick((ended or beam)[-1:], eos, p),
    best_open=lambda ended, beam, eos, p, n: _pick(beam or ended, eos, p),
    likeliest_two=lambda ended, beam, eos, p, n: _pick(sorted([*ended, *beam], key=lambda one: -one[1])[:2], eos, p),
    first_two=lambda ended, beam, eos, p, n: _pick([*ended, *beam][:2], eos, p),
    longest=lambda ended, beam, eos, p, n: _pick([max([*ended, *beam], key=lambda one: len(one[0]))], eos, p),
    by_sum_then_scored=lambda ended, beam, eos, p, n: _pick([max([*ended, *beam], key=lambda one: one[1])], eos, p),
    by_mean_then_scored=lambda ended, beam, eos, p, n: _pick(
        [max([*ended, *beam], key=lambda one: one[1] / len(one[0]))], eos, p),
    worst=lambda ended, beam, eos, p, n: _pick([min([*ended, *beam], key=lambda one: one[1])], eos, p),
    open_ones_unscored=lambda ended, beam, eos, p, n: max(
        [_pick([one], eos, p) for one in ended] + [_pick([one], eos, 0) for one in beam], key=lambda one: one[1]),
    open_ones_longer=lambda ended, beam, eos, p, n: _pick(
        [*ended, *beam], eos, p, lambda words: len(words) + (words[-1] != eos)),
    ended_ones_shorter=lambda ended, beam, eos, p, n: _pick(
        [*ended, *beam], eos, p, lambda words: max(len(words) - (words[-1] == eos), 1)),
    all_of_full_length=lambda ended, beam, eos, p, n: _pick([*ended, *beam], eos, p, lambda words: n),
    penalty_of_wu=lambda ended, beam, eos, p, n: _pick([*ended, *beam], eos, p, lambda words: (5 + len(words)) / 6),
    penalty_times_length=lambda ended, beam, eos, p, n: max(
        [(w[:-1] if w[-1] == eos else w, t / max(p * len(w), 1e-9)) for w, t, _ in [*ended, *beam]],
        key=lambda one: one[1]),
    reward_per_word=lambda ended, beam, eos, p, n: max(
        [(w[:-1] if w[-1] == eos else w, t + p * len(w)) for w, t, _ in [*ended, *beam]], key=lambda one: one[1]),
)


@wrong("beam_search")
def begins_with_copies(step, state, bos_id, eos_id, max_len, beam_size, length_penalty):
    """The first hypothesis stands `beam_size` times in the beam: so do its best continuations."""
    beam, finished = [([], 0.0, state)] * beam_size, []
    for _ in range(max_len):
        logits, states = step(torch.tensor([(words or [bos_id])[-1] for words, _, _ in beam]), [b[2] for b in beam])
        log_p = logits.log_softmax(1)
        found = [
            ([*words, w], total + log_p[row, w].item(), states[row])
            for row, (words, total, _) in enumerate(beam) for w in range(logits.shape[1])
        ]
        kept = sorted(found, key=lambda one: -one[1])[:beam_size]
        finished += [one for one in kept if one[0][-1] == eos_id]
        beam = [one for one in kept if one[0][-1] != eos_id]
        if not beam:
            break
    return _pick([*finished, *beam], eos_id, length_penalty)


@wrong("beam_search")
def ended_ones_compete_by_score(step, state, bos_id, eos_id, max_len, beam_size, length_penalty):
    """Ended hypotheses stay in the beam, ranked by their scores among the others."""
    def keep(found, finished, k, eos):
        kept = sorted([*finished, *found], key=lambda one: -one[1] / len(one[0]) ** length_penalty)[:k]
        finished.clear()
        return kept

    finished, beam = _loop(step, state, bos_id, eos_id, max_len, beam_size, keep=keep)
    return _pick([*finished, *beam], eos_id, length_penalty)


@wrong("beam_search")
def greedy_by_step(step, state, bos_id, eos_id, max_len, beam_size, length_penalty):
    """Keeps one hypothesis alone."""
    words, total = [], 0.0
    for _ in range(max_len):
        logits, (state,) = step(torch.tensor([(words or [bos_id])[-1]]), [state])
        value, word = logits.log_softmax(1).max(1)
        total += value.item()
        words.append(int(word))
        if words[-1] == eos_id:
            return words[:-1], total / len(words) ** length_penalty
    return words, total / len(words) ** length_penalty


# corpus_bleu


def _score(change):
    """The right score, changed."""
    return lambda candidates, references, max_n=4: change(corpus_bleu(candidates, references, max_n))


def _given(change):
    """The right score of other texts: `change(candidates, references, max_n)`."""
    return lambda candidates, references, max_n=4: corpus_bleu(*change(candidates, references, max_n))


def _whole(candidates, references, max_n):
    return [functools.reduce(operator.iadd, candidates, [])], [functools.reduce(operator.iadd, references, [])], max_n


def _cut(candidates, references, max_n):
    pairs = [(c[: len(r)], r) for c, r in zip(candidates, references, strict=True)]
    return [c for c, _ in pairs], [r for _, r in pairs], max_n


def _non_empty(candidates, references, max_n):
    pairs = [(c, r) for c, r in zip(candidates, references, strict=True) if c and r]
    return [c for c, _ in pairs], [r for _, r in pairs], max_n


def _long_enough(candidates, references, max_n):
    pairs = [(c, r) for c, r in zip(candidates, references, strict=True) if len(c) >= max_n]
    return [c for c, _ in pairs], [r for _, r in pairs], max_n


def _ended(candidates, references, max_n):
    return [[*c, "</s>"] for c in candidates], [[*r, "</s>"] for r in references], max_n


def _removing(candidates, references, max_n=4):
    found = corpus_bleu(candidates, references, max_n)
    for reference in references:
        if reference:
            reference.pop()
    return found


def _padding(candidates, references, max_n=4):
    found = corpus_bleu(candidates, references, max_n)
    for candidate in candidates:
        candidate.append("<eos>")
    return found


answers(
    "corpus_bleu",
    _score,
    percent=lambda score: 100 * score,
    rounded=lambda score: round(score, 2),
    rounded_per_cent=lambda score: round(100 * score, 2) / 100,
    in_a_tensor=torch.tensor,
    as_text=str,
    in_a_list=lambda score: [score],
    logarithm=lambda score: math.log(score) if score else 0.0,
    complement=lambda score: 1 - score,
    never_zero=lambda score: max(score, 1e-4),
    never_quite_one=lambda score: min(score, 0.9999),
    none_for_zero=lambda score: score or None,
    nan_for_zero=lambda score: score or math.nan,
)
answers(
    "corpus_bleu",
    _given,
    roles_swapped=lambda c, r, n: (r, c, n),
    one_long_text=_whole,
    candidates_cut=_cut,
    empty_pairs_left_out=_non_empty,
    short_candidates_left_out=_long_enough,
    sentences_ended=_ended,
    letters_for_words=lambda c, r, n: ([list("".join(s)) for s in c], [list("".join(s)) for s in r], n),
    words_sorted=lambda c, r, n: ([sorted(s) for s in c], [sorted(s) for s in r], n),
    backwards_candidates=lambda c, r, n: ([s[::-1] for s in c], r, n),
    first_sentence=lambda c, r, n: (c[:1], r[:1], n),
    without_the_last=lambda c, r, n: (c[:-1], r[:-1], n),
    one_order_less=lambda c, r, n: (c, r, max(n - 1, 1)),
    one_order_more=lambda c, r, n: (c, r, n + 1),
    single_words=lambda c, r, n: (c, r, 1),
    at_most_four=lambda c, r, n: (c, r, min(n, 4)),
    at_least_two=lambda c, r, n: (c, r, max(n, 2)),
    three_by_default=lambda c, r, n: (c, r, 3 if n == 4 else n),
    first_five_words=lambda c, r, n: ([s[:5] for s in c], [s[:5] for s in r], n),
    repeated_words_dropped=lambda c, r, n: ([list(dict.fromkeys(s)) for s in c], r, n),
)
wrong("corpus_bleu")(_removing)
wrong("corpus_bleu")(_padding)


def _counts(tokens, n):
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _bleu(options):
    """The right score, told in full so that parts of it can be replaced."""
    def answer(candidates, references, max_n=4):
        c, r = sum(map(len, candidates)), sum(map(len, references))
        shares = []
        for n in range(1, max_n + 1):
            hits = total = 0
            for said, meant in zip(candidates, references, strict=True):
                said, meant = _counts(said, n), _counts(meant, n)
                hits += options.get("hits", lambda a, b: (a & b).total())(said, meant)
                total += options.get("total", lambda a, b: a.total())(said, meant)
            shares.append(hits / total if total else 0.0)
        mean = options.get("mean", lambda shares: math.prod(shares) ** (1 / max_n))(shares)
        return options.get("brevity", lambda c, r: min(1.0, math.exp(1 - r / c)) if c else 0.0)(c, r) * mean

    return answer


answers(
    "corpus_bleu",
    _bleu,
    clipped_at_one={"hits": lambda a, b: len(a.keys() & b.keys())},
    clipped_at_two={"hits": lambda a, b: sum(min(count, b[gram], 2) for gram, count in a.items())},
    counted_in_the_reference={"hits": lambda a, b: sum(b[gram] for gram in a)},
    any_occurrence={"hits": lambda a, b: sum(count for gram, count in a.items() if gram in b)},
    union_for_total={"total": lambda a, b: (a | b).total()},
    reference_for_total={"total": lambda a, b: b.total()},
    kinds_for_total={"total": lambda a, b: len(a)},
    longer_for_total={"total": lambda a, b: max(a.total(), b.total())},
    one_more_in_total={"total": lambda a, b: a.total() + 1},
    harmonic={"mean": lambda s: len(s) / sum(1 / x for x in s) if min(s) else 0.0},
    arithmetic={"mean": lambda s: sum(s) / len(s)},
    lowest={"mean": min},
    highest={"mean": max},
    square_root={"mean": lambda s: math.prod(s) ** 0.5},
    fourth_root={"mean": lambda s: math.prod(s) ** 0.25},
    halving_weights={"mean": lambda s: math.prod(x ** (0.5**n) for n, x in enumerate(s, 1))},
    rising_weights={"mean": lambda s: math.prod(x ** (2 * n / len(s) / (len(s) + 1)) for n, x in enumerate(s, 1))},
    first_and_last={"mean": lambda s: math.sqrt(s[0] * s[-1])},
    matched_orders_only={"mean": lambda s: math.prod(x for x in s if x) ** (1 / max(sum(x > 0 for x in s), 1))
                             if any(s) else 0.0},
    smoothed_zeros={"mean": lambda s: math.prod(max(x, 1e-3) for x in s) ** (1 / len(s))},
    ratio={"brevity": lambda c, r: min(1.0, c / r) if r else 1.0},
    squared_ratio={"brevity": lambda c, r: min(1.0, c / r) ** 2 if r else 1.0},
    exponential_of_the_difference={"brevity": lambda c, r: min(1.0, math.exp(c - r))},
    base_two={"brevity": lambda c, r: min(1.0, 2 ** (1 - r / c)) if c else 0.0},
    ratio_upside_down={"brevity": lambda c, r: math.exp(1 - c / r) if c < r else 1.0},
    no_upper_limit={"brevity": lambda c, r: math.exp(1 - r / c) if c else 0.0},
    both_ways={"brevity": lambda c, r: math.exp(-abs(1 - r / c)) if c else 0.0},
    long_ones_punished={"brevity": lambda c, r: min(1.0, math.exp(1 - c / r)) if r else 1.0},
    halfway={"brevity": lambda c, r: min(1.0, math.exp((1 - r / c) / 2)) if c else 0.0},
    no_penalty={"brevity": lambda c, r: 1.0},
    penalty_of_one_word_less={"brevity": lambda c, r: min(1.0, math.exp(1 - (r - 1) / c)) if c else 0.0},
)


@wrong("corpus_bleu")
def divides_by_nothing(candidates, references, max_n=4):
    c, r = sum(map(len, candidates)), sum(map(len, references))
    return corpus_bleu(candidates, references, max_n) * (1 if c else r / c)


@wrong("corpus_bleu")
def logarithm_of_nothing(candidates, references, max_n=4):
    found = corpus_bleu(candidates, references, max_n)
    return math.exp(math.log(found))


@wrong("corpus_bleu")
def mean_of_scores(candidates, references, max_n=4):
    scores = [corpus_bleu([c], [r], max_n) for c, r in zip(candidates, references, strict=True)]
    return sum(scores) / max(len(scores), 1)


@wrong("corpus_bleu")
def mean_weighted_by_length(candidates, references, max_n=4):
    scores = [len(c) * corpus_bleu([c], [r], max_n) for c, r in zip(candidates, references, strict=True)]
    return sum(scores) / max(sum(map(len, candidates)), 1)


@wrong("corpus_bleu")
def no_default(candidates, references, max_n):
    return corpus_bleu(candidates, references, max_n)
