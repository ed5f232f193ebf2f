"""Right answers to lesson 01 in several styles: `RIGHT[exercise]` lists them."""

from __future__ import annotations

import collections
import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

RIGHT: dict[str, list[Any]] = {}


def right(exercise_id: str) -> Callable[[Any], Any]:
    """Collect a right answer."""

    def collect(answer: Any) -> Any:
        RIGHT.setdefault(exercise_id, []).append(answer)
        return answer

    return collect


@right("task_shape")
def shape_by_branches(num_inputs, num_outputs, aligned):
    if num_inputs == 1 and num_outputs == 1:
        return "one-to-one"
    if num_inputs == 1:
        return "one-to-many"
    if num_outputs == 1:
        return "many-to-one"
    if aligned:
        return "many-to-many aligned"
    return "many-to-many unaligned"


@right("task_shape")
def shape_by_table(num_inputs, num_outputs, aligned):
    return {
        (False, False): "one-to-one",
        (False, True): "one-to-many",
        (True, False): "many-to-one",
        (True, True): "many-to-many " + ("" if aligned else "un") + "aligned",
    }[num_inputs > 1, num_outputs > 1]


@right("task_shape")
def shape_by_words(num_inputs, num_outputs, aligned):
    name = "-to-".join("many" if n >= 2 else "one" for n in (num_inputs, num_outputs))
    if name.count("many") == 2:
        name += " aligned" if aligned else " unaligned"
    return name


SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")


@right("build_vocab")
def vocab_counted_by_hand(tokens, min_freq=1, specials=SPECIALS):
    counts = {}
    for token in tokens:
        counts[token] = counts.get(token, 0) + 1
    vocab = {}
    for token in specials:
        vocab[token] = len(vocab)
    for token, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count >= min_freq and token not in vocab:
            vocab[token] = len(vocab)
    return vocab


@right("build_vocab")
def vocab_sorted_twice(tokens, min_freq=1, specials=SPECIALS):
    counts = collections.Counter(t for t in tokens if t not in specials)
    by_name = sorted(counts.items())
    by_count = sorted(by_name, key=lambda pair: pair[1], reverse=True)
    names = list(specials) + [name for name, n in by_count if not n < min_freq]
    return dict(zip(names, range(len(names)), strict=True))


@right("build_vocab")
def vocab_most_common_of_sorted(tokens, min_freq=1, specials=SPECIALS):
    """most_common keeps the order of insertion among equals."""
    common = collections.Counter(sorted(tokens)).most_common()
    vocab = collections.OrderedDict((s, i) for i, s in enumerate(specials))
    for token, n in common:
        if n >= min_freq:
            vocab.setdefault(token, len(vocab))
    return vocab


@right("build_vocab")
def vocab_with_numpy(tokens, min_freq=1, specials=SPECIALS):
    names, counts = np.unique(np.array(tokens, dtype=object), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    kept = [str(names[i]) for i in order if counts[i] >= min_freq and names[i] not in specials]
    return {token: i for i, token in enumerate(list(specials) + kept)}


@right("encode")
def encode_with_get(tokens, vocab):
    return [vocab.get(token, vocab["<unk>"]) for token in tokens]


@right("encode")
def encode_by_branch(tokens, vocab):
    ids = []
    for token in tokens:
        if token in vocab:
            ids.append(vocab[token])
        else:
            ids.append(vocab["<unk>"])
    return ids


@right("encode")
def encode_with_defaultdict(tokens, vocab):
    known = collections.defaultdict(lambda: vocab["<unk>"], vocab)
    return list(map(known.__getitem__, tokens))


@right("encode")
def encode_by_exception(tokens, vocab):
    def one(token):
        try:
            return vocab[token]
        except KeyError:
            return vocab["<unk>"]

    return [one(token) for token in tokens]


def _merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


@right("bpe_merges")
def bpe_plain(word_counts, num_merges):
    words = {word: [*word, "</w>"] for word in word_counts}
    merges = []
    for _ in range(num_merges):
        counts = collections.defaultdict(int)
        for word, symbols in words.items():
            for left, second in itertools.pairwise(symbols):
                counts[left, second] += word_counts[word]
        if not counts:
            return merges
        most = max(counts.values())
        best = min(pair for pair, n in counts.items() if n == most)
        merges.append(best)
        words = {word: _merge(symbols, best) for word, symbols in words.items()}
    return merges


@right("bpe_merges")
def bpe_with_patterns(word_counts, num_merges):
    """Symbols joined by a separator that no word holds, as in the paper's own listing."""
    sep = "\x00"
    words = {sep.join([*word, "</w>"]): n for word, n in word_counts.items()}
    merges = []
    while len(merges) < num_merges:
        counts = collections.Counter()
        for text, n in words.items():
            symbols = text.split(sep)
            for i in range(len(symbols) - 1):
                counts[(symbols[i], symbols[i + 1])] += n
        if len(counts) == 0:
            break
        best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[0][0]
        merges.append(best)
        pattern = re.compile(f"(?:(?<={sep})|^)" + re.escape(sep.join(best)) + f"(?={sep}|$)")
        made = "".join(best).replace("\\", r"\\")
        words = {pattern.sub(made, text): n for text, n in words.items()}
    return merges


@right("bpe_merges")
def bpe_in_place(word_counts, num_merges):
    """Merges from the left by deleting from a list, and recounts only what changed."""
    words = [([*word, "</w>"], n) for word, n in word_counts.items()]
    counts = collections.Counter()
    for symbols, n in words:
        for pair in itertools.pairwise(symbols):
            counts[pair] += n
    merges = []
    for _ in range(num_merges):
        alive = [(-n, pair) for pair, n in counts.items() if n > 0]
        if not alive:
            break
        best = min(alive)[1]
        merges.append(best)
        for symbols, n in words:
            if best in itertools.pairwise(symbols):
                counts.subtract({pair: n * k for pair, k in collections.Counter(itertools.pairwise(symbols)).items()})
                i = 0
                while i < len(symbols) - 1:
                    if (symbols[i], symbols[i + 1]) == best:
                        symbols[i : i + 2] = ["".join(best)]
                    i += 1
                counts.update({pair: n * k for pair, k in collections.Counter(itertools.pairwise(symbols)).items()})
    return merges


@right("bpe_merges")
def bpe_recursive(word_counts, num_merges):
    def go(words, left):
        pairs = [(pair, n) for symbols, n in words for pair in itertools.pairwise(symbols)]
        if left == 0 or not pairs:
            return []
        totals = {}
        for pair, n in pairs:
            totals[pair] = totals.get(pair, 0) + n
        best = min(totals, key=lambda p: (-totals[p], p[0], p[1]))
        return [best, *go([(_merge(symbols, best), n) for symbols, n in words], left - 1)]

    return go([([*word, "</w>"], n) for word, n in word_counts.items()], num_merges)


@right("bpe_tokenize")
def tokenize_plain(word, merges):
    symbols = [*word, "</w>"]
    for pair in merges:
        symbols = _merge(symbols, pair)
    return symbols


@right("bpe_tokenize")
def tokenize_in_place(word, merges):
    symbols = list(word)
    symbols.append("</w>")
    for left, second in merges:
        i = 0
        while i < len(symbols) - 1:
            if symbols[i] == left and symbols[i + 1] == second:
                symbols[i] = left + second
                del symbols[i + 1]
            i += 1
    return symbols


@right("bpe_tokenize")
def tokenize_with_a_stack(word, merges):
    """From the left: the last symbol of the new list may join the next one only if it is no fresh join itself."""
    symbols = [(letter, False) for letter in word] + [("</w>", False)]
    for left, second in merges:
        out = []
        for symbol, _ in symbols:
            if out and out[-1] == (left, False) and symbol == second:
                out[-1] = (left + second, True)
            else:
                out.append((symbol, False))
        symbols = [(symbol, False) for symbol, _ in out]
    return [symbol for symbol, _ in symbols]


@right("bpe_tokenize")
def tokenize_with_patterns(word, merges):
    text = " " + " ".join([*word, "</w>"]) + " "
    for left, second in merges:
        pattern = r"(?<=\s)" + re.escape(left) + " " + re.escape(second) + r"(?=\s)"
        text = re.sub(pattern, lambda found: found.group().replace(" ", ""), text)
    return text.split()


@right("language_model_windows")
def windows_reshaped(ids, num_steps):
    n = (len(ids) - 1) // num_steps
    return ids[: n * num_steps].reshape(n, num_steps), ids[1 : n * num_steps + 1].reshape(n, num_steps)


@right("language_model_windows")
def windows_listed(ids, num_steps):
    inputs, targets = [], []
    for k in range((len(ids) - 1) // num_steps):
        inputs.append(ids[k * num_steps : (k + 1) * num_steps])
        targets.append(ids[k * num_steps + 1 : (k + 1) * num_steps + 1])
    if not inputs:
        return ids.new_empty(0, num_steps), ids.new_empty(0, num_steps)
    return torch.stack(inputs), torch.stack(targets)


@right("language_model_windows")
def windows_indexed(ids, num_steps):
    starts = torch.arange((ids.numel() - 1) // num_steps, device=ids.device) * num_steps
    place = starts[:, None] + torch.arange(num_steps, device=ids.device)
    return ids[place], ids[place + 1]


@right("language_model_windows")
def windows_as_lists(ids, num_steps):
    numbers = ids.tolist()
    n = (len(numbers) - 1) // num_steps
    make = lambda shift: torch.tensor(  # noqa: E731
        [numbers[k * num_steps + shift : (k + 1) * num_steps + shift] for k in range(n)],
        dtype=ids.dtype, device=ids.device,
    ).reshape(n, num_steps)
    return [make(0), make(1)]


@right("random_batches")
def random_generator_function(ids, num_steps, batch_size, generator):
    offset = torch.randint(0, num_steps, (), generator=generator, device=generator.device).item()
    inputs, targets = windows_reshaped(ids[offset:], num_steps)
    order = torch.randperm(inputs.shape[0], generator=generator, device=generator.device)
    for i in range(0, len(order) - batch_size + 1, batch_size):
        chosen = order[i : i + batch_size]
        yield inputs[chosen], targets[chosen]


@right("random_batches")
def random_list_of_starts(ids, num_steps, batch_size, generator):
    offset = int(torch.rand((), generator=generator, device=generator.device, dtype=torch.float64) * num_steps)
    starts = list(range(offset, len(ids) - num_steps, num_steps))
    for i in range(len(starts) - 1, 0, -1):
        j = int(torch.randint(i + 1, (1,), generator=generator, device=generator.device))
        starts[i], starts[j] = starts[j], starts[i]
    batches = []
    while len(starts) >= batch_size:
        rows = [starts.pop() for _ in range(batch_size)]
        pairs = [(ids[s : s + num_steps], ids[s + 1 : s + 1 + num_steps]) for s in rows]
        batches.append((torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])))
    return batches


@right("random_batches")
def random_with_a_loader(ids, num_steps, batch_size, generator):
    order = torch.randperm(num_steps, generator=generator, device=generator.device)
    windows = TensorDataset(*windows_indexed(ids[int(order[0]) :], num_steps))
    if len(windows) == 0:
        return iter([])
    sampler = BatchSampler(RandomSampler(windows, generator=generator), batch_size, drop_last=True)
    return DataLoader(windows, batch_sampler=sampler, generator=generator)


@right("random_batches")
def random_by_sorting_noise(ids, num_steps, batch_size, generator):
    choices = torch.ones(num_steps, device=generator.device)
    offset = torch.multinomial(choices, 1, generator=generator).item()
    inputs, targets = windows_indexed(ids[offset:], num_steps)
    noise = torch.rand(len(inputs), generator=generator, device=generator.device)
    order = noise.argsort().to(ids.device)
    full = len(inputs) // batch_size * batch_size
    return zip(
        inputs[order][:full].reshape(-1, batch_size, num_steps),
        targets[order][:full].reshape(-1, batch_size, num_steps),
        strict=True,
    )


@right("sequential_batches")
def sequential_sliced(ids, num_steps, batch_size):
    length = (len(ids) - 1) // batch_size
    inputs = ids[: batch_size * length].reshape(batch_size, length)
    targets = ids[1 : batch_size * length + 1].reshape(batch_size, length)
    for k in range(length // num_steps):
        columns = slice(k * num_steps, (k + 1) * num_steps)
        yield inputs[:, columns], targets[:, columns]


@right("sequential_batches")
def sequential_indexed(ids, num_steps, batch_size):
    length = (ids.shape[0] - 1) // batch_size
    rows = torch.arange(batch_size, device=ids.device)[:, None] * length
    steps = torch.arange(num_steps, device=ids.device)
    places = [rows + k * num_steps + steps for k in range(length // num_steps)]
    return [(ids[place], ids[place + 1]) for place in places]


@right("sequential_batches")
def sequential_row_by_row(ids, num_steps, batch_size):
    length = (len(ids) - 1) // batch_size
    start = 0
    while start + num_steps <= length:
        begins = [i * length + start for i in range(batch_size)]
        yield [
            torch.stack([ids[b : b + num_steps] for b in begins]),
            torch.stack([ids[b + 1 : b + num_steps + 1] for b in begins]),
        ]
        start += num_steps


@right("sequential_batches")
def sequential_split(ids, num_steps, batch_size):
    length = (len(ids) - 1) // batch_size
    number = length // num_steps
    cut = lambda x: x[: batch_size * length].reshape(batch_size, -1)[:, : number * num_steps]  # noqa: E731
    if number == 0:
        return iter(())
    return zip(cut(ids).chunk(number, dim=1), cut(ids[1:]).chunk(number, dim=1), strict=True)


@right("bigram_model")
def bigram_accumulated(ids, vocab_size, alpha):
    counts = torch.full((vocab_size, vocab_size), float(alpha), device=ids.device)
    counts.index_put_((ids[:-1], ids[1:]), torch.ones(len(ids) - 1, device=ids.device), accumulate=True)
    return counts / counts.sum(dim=1, keepdim=True)


@right("bigram_model")
def bigram_looped(ids, vocab_size, alpha):
    counts = [[alpha] * vocab_size for _ in range(vocab_size)]
    for current, following in itertools.pairwise(ids.tolist()):
        counts[current][following] += 1
    return torch.tensor([[n / sum(row) for n in row] for row in counts], device=ids.device)


@right("bigram_model")
def bigram_one_hot(ids, vocab_size, alpha):
    shown = F.one_hot(ids, vocab_size).to(torch.get_default_dtype())
    counts = shown[:-1].T @ shown[1:]
    return (counts + alpha) / (counts.sum(1, keepdim=True) + alpha * vocab_size)


@right("bigram_model")
def bigram_with_a_counter(ids, vocab_size, alpha):
    pairs = collections.Counter(zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True))
    table = torch.zeros(vocab_size, vocab_size, device=ids.device)
    for (i, j), n in pairs.items():
        table[i, j] = n
    return F.normalize(table + alpha, p=1, dim=1)


@right("perplexity")
def perplexity_cross_entropy(logits, targets, ignore_index=-100):
    flat = logits.reshape(-1, logits.shape[-1])
    return torch.exp(F.cross_entropy(flat, targets.reshape(-1), ignore_index=ignore_index))


@right("perplexity")
def perplexity_gathered(logits, targets, ignore_index=-100):
    counted = targets != ignore_index
    picked = logits.log_softmax(dim=-1).gather(-1, targets.where(counted, 0).unsqueeze(-1)).squeeze(-1)
    return (-(picked * counted).sum() / counted.sum()).exp()


@right("perplexity")
def perplexity_selected(logits, targets, ignore_index=-100):
    chosen = targets != ignore_index
    scores, wanted = logits[chosen], targets[chosen]
    surprise = torch.logsumexp(scores, dim=-1) - scores[torch.arange(len(wanted)), wanted]
    return surprise.mean().exp()


@right("perplexity")
def perplexity_by_hand(logits, targets, ignore_index=-100):
    rows = [(row, t) for row, t in zip(logits.reshape(-1, logits.shape[-1]), targets.flatten().tolist(), strict=True)]
    losses = []
    for row, t in rows:
        if t != ignore_index:
            shifted = row - row.max()
            losses.append(shifted.exp().sum().log() - shifted[t])
    return math.e ** (sum(losses) / len(losses))


@right("perplexity")
def perplexity_module(logits, targets, ignore_index=-100):
    loss = nn.CrossEntropyLoss(ignore_index=ignore_index)
    return loss(logits.flatten(0, -2) if logits.dim() > 1 else logits[None], targets.reshape(-1)).exp()
