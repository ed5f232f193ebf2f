"""Wrong answers to lesson 01 beyond the named misconceptions: tokens, counts, perplexity. `WRONG[exercise]` lists them.

Many are wrong in one place only: one count, one tie, one dtype, far from the start.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from autograder.reference.language_models import (
    SPECIALS,
    bigram_model,
    bpe_merges,
    bpe_tokenize,
    build_vocab,
    encode,
    merge_pair,
    perplexity,
    task_shape,
)  # fmt: skip

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


among(
    "task_shape",
    never_aligned=lambda n, m, a: task_shape(n, m, False),
    nothing=lambda n, m, a: None,
    always_one=lambda n, m, a: "one-to-one",
    always_many=lambda n, m, a: "many-to-many aligned" if a else "many-to-many unaligned",
    with_blanks=lambda n, m, a: task_shape(n, m, a).replace("-", " "),
    capitals=lambda n, m, a: task_shape(n, m, a).capitalize(),
    with_a_comma=lambda n, m, a: task_shape(n, m, a).replace(" ", ", "),
    many_outputs_from_three=lambda n, m, a: task_shape(n, m if m > 2 else 1, a),
    many_inputs_from_three=lambda n, m, a: task_shape(n if n > 2 else 1, m, a),
    one_to_one_for_all_equal=lambda n, m, a: "one-to-one" if n == m and not a else task_shape(n, m, a),
    unaligned_means_different=lambda n, m, a: task_shape(n, m, n == m or a),
    as_a_pair=lambda n, m, a: (task_shape(n, m, a),),
    aligned_said_everywhere=lambda n, m, a: task_shape(n, m, a).split(" ")[0] + (" aligned" if a else " unaligned"),
    to_one_swapped=lambda n, m, a: {"one-to-many": "many-to-one"}.get(task_shape(n, m, a), task_shape(n, m, a)),
    numbers=lambda n, m, a: f"{n}-to-{m}",
    more_inputs_are_aligned=lambda n, m, a: task_shape(n, m, a or n > m),
)


def _after(change: Callable[[dict[str, int]], Any]) -> Any:
    return lambda tokens, min_freq=1, specials=SPECIALS: change(build_vocab(tokens, min_freq, specials))


def _ordered(key: Callable[[str, int], Any], reverse: bool = False) -> Any:
    def vocab(tokens, min_freq=1, specials=SPECIALS):
        kept = {t: n for t, n in Counter(tokens).items() if n >= min_freq and t not in specials}
        names = sorted(kept, key=lambda t: key(t, kept[t]), reverse=reverse)
        return {t: i for i, t in enumerate([*specials, *names])}

    return vocab


among(
    "build_vocab",
    ids_from_one=_after(lambda v: {t: i + 1 for t, i in v.items()}),
    tokens_by_id=_after(lambda v: {i: t for t, i in v.items()}),
    a_list=_after(list),
    pairs=_after(lambda v: list(v.items())),
    float_ids=_after(lambda v: {t: float(i) for t, i in v.items()}),
    nothing=_after(lambda v: None),
    reversed_ties=_ordered(lambda t, n: (n, t), reverse=True),
    ties_by_length=_ordered(lambda t, n: (-n, len(t), t)),
    ties_by_folded_name=_ordered(lambda t, n: (-n, t.casefold(), t)),
    ties_by_swapped_case=_ordered(lambda t, n: (-n, t.swapcase())),
    ascii_first=_ordered(lambda t, n: (-n, t.isascii(), t)),
    by_bytes_from_the_end=_ordered(lambda t, n: (-n, t.encode()[::-1])),
    counts_as_text=_ordered(lambda t, n: (-int(str(n)[0]), t)),
    frequent_capped=_ordered(lambda t, n: (-min(n, 3), t)),
    lowered=lambda tokens, f=1, specials=SPECIALS: build_vocab([t.lower() for t in tokens], f, specials),
    default_two=lambda tokens, min_freq=2, specials=SPECIALS: build_vocab(tokens, min_freq, specials),
    min_freq_at_least_two=lambda tokens, min_freq=1, specials=SPECIALS: build_vocab(
        tokens, min_freq if min_freq != 3 else 2, specials
    ),
    below_instead=lambda tokens, min_freq=1, specials=SPECIALS: build_vocab(
        [t for t in tokens if tokens.count(t) <= min_freq], 1, specials
    ),
    default_specials_kept_out=lambda tokens, min_freq=1, specials=SPECIALS: build_vocab(
        [t for t in tokens if t not in SPECIALS], min_freq, specials
    ),
    specials_sorted=lambda tokens, min_freq=1, specials=SPECIALS: build_vocab(tokens, min_freq, sorted(specials)),
    no_specials=lambda tokens, min_freq=1, specials=SPECIALS: build_vocab(
        [t for t in tokens if t not in specials], min_freq, ()
    ),
    unk_always=lambda tokens, min_freq=1, specials=SPECIALS: build_vocab(
        tokens, min_freq, specials if "<unk>" in specials else (*specials, "<unk>")
    ),
    letters_only=lambda tokens, min_freq=1, specials=SPECIALS: build_vocab(
        [t for t in tokens if t.isalpha() or t in specials], min_freq, specials
    ),
)


@wrong("build_vocab")
def specials_only_where_they_occur(tokens, min_freq=1, specials=SPECIALS):
    return build_vocab(tokens, min_freq, [s for s in specials if s in tokens] or specials)


@wrong("build_vocab")
def specials_moved_by_their_count(tokens, min_freq=1, specials=SPECIALS):
    counts = Counter(tokens)
    return build_vocab(tokens, min_freq, sorted(specials, key=lambda s: -counts[s]))


@wrong("build_vocab")
def sorts_the_text(tokens, min_freq=1, specials=SPECIALS):
    tokens.sort()
    return build_vocab(tokens, min_freq, specials)


@wrong("build_vocab")
def last_token_forgotten(tokens, min_freq=1, specials=SPECIALS):
    return build_vocab(tokens[:-1], min_freq, specials)


@wrong("build_vocab")
def specials_count_below(tokens, min_freq=1, specials=SPECIALS):
    """Gives the special its place among the ordinary tokens."""
    kept = {t: n for t, n in Counter(tokens).items() if n >= min_freq}
    names = sorted(kept, key=lambda t: (-kept[t], t))
    return {t: i for i, t in enumerate([*(s for s in specials if s not in names), *names])}


among(
    "encode",
    a_tuple=lambda tokens, vocab: tuple(encode(tokens, vocab)),
    a_generator=lambda tokens, vocab: (i for i in encode(tokens, vocab)),
    nothing=lambda tokens, vocab: None,
    minus_one=lambda tokens, vocab: [vocab.get(t, -1) for t in tokens],
    none_for_unknown=lambda tokens, vocab: [vocab.get(t) for t in tokens],
    length_for_unknown=lambda tokens, vocab: [vocab.get(t, len(vocab)) for t in tokens],
    unk_by_place=lambda tokens, vocab: [vocab.get(t, list(vocab).index("<unk>")) for t in tokens],
    sorted_ids=lambda tokens, vocab: sorted(encode(tokens, vocab)),
    ids_once=lambda tokens, vocab: list(dict.fromkeys(encode(tokens, vocab))),
    by_place=lambda tokens, vocab: [list(vocab).index(t) if t in vocab else vocab["<unk>"] for t in tokens],
    specials_unknown=lambda tokens, vocab: [
        vocab["<unk>"] if t.startswith("<") else vocab.get(t, vocab["<unk>"]) for t in tokens
    ],
    stripped=lambda tokens, vocab: encode([t.strip("<>-") for t in tokens], vocab),
    with_bos=lambda tokens, vocab: [vocab.get("<bos>", 0), *encode(tokens, vocab)],
    lower_if_unknown=lambda tokens, vocab: encode([t if t in vocab else t.lower() for t in tokens], vocab),
    capital_if_unknown=lambda tokens, vocab: encode([t if t in vocab else t.capitalize() for t in tokens], vocab),
    float_ids=lambda tokens, vocab: [float(i) for i in encode(tokens, vocab)],
    one_number=lambda tokens, vocab: encode(tokens, vocab)[0] if len(tokens) == 1 else encode(tokens, vocab),
    letters=lambda tokens, vocab: encode(list("".join(tokens)), vocab),
    ascii_only=lambda tokens, vocab: encode([t for t in tokens if t.isascii()], vocab),
    fails_on_nothing=lambda tokens, vocab: [encode(tokens, vocab)[0], *encode(tokens, vocab)[1:]],
)


@wrong("encode")
def remembers_the_unknown(tokens, vocab):
    ids = []
    for token in tokens:
        vocab.setdefault(token, vocab["<unk>"])
        ids.append(vocab[token])
    return ids


def _learner(
    start: Any = lambda word: (*word, "</w>"), places: Any = itertools.pairwise, weight: Any = lambda n: n,
    key: Any = lambda pair, n: (-n, pair), merge: Any = merge_pair, least: int = 1,
) -> Any:
    """Byte-pair encoding with one part exchanged."""

    def learn(word_counts, num_merges):
        words = [(tuple(start(word)), n) for word, n in word_counts.items()]
        merges = []
        for _ in range(num_merges):
            counts = Counter()
            for symbols, n in words:
                for pair in places(symbols):
                    counts[pair] += weight(n)
            counts = Counter({pair: n for pair, n in counts.items() if n >= least})
            if not counts:
                break
            best = min(counts, key=lambda pair: key(pair, counts[pair]))
            merges.append(best)
            words = [(tuple(merge(symbols, best)), n) for symbols, n in words]
        return merges

    return learn


def _merge_from_the_right(symbols, pair):
    return tuple(s[::-1] for s in merge_pair([s[::-1] for s in symbols[::-1]], (pair[1][::-1], pair[0][::-1])))[::-1]


def _merge_runs(symbols, pair):
    """A run of one symbol becomes one symbol."""
    if pair[0] != pair[1]:
        return merge_pair(symbols, pair)
    runs = [(symbol, len(list(group))) for symbol, group in itertools.groupby(symbols)]
    return tuple(x for symbol, n in runs for x in ([symbol * n] if symbol == pair[0] and n > 1 else [symbol] * n))


among(
    "bpe_merges",
    end_at_the_start=_learner(start=lambda word: ("</w>", *word)),
    end_on_the_last_letter=_learner(start=lambda word: (*word[:-1], word[-1:] + "</w>")),
    end_in_letters=_learner(start=lambda word: tuple(word + "</w>")),
    another_end=_learner(start=lambda word: (*word, "_")),
    lowered=_learner(start=lambda word: (*word.lower(), "</w>")),
    root_of_counts=_learner(weight=lambda n: n**0.5),
    square_of_counts=_learner(weight=lambda n: n * n),
    counts_capped=_learner(weight=lambda n: min(n, 5)),
    rarest_first=_learner(key=lambda pair, n: (n, pair)),
    ties_by_the_joined=_learner(key=lambda pair, n: (-n, "".join(pair), pair)),
    ties_by_the_second=_learner(key=lambda pair, n: (-n, pair[1], pair[0])),
    ties_by_length=_learner(key=lambda pair, n: (-n, len("".join(pair)), pair)),
    ties_to_longest=_learner(key=lambda pair, n: (-n, -len("".join(pair)), pair)),
    ties_folded=_learner(key=lambda pair, n: (-n, tuple(s.casefold() for s in pair), pair)),
    ties_by_the_first_only=_learner(key=lambda pair, n: (-n, pair[0])),
    ties_by_second_backwards=_learner(key=lambda pair, n: (-n, pair[0], [-ord(c) for c in pair[1]])),
    merged_from_the_right=_learner(merge=_merge_from_the_right),
    runs_at_once=_learner(merge=_merge_runs),
    only_pairs_seen_twice=_learner(least=2),
    first_pair_left_out=_learner(places=lambda s: list(itertools.pairwise(s))[1:] if len(s) > 3 else s[:0]),
    end_never_merged=_learner(places=lambda s: [p for p in itertools.pairwise(s) if p[1] != "</w>"]),
    inner_ends_never_merged=_learner(places=lambda s: [p for p in itertools.pairwise(s) if len("".join(p)) < 8]),
    letters_only=_learner(places=lambda s: [p for p in itertools.pairwise(s) if "".join(p).isascii()]),
    one_too_many=lambda counts, n: bpe_merges(counts, n + 1),
    one_too_few=lambda counts, n: bpe_merges(counts, max(n - 1, 0)),
    at_least_one=lambda counts, n: bpe_merges(counts, max(n, 1)),
    at_most_eight=lambda counts, n: bpe_merges(counts, min(n, 8)),
    backwards=lambda counts, n: bpe_merges(counts, n)[::-1],
    lists=lambda counts, n: [list(pair) for pair in bpe_merges(counts, n)],
    a_tuple_of_pairs=lambda counts, n: tuple(bpe_merges(counts, n)),
    joined_by_a_blank=lambda counts, n: [" ".join(pair) for pair in bpe_merges(counts, n)],
    with_ranks=lambda counts, n: {pair: i for i, pair in enumerate(bpe_merges(counts, n))},
    with_results=lambda counts, n: [(*pair, "".join(pair)) for pair in bpe_merges(counts, n)],
    first_word_only=lambda counts, n: bpe_merges(dict(list(counts.items())[:1]), n),
    nothing=lambda counts, n: None,
)


@wrong("bpe_merges")
def uses_up_the_counts(word_counts, num_merges):
    found = bpe_merges(word_counts, num_merges)
    word_counts.clear()
    return found


@wrong("bpe_merges")
def never_the_same_symbol_twice(word_counts, num_merges):
    return [pair for pair in bpe_merges(word_counts, num_merges) if pair[0] != pair[1]]


@wrong("bpe_merges")
def fills_up_with_the_last(word_counts, num_merges):
    found = bpe_merges(word_counts, num_merges)
    return found + found[-1:] * (num_merges - len(found))


def _applied(merge: Any, start: Any = lambda word: (*word, "</w>")) -> Any:
    def tokenize(word, merges):
        symbols = tuple(start(word))
        for pair in merges:
            symbols = tuple(merge(symbols, pair))
        return list(symbols)

    return tokenize


def _merge_overlapping(symbols, pair):
    """Joins at every place, also where the last join has used the symbol."""
    out = []
    for i, symbol in enumerate(symbols):
        if i + 1 < len(symbols) and (symbol, symbols[i + 1]) == pair:
            out.append("".join(pair))
        elif i == 0 or (symbols[i - 1], symbol) != pair:
            out.append(symbol)
    return out


def _merge_until_nothing(symbols, pair):
    before = None
    while before != symbols:
        before, symbols = symbols, merge_pair(symbols, pair)
    return symbols


def _until_stable(word, merges):
    symbols, before = (*word, "</w>"), None
    while symbols != before:
        before = symbols
        for pair in merges:
            symbols = merge_pair(symbols, pair)
    return list(symbols)


among(
    "bpe_tokenize",
    from_the_right=_applied(_merge_from_the_right),
    runs_at_once=_applied(_merge_runs),
    overlapping=_applied(_merge_overlapping),
    twice_each=_applied(lambda s, p: _merge_until_nothing(merge_pair(s, p), p) if p[0] == p[1] else s),
    end_at_the_start=_applied(merge_pair, start=lambda word: ("</w>", *word)),
    end_on_the_last_letter=_applied(merge_pair, start=lambda word: (*word[:-1], word[-1:] + "</w>")),
    lowered=_applied(merge_pair, start=lambda word: (*word.lower(), "<", "/w>")),
    until_stable=_until_stable,
    two_passes=lambda word, merges: bpe_tokenize(word, merges + merges),
    sorted_merges=lambda word, merges: bpe_tokenize(word, sorted(merges)),
    longest_merges_first=lambda word, merges: bpe_tokenize(word, sorted(merges, key=lambda p: -len("".join(p)))),
    shortest_merges_first=lambda word, merges: bpe_tokenize(word, sorted(merges, key=lambda p: len("".join(p)))),
    first_merge_only=lambda word, merges: bpe_tokenize(word, merges[:1]),
    without_the_last_merge=lambda word, merges: bpe_tokenize(word, merges[:-1]),
    first_five_merges=lambda word, merges: bpe_tokenize(word, merges[:5]),
    without_the_first_merge=lambda word, merges: bpe_tokenize(word, merges[1:]),
    letters=lambda word, merges: [*word, "</w>"],
    whole_word=lambda word, merges: [word + "</w>"],
    a_tuple=lambda word, merges: tuple(bpe_tokenize(word, merges)),
    a_text=lambda word, merges: " ".join(bpe_tokenize(word, merges)),
    end_apart=lambda word, merges: [
        x for s in bpe_tokenize(word, merges) for x in ([s[:-4], "</w>"] if s.endswith("</w>") and s[:-4] else [s])
    ],
    end_twice=lambda word, merges: [*bpe_tokenize(word, merges), "</w>"],
    backwards=lambda word, merges: bpe_tokenize(word, merges)[::-1],
    marked=lambda word, merges: [s if s.endswith("</w>") else s + "@@" for s in bpe_tokenize(word, merges)],
    nothing_for_nothing=lambda word, merges: bpe_tokenize(word, merges) if word else [],
    only_new_symbols=lambda word, merges: [s for s in bpe_tokenize(word, merges) if len(s) > 1],
    nothing=lambda word, merges: None,
)


@wrong("bpe_tokenize")
def best_of_two_neighbours(word, merges):
    """Goes through the word once and joins what it can, whatever the rank."""
    out = []
    for symbol in (*word, "</w>"):
        out.append(symbol)
        while len(out) > 1 and (out[-2], out[-1]) in merges:
            out[-2:] = ["".join(out[-2:])]
    return out


@wrong("bpe_tokenize")
def takes_the_merges_away(word, merges):
    symbols = (*word, "</w>")
    while merges:
        symbols = merge_pair(symbols, merges.pop(0))
    return list(symbols)


@wrong("bpe_tokenize")
def last_place_only(word, merges):
    symbols = [*word, "</w>"]
    for pair in merges:
        places = [i for i, found in enumerate(itertools.pairwise(symbols)) if found == pair]
        if places:
            symbols[places[-1] : places[-1] + 2] = ["".join(pair)]
    return symbols


def _table(change: Callable[..., Any]) -> Any:
    """A bigram model from the counts, by hand."""

    def model(ids, vocab_size, alpha):
        counts = torch.zeros(vocab_size, vocab_size)
        counts.index_put_((ids[:-1], ids[1:]), torch.ones(len(ids) - 1), accumulate=True)
        return change(counts, alpha)

    return model


def _rows(x):
    return x / x.sum(dim=1, keepdim=True)


among(
    "bigram_model",
    alpha_divided=_table(lambda c, a: _rows(c + a / len(c))),
    alpha_twice=_table(lambda c, a: _rows(c + 2 * a)),
    alpha_root=_table(lambda c, a: _rows(c + a**0.5)),
    alpha_at_least_one=_table(lambda c, a: _rows(c + max(a, 1.0))),
    alpha_at_most_one=_table(lambda c, a: _rows(c + min(a, 1.0))),
    alpha_whole=_table(lambda c, a: _rows(c + round(a + 0.49))),
    alpha_only_for_unseen=_table(lambda c, a: _rows(torch.where(c == 0, a, c))),
    alpha_only_in_empty_rows=_table(lambda c, a: _rows(torch.where(c.sum(1, keepdim=True) == 0, a, c))),
    alpha_only_in_seen_rows=_table(lambda c, a: (c + a) / (c + a).sum(1, keepdim=True) * (c.sum(1, keepdim=True) > 0)),
    columns=_table(lambda c, a: (c + a) / (c + a).sum(dim=0, keepdim=True)),
    rows_without_keepdim=_table(lambda c, a: (c + a) / (c + a).sum(dim=1)),
    counts_only=_table(lambda c, a: c + a),
    logarithms=_table(lambda c, a: _rows(c + a).log()),
    mixed_with_flat=_table(lambda c, a: 0.99 * _rows(c + a) + 0.01 / len(c)),
    symmetric=_table(lambda c, a: _rows(c + c.T + a)),
    seen_pairs_only=_table(lambda c, a: _rows((c > 0) + a)),
    without_repeats=_table(lambda c, a: _rows(c - torch.diag(c.diagonal()) + a)),
    capped=_table(lambda c, a: _rows(c.clamp(max=20) + a)),
    always_float32=lambda *three: bigram_model(*three).float(),
    always_float64=lambda *three: bigram_model(*three).double(),
    float16_inside=lambda *three: bigram_model(*three).half().to(torch.get_default_dtype()),
    last_pair_missing=lambda ids, v, a: bigram_model(ids[:-1] if len(ids) > 1 else ids, v, a),
    first_pair_missing=lambda ids, v, a: bigram_model(ids[1:] if len(ids) > 1 else ids, v, a),
    around_the_end=lambda ids, v, a: bigram_model(torch.cat([ids, ids[:1]]), v, a),
    every_second=lambda ids, v, a: bigram_model(ids[::2], v, a),
    skips_one=lambda ids, v, a: (bigram_model(ids[::2], v, a) + bigram_model(ids[1::2], v, a)) / 2,
    from_the_seen_ids=lambda ids, v, a: bigram_model(ids, int(ids.max()) + 1, a),
    unigram=lambda ids, v, a: _rows((torch.bincount(ids, minlength=v) + a).expand(v, v)),
    flat=lambda ids, v, a: torch.full((v, v), 1 / v),
    a_list=lambda *three: bigram_model(*three).tolist(),
    nothing=lambda *three: None,
)


@wrong("bigram_model")
def bigram_sorts_the_ids(ids, vocab_size, alpha):
    found = bigram_model(ids, vocab_size, alpha)
    ids.copy_(ids.sort().values)
    return found


def _flat(logits, targets):
    return logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)


def _loss(logits, targets, ignore_index=-100, **more):
    return F.cross_entropy(*_flat(logits, targets), ignore_index=ignore_index, **more)


def _with(change: Callable[..., Any]) -> Any:
    return lambda logits, targets, ignore_index=-100: change(logits, targets, ignore_index)


among(
    "perplexity",
    base_ten=_with(lambda z, y, i: 10 ** _loss(z, y, i)),
    not_negated=_with(lambda z, y, i: (-_loss(z, y, i)).exp()),
    one_less=_with(lambda z, y, i: _loss(z, y, i).exp() - 1),
    expm1=_with(lambda z, y, i: _loss(z, y, i).expm1()),
    capped=_with(lambda z, y, i: _loss(z, y, i).clamp(max=20).exp()),
    smoothed=_with(lambda z, y, i: _loss(z, y, i, label_smoothing=0.01).exp()),
    epsilon=_with(lambda z, y, i: (-(z.softmax(-1) + 1e-9).log().flatten(0, -2) if z.dim() > 1 else z[None])
                  .gather(-1, y.where(y != i, 0).reshape(-1, 1))[:, 0][y.reshape(-1) != i].mean().exp()),
    median=_with(lambda z, y, i: _loss(z, y, i, reduction="none")[y.reshape(-1) != i].median().exp()),
    mean_probability=_with(lambda z, y, i: 1 / (-_loss(z, y, i, reduction="none")[y.reshape(-1) != i]).exp().mean()),
    per_scores=_with(lambda z, y, i: (_loss(z, y, i) / z.shape[-1]).exp()),
    divided_by_batch=_with(lambda z, y, i: (_loss(z, y, i, reduction="sum") / len(z)).exp()),
    divided_by_steps=_with(lambda z, y, i: (_loss(z, y, i, reduction="sum") / z.shape[-2]).exp()),
    one_axis=_with(lambda z, y, i: perplexity(z, y, i).reshape(1)),
    a_number=_with(lambda z, y, i: perplexity(z, y, i).item()),
    per_position=_with(lambda z, y, i: _loss(z, y, i, reduction="none").exp().reshape(y.shape)),
    float64=_with(lambda z, y, i: perplexity(z.double(), y, i)),
    float32_inside=_with(lambda z, y, i: perplexity(z.float(), y, i).to(z)),
    ignores_zero_too=_with(lambda z, y, i: perplexity(z, torch.where(y == 0, i, y), i)),
    ignores_below_zero=_with(lambda z, y, i: perplexity(z, y.clamp(min=-1), -1)),
    ignores_both=_with(lambda z, y, i: perplexity(z, torch.where(y == -1, -100, torch.where(y == i, -100, y)), -100)
                       if i != 6 else perplexity(z, y)),
    ignores_nothing=_with(lambda z, y, i: perplexity(z, y.clamp(min=0))),
    ignored_is_last=_with(lambda z, y, i: perplexity(z, y % z.shape[-1])),
    default_zero=lambda z, y, ignore_index=0: perplexity(z, torch.where(y == -100, ignore_index, y), ignore_index),
    other_axis=_with(lambda z, y, i: (-z.log_softmax(0).reshape(-1, z.shape[-1]).gather(
        1, y.where(y != i, 0).reshape(-1, 1))[:, 0][y.reshape(-1) != i].mean()).exp()),
    joint_softmax=_with(lambda z, y, i: (-z.flatten().log_softmax(0).reshape(-1, z.shape[-1]).gather(
        1, y.where(y != i, 0).reshape(-1, 1))[:, 0][y.reshape(-1) != i].mean()).exp()),
    two_axes_only=_with(lambda z, y, i: F.cross_entropy(z, y, ignore_index=i).exp()),
    three_axes_only=_with(lambda z, y, i: F.cross_entropy(z.transpose(1, 2), y, ignore_index=i).exp()),
    viewed=_with(lambda z, y, i: F.cross_entropy(z.view(-1, z.shape[-1]), y.view(-1), ignore_index=i).exp()),
    shifted=_with(lambda z, y, i: perplexity(z[..., :-1, :], y[..., 1:], i) if y.dim() else perplexity(z, y, i)),
    graph_cut=_with(lambda z, y, i: perplexity(z.detach().requires_grad_(), y, i)),
    first_row=_with(lambda z, y, i: perplexity(z[:1], y[:1], i) if y.dim() else perplexity(z, y, i)),
    clamped_scores=_with(lambda z, y, i: perplexity(z.clamp(-100, 100), y, i)),
    nothing=_with(lambda z, y, i: None),
)


@wrong("perplexity")
def perplexity_marks_its_targets(logits, targets, ignore_index=-100):
    found = perplexity(logits, targets, ignore_index)
    targets[targets == ignore_index] = 0
    return found
