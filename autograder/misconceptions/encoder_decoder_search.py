"""Named wrong answers to lesson 04: greedy decoding, beam search, BLEU."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import misconception

Step = Callable[[Any, Any], tuple[Tensor, Any]]
Rows = list[list[int]]


# greedy_decode


def _said(
    step: Step, state: Any, bos_id: int, max_len: int, batch: int, thread: bool = True, listen: bool = True
) -> Tensor:
    """The likeliest words, `(batch, max_len)`, whether a row has ended or not."""
    ids = torch.full((batch,), bos_id)
    columns = []
    for _ in range(max_len):
        logits, new_state = step(ids, state)
        state = new_state if thread else state
        columns.append(logits.argmax(dim=1))
        ids = columns[-1] if listen else ids
    return torch.stack(columns, dim=1)


def _until(rows: Rows, eos_id: int, kept: int = 0) -> Rows:
    return [row[: row.index(eos_id) + kept] if eos_id in row else row for row in rows]


@misconception("greedy_decode", "eos kept", hint="With which id does a row of yours end? Is that one a word?")
def greedy_with_eos(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    return _until(_said(step, state, bos_id, max_len, batch).tolist(), eos_id, kept=1)


@misconception("greedy_decode", "never ends", hint="What should happen to the words that a row says after its end?")
def greedy_without_end(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    return _said(step, state, bos_id, max_len, batch).tolist()


@misconception(
    "greedy_decode", "eos filtered out", hint="Is a row over at its first `eos`, or does it go on without that id?"
)
def greedy_filtered(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    rows = _said(step, state, bos_id, max_len, batch).tolist()
    return [[word for word in row if word != eos_id] for row in rows]


@misconception(
    "greedy_decode", "the first row to end ends all", hint="One row is done. Have the other rows said all they have?"
)
def greedy_any(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    said = _said(step, state, bos_id, max_len, batch)
    ends = (said == eos_id).any(dim=0).nonzero().flatten().tolist()
    return _until(said[:, : ends[0] + 1 if ends else None].tolist(), eos_id)


@misconception("greedy_decode", "state not carried", hint="Which state does the second step get: a new one?")
def greedy_stateless(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    return _until(_said(step, state, bos_id, max_len, batch, thread=False).tolist(), eos_id)


@misconception("greedy_decode", "bos at every step", hint="What does the decoder hear at its second step?")
def greedy_deaf(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    return _until(_said(step, state, bos_id, max_len, batch, listen=False).tolist(), eos_id)


@misconception("greedy_decode", "eos heard first", hint="Which id opens a sentence, and which one closes it?")
def greedy_from_eos(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    return _until(_said(step, state, eos_id, max_len, batch).tolist(), eos_id)


@misconception("greedy_decode", "bos returned", hint="Does the decoder say the first id of your rows, or hear it?")
def greedy_with_bos(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    return [[bos_id, *row] for row in _until(_said(step, state, bos_id, max_len, batch).tolist(), eos_id)]


@misconception("greedy_decode", "bos counted", hint="A row that never ends: how many words of it do you return?")
def greedy_short(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    if max_len == 1:
        return [[] for _ in range(batch)]
    return _until(_said(step, state, bos_id, max_len - 1, batch).tolist(), eos_id)


@misconception("greedy_decode", "a tensor comes back", hint="Rows end at different words. Can a tensor hold them?")
def greedy_tensor(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Tensor:
    return _said(step, state, bos_id, max_len, batch)


@misconception("greedy_decode", "ids with a step axis", hint="What does the signature of `step` say about its ids?")
def greedy_columns(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    step(torch.full((batch, 1), bos_id), state)
    return []


@misconception("greedy_decode", "drawn, not chosen", hint="Call it twice. Why do you get other words the second time?")
def greedy_sampled(step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> Rows:
    generator = torch.Generator().manual_seed(0)

    def drawing(ids: Any, state: Any) -> tuple[Tensor, Any]:
        logits, state = step(ids, state)
        drawn = torch.multinomial(logits.softmax(dim=1).cpu(), 1, generator=generator)
        return torch.zeros_like(logits).scatter_(1, drawn.to(logits.device), 1.0), state

    return _until(_said(drawing, state, bos_id, max_len, batch).tolist(), eos_id)


# beam_search


@dataclass(frozen=True)
class _Sentence:
    """Words, with the `eos` where there is one; their summed log-probability; the same before the last word."""

    ids: list[int]
    total: float
    before: float
    state: Any


Sentences = list[_Sentence]
Found = tuple[list[int], float]


def _search(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, *,
    scored: Callable[[Tensor], Tensor] = lambda logits: logits.log_softmax(dim=1), reorder: bool = True,
    summed: bool = True, one_each: bool = False, shrink: bool = False, impatient: bool = False,
) -> tuple[Sentences, Sentences]:
    """Finished and open sentences at the end of the right search, with a part of it replaced."""
    beam, finished = [_Sentence([], 0.0, 0.0, state)], list[_Sentence]()
    for _ in range(max_len):
        last = torch.tensor([one.ids[-1] if one.ids else bos_id for one in beam])
        logits, states = step(last, [one.state for one in beam])
        sums = torch.tensor([one.total if summed else 0.0 for one in beam], dtype=torch.float64)[:, None]
        totals = sums + scored(logits).double().cpu()
        if one_each and len(beam) > 1:
            totals = totals.masked_fill(totals < totals.amax(dim=1, keepdim=True), -math.inf)
        width = min(beam_size - shrink * len(finished), int((totals > -math.inf).sum()))
        kept = []
        for number, place in enumerate(totals.flatten().topk(width).indices.tolist()):
            row, word = divmod(place, totals.shape[1])
            source = states[row if reorder else min(number, len(states) - 1)]
            kept.append(_Sentence([*beam[row].ids, word], float(totals[row, word]), float(sums[row]), source))
        finished += [one for one in kept if one.ids[-1] == eos_id]
        beam = [one for one in kept if one.ids[-1] != eos_id]
        if not beam or (impatient and finished) or (shrink and len(finished) >= beam_size):
            break
    return finished, beam


def _best(sentences: Sentences, eos_id: int, penalty: float, extra: int = 0) -> Found:
    """The best by summed log-probability / length**penalty, `extra` being added to every length."""

    def score(one: _Sentence) -> float:
        return one.total / math.pow(len(one.ids) + extra, penalty)

    best = max(sentences, key=score)
    return _words(best, eos_id), score(best)


def _words(one: _Sentence, eos_id: int) -> list[int]:
    return one.ids[:-1] if one.ids[-1] == eos_id else one.ids


def _all(found: tuple[Sentences, Sentences]) -> Sentences:
    return [*found[0], *found[1]]


@misconception(
    "beam_search", "states not reordered", hint="A hypothesis that wins may come from any row. Whose state does it get?"
)
def beam_unordered(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _search(step, state, bos_id, eos_id, max_len, beam_size, reorder=False)
    return _best(_all(found), eos_id, length_penalty)


@misconception("beam_search", "greedy", hint="Try a beam of one and a beam of five. Do you ever get other words?")
def beam_greedy(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    return _best(_all(_search(step, state, bos_id, eos_id, max_len, 1)), eos_id, length_penalty)


@misconception("beam_search", "no length penalty", hint="Which argument does your choice of the best never look at?")
def beam_without_penalty(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    return _best(_all(_search(step, state, bos_id, eos_id, max_len, beam_size)), eos_id, 0.0)


@misconception(
    "beam_search", "always the mean", hint="With which `length_penalty` is your score right? Try another one."
)
def beam_mean(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    return _best(_all(_search(step, state, bos_id, eos_id, max_len, beam_size)), eos_id, 1.0)


@misconception(
    "beam_search", "the length without the end", hint="The `eos` has a probability too. Is it counted in the length?"
)
def beam_words_only(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _all(_search(step, state, bos_id, eos_id, max_len, beam_size))
    scored = [(_words(one, eos_id), one.total) for one in found]
    scored = [(ids, total / max(len(ids), 1) ** length_penalty) for ids, total in scored]
    return max(scored, key=lambda one: one[1])


@misconception(
    "beam_search", "the length with the beginning", hint="A sentence of one word that was cut off: what is its length?"
)
def beam_with_bos(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _search(step, state, bos_id, eos_id, max_len, beam_size)
    return _best(_all(found), eos_id, length_penalty, extra=1)


@misconception(
    "beam_search", "penalty multiplied", hint="A sum of logarithms is negative. What does a longer sentence gain?"
)
def beam_multiplied(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    return _best(_all(_search(step, state, bos_id, eos_id, max_len, beam_size)), eos_id, -length_penalty)


@misconception("beam_search", "logits summed", hint="Add 5 to every logit of a step. Should your score change?")
def beam_raw(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _search(step, state, bos_id, eos_id, max_len, beam_size, scored=lambda logits: logits)
    return _best(_all(found), eos_id, length_penalty)


@misconception(
    "beam_search", "probabilities summed", hint="How do the probabilities of two steps make that of both together?"
)
def beam_sum_of_probabilities(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _search(step, state, bos_id, eos_id, max_len, beam_size, scored=lambda logits: logits.softmax(dim=1))
    return _best(_all(found), eos_id, length_penalty)


@misconception("beam_search", "last word only", hint="What became of the log-probabilities of the earlier words?")
def beam_forgetful(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    return _best(_all(_search(step, state, bos_id, eos_id, max_len, beam_size, summed=False)), eos_id, length_penalty)


@misconception(
    "beam_search", "stops at the first end", hint="One hypothesis has ended. Can an open one still become better?"
)
def beam_impatient(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    finished, unfinished = _search(step, state, bos_id, eos_id, max_len, beam_size, impatient=True)
    return _best(finished or unfinished, eos_id, length_penalty)


@misconception(
    "beam_search", "open ones dropped", hint="At `max_len` some hypotheses have not ended. May one of them win?"
)
def beam_finished_only(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    finished, unfinished = _search(step, state, bos_id, eos_id, max_len, beam_size)
    return _best(finished or unfinished, eos_id, length_penalty)


@misconception(
    "beam_search", "finished ones dropped", hint="Where do you keep a hypothesis that ended three steps ago?"
)
def beam_last_only(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _all(_search(step, state, bos_id, eos_id, max_len, beam_size))
    longest = max(len(one.ids) for one in found)
    return _best([one for one in found if len(one.ids) == longest], eos_id, length_penalty)


@misconception(
    "beam_search", "the beam shrinks", hint="Two hypotheses have ended. How many continuations does the next step keep?"
)
def beam_shrinking(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    return _best(_all(_search(step, state, bos_id, eos_id, max_len, beam_size, shrink=True)), eos_id, length_penalty)


@misconception(
    "beam_search", "one continuation of each", hint="May two of the kept continuations come from one hypothesis?"
)
def beam_of_lines(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _search(step, state, bos_id, eos_id, max_len, beam_size, one_each=True)
    return _best(_all(found), eos_id, length_penalty)


@misconception(
    "beam_search", "the end costs nothing", hint="Ending is a choice like any other. Is its log-probability in the sum?"
)
def beam_free_end(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    finished, unfinished = _search(step, state, bos_id, eos_id, max_len, beam_size)
    free = [replace(one, total=one.before) for one in finished]
    return _best([*free, *unfinished], eos_id, length_penalty)


@misconception("beam_search", "eos kept", hint="With which id does your result end? Is that one a word?")
def beam_with_eos(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _all(_search(step, state, bos_id, eos_id, max_len, beam_size))
    return _best(found, -1, length_penalty)


@misconception(
    "beam_search", "the sum comes back", hint="The words are right. Which number made them win: the sum, or the score?"
)
def beam_returns_sum(
    step: Step, state: Any, bos_id: int, eos_id: int, max_len: int, beam_size: int, length_penalty: float
) -> Found:
    found = _all(_search(step, state, bos_id, eos_id, max_len, beam_size))
    best = max(found, key=lambda one: one.total / len(one.ids) ** length_penalty)
    return _words(best, eos_id), best.total


# corpus_bleu

Texts = list[list[str]]
Counts = Counter[tuple[str, ...]]


def _counts(tokens: list[str], n: int) -> Counts:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _matches(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
    """Clipped matches and n-grams of a candidate."""
    said = _counts(candidate, n)
    return (said & _counts(reference, n)).total(), said.total()


def _precisions(
    candidates: Texts, references: Texts, max_n: int,
    counted: Callable[[list[str], list[str], int], tuple[int, int]] = _matches,
) -> list[float]:
    """Of each order: matches over n-grams, both summed over sentences."""
    found = []
    for n in range(1, max_n + 1):
        pairs = [counted(c, r, n) for c, r in zip(candidates, references, strict=True)]
        found.append(sum(m for m, _ in pairs) / max(sum(t for _, t in pairs), 1))
    return found


def _mean(precisions: list[float]) -> float:
    """The geometric one."""
    if min(precisions, default=0.0) <= 0:
        return 0.0
    return math.exp(sum(map(math.log, precisions)) / len(precisions))


def _brevity(candidates: Texts, references: Texts) -> float:
    c, r = sum(map(len, candidates)), sum(map(len, references))
    return min(1.0, math.exp(1 - r / c)) if c else 0.0


@misconception("corpus_bleu", "mean of sentences", hint="Are counts summed before the division, or scores after it?")
def bleu_of_sentences(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    scores = [
        _brevity([c], [r]) * _mean(_precisions([c], [r], max_n)) for c, r in zip(candidates, references, strict=True)
    ]
    return sum(scores) / max(len(scores), 1)


@misconception(
    "corpus_bleu", "clipped over the corpus", hint="A word too many here, one missing there: may they make up for it?"
)
def bleu_clipped_late(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    precisions = []
    for n in range(1, max_n + 1):
        said = sum((_counts(c, n) for c in candidates), Counter[tuple[str, ...]]())
        meant = sum((_counts(r, n) for r in references), Counter[tuple[str, ...]]())
        precisions.append((said & meant).total() / max(said.total(), 1))
    return _brevity(candidates, references) * _mean(precisions)


@misconception(
    "corpus_bleu", "no clipping", hint="A candidate says one right word ten times. How many times does it match?"
)
def bleu_unclipped(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    def counted(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
        said, meant = _counts(candidate, n), _counts(reference, n)
        return sum(count for gram, count in said.items() if gram in meant), said.total()

    return _brevity(candidates, references) * _mean(_precisions(candidates, references, max_n, counted))


@misconception("corpus_bleu", "sets of n-grams", hint="The reference says a word twice. May a candidate, too?")
def bleu_of_sets(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    def counted(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
        said, meant = set(_counts(candidate, n)), set(_counts(reference, n))
        return len(said & meant), len(said)

    return _brevity(candidates, references) * _mean(_precisions(candidates, references, max_n, counted))


@misconception("corpus_bleu", "no brevity penalty", hint="A candidate of one safe word: what is its score?")
def bleu_without_brevity(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    return _mean(_precisions(candidates, references, max_n))


@misconception(
    "corpus_bleu", "brevity the wrong way round", hint="Which candidates are to be punished: the short, or the long?"
)
def bleu_inverted_brevity(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    return _brevity(references, candidates) * _mean(_precisions(candidates, references, max_n))


@misconception(
    "corpus_bleu", "long candidates rewarded", hint="Score a candidate that is longer than its reference. Too good?"
)
def bleu_unbounded_brevity(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    c, r = sum(map(len, candidates)), sum(map(len, references))
    return math.exp(1 - r / c) * _mean(_precisions(candidates, references, max_n)) if c else 0.0


@misconception(
    "corpus_bleu", "brevity of each sentence", hint="Whose lengths go into the penalty: a sentence's, or the corpus's?"
)
def bleu_brevity_of_sentences(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    penalties = [_brevity([c], [r]) for c, r in zip(candidates, references, strict=True)]
    return sum(penalties) / max(len(penalties), 1) * _mean(_precisions(candidates, references, max_n))


@misconception("corpus_bleu", "a ratio for a penalty", hint="Half as long as the reference: what is the penalty then?")
def bleu_ratio(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    c, r = sum(map(len, candidates)), sum(map(len, references))
    return min(1.0, c / max(r, 1)) * _mean(_precisions(candidates, references, max_n))


@misconception(
    "corpus_bleu", "the arithmetic mean", hint="One order has no match at all. What is the score then?"
)
def bleu_arithmetic(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    return _brevity(candidates, references) * sum(_precisions(candidates, references, max_n)) / max_n


@misconception("corpus_bleu", "no root", hint="Four precisions of one half: is their mean one half?")
def bleu_product(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    return _brevity(candidates, references) * math.prod(_precisions(candidates, references, max_n))


@misconception("corpus_bleu", "the longest n-grams only", hint="How many precisions are there between 1 and `max_n`?")
def bleu_of_longest(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    return _brevity(candidates, references) * _precisions(candidates, references, max_n)[-1]


@misconception("corpus_bleu", "recall", hint="The share of whose n-grams: the candidate's, or the reference's?")
def bleu_recall(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    return _brevity(candidates, references) * _mean(_precisions(references, candidates, max_n))


@misconception("corpus_bleu", "smoothed", hint="An order without a match: what does the exercise want the score to be?")
def bleu_smoothed(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    precisions = []
    for n in range(1, max_n + 1):
        pairs = [_matches(c, r, n) for c, r in zip(candidates, references, strict=True)]
        precisions.append((sum(m for m, _ in pairs) + 1) / (sum(t for _, t in pairs) + 1))
    return _brevity(candidates, references) * _mean(precisions)


@misconception(
    "corpus_bleu", "orders without n-grams left out", hint="All sentences have two words. What are their four-grams?"
)
def bleu_effective_order(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    found = [p for p in _precisions(candidates, references, max_n) if p > 0]
    return _brevity(candidates, references) * _mean(found)


@misconception("corpus_bleu", "letters joined", hint='Are the word pairs ("a", "aa") and ("aa", "a") the same?')
def bleu_joined(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    def counted(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
        said, meant = (
            Counter("".join(gram) for gram in _counts(tokens, n).elements()) for tokens in (candidate, reference)
        )
        return (said & meant).total(), said.total()

    return _brevity(candidates, references) * _mean(_precisions(candidates, references, max_n, counted))


@misconception("corpus_bleu", "always up to four", hint="Which argument is never used?")
def bleu_of_four(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    return _brevity(candidates, references) * _mean(_precisions(candidates, references, 4))


@misconception("corpus_bleu", "per cent", hint="Between which two numbers does the score lie?")
def bleu_percent(candidates: Texts, references: Texts, max_n: int = 4) -> float:
    return 100 * _brevity(candidates, references) * _mean(_precisions(candidates, references, max_n))
