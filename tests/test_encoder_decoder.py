"""Lesson 04: its references against witnesses, the decoder that its searches ask, and the judgement of chance."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from sacrebleu.metrics import BLEU
from torch import Tensor

from autograder.errors import AnswerError
from autograder.exercise import Rng, get, misconceptions_of
from autograder.exercises import encoder_decoder_search as asked
from autograder.exercises.encoder_decoder import decoder, encoder
from autograder.exercises.encoder_decoder_chance import problems_of
from autograder.exercises.encoder_decoder_speaker import BOS, EOS, Speaker, ending, speaker, storyteller
from autograder.judge.expect import Expectation, judge_answer
from autograder.reference import encoder_decoder as reference
from autograder.verdict import problem_of
from tests.right_answers import encoder_decoder as right_answers


def an_encoder(rng: Rng, *sizes: int) -> reference.Seq2SeqEncoder:
    model = reference.Seq2SeqEncoder(*sizes).double()
    model.load_state_dict(encoder(rng, *sizes))
    return model


def a_decoder(rng: Rng, *sizes: int) -> reference.Seq2SeqDecoder:
    model = reference.Seq2SeqDecoder(*sizes).double()
    model.load_state_dict(decoder(rng, *sizes))
    return model


def test_a_batch_keeps_every_word_that_fits_and_every_end() -> None:
    ids, lengths = reference.pad_batch([[5, 6], [], [5, 6, 7, 8], [5, 6, 7]], 4, pad_id=0, eos_id=2)
    assert ids.tolist() == [[5, 6, 2, 0], [2, 0, 0, 0], [5, 6, 7, 2], [5, 6, 7, 2]]
    assert lengths.tolist() == [3, 1, 4, 4]


def test_the_encoder_agrees_with_the_book_where_nothing_is_padded() -> None:
    from autograder.d2l import load

    try:
        d2l = load()
    except ImportError as error:
        pytest.skip(str(error))
    model = an_encoder(Rng(0, "book"), 9, 4, 6, 2)
    book = d2l.Seq2SeqEncoder(9, 4, 6, 2).double()
    names = {name: name.replace("rnn.", "rnn.rnn.") for name in model.state_dict()}
    book.load_state_dict({names[name]: weight for name, weight in model.state_dict().items()})
    ids = torch.randint(9, (3, 5))
    outputs, state = book(ids)
    torch.testing.assert_close(model(ids, torch.tensor([5, 5, 5])), (outputs.transpose(0, 1), state))


def test_a_sentence_is_encoded_as_if_it_were_alone() -> None:
    model, ids, lengths = an_encoder(Rng(0, "alone"), 9, 4, 6, 3), torch.randint(9, (4, 7)), [3, 7, 1, 5]
    outputs, state = model(ids, torch.tensor(lengths))
    for row, n in enumerate(lengths):
        alone, its_state = model.rnn(model.embedding(ids[row, :n]))
        torch.testing.assert_close(outputs[row, :n], alone)
        torch.testing.assert_close(state[:, row], its_state)
        assert not outputs[row, n:].any()


def test_the_last_context_is_the_top_layers_state() -> None:
    model, lengths = an_encoder(Rng(0, "context"), 9, 4, 6, 2), torch.tensor([2, 5, 4])
    outputs, state = model(torch.randint(9, (3, 6)), lengths)
    torch.testing.assert_close(reference.context_vector(outputs, lengths, "last"), state[-1])
    with pytest.raises(ValueError, match="'first'"):
        reference.context_vector(outputs, lengths, "first")


def test_contexts_agree_with_masked_arrays() -> None:
    import numpy as np

    outputs, lengths = torch.randn(4, 6, 3, dtype=torch.float64), torch.tensor([6, 1, 4, 3])
    padding = np.arange(6)[None, :, None] >= lengths.numpy()[:, None, None]
    masked = np.ma.array(outputs.numpy(), mask=np.broadcast_to(padding, outputs.shape))
    for kind, found in (("mean", masked.mean(axis=1)), ("max", masked.max(axis=1))):
        torch.testing.assert_close(reference.context_vector(outputs, lengths, kind), torch.from_numpy(found.data))


def test_the_decoder_reads_all_steps_as_it_reads_them_one_by_one() -> None:
    rng = Rng(0, "steps")
    model, ids = a_decoder(rng, 9, 4, 6, 2), torch.randint(9, (3, 5))
    context, state = rng.normal(3, 6), rng.normal(2, 3, 6)
    logits, last = model(ids, context, state)
    for t in range(5):
        one, state = model(ids[:, t : t + 1], context, state)
        torch.testing.assert_close(one, logits[:, t : t + 1])
    torch.testing.assert_close(state, last)


def test_the_context_enters_at_every_step() -> None:
    rng = Rng(0, "every step")
    model = a_decoder(rng, 9, 4, 6, 1)
    model.rnn.weight_hh_l0.data.zero_()  # a step now sees the past through (1 - z) h alone
    model.rnn.bias_ih_l0.data[6:12] = -50.0  # z = 0: it does not see the past at all
    context = rng.normal(2, 6).requires_grad_()
    logits, _ = model(torch.randint(9, (2, 5)), context, rng.normal(1, 2, 6))
    for t in range(5):
        reached, = torch.autograd.grad(logits[:, t].sum(), context, retain_graph=True)
        assert (reached != 0).all()


def test_teacher_forcing_asks_for_each_word_after_the_ones_before() -> None:
    inputs, labels = reference.teacher_forcing_pairs(torch.tensor([[7, 8, 2], [9, 2, 0]]), bos_id=1)
    assert inputs.tolist() == [[1, 7, 8], [1, 9, 2]]
    assert labels.tolist() == [[7, 8, 2], [9, 2, 0]]


def test_the_loss_agrees_with_pytorch_on_the_real_words_alone() -> None:
    logits, labels = torch.randn(3, 5, 7, dtype=torch.float64), torch.randint(7, (3, 5))
    lengths = torch.tensor([2, 5, 1])
    words = torch.cat([logits[0, :2], logits[1], logits[2, :1]])
    wanted = F.cross_entropy(words, torch.cat([labels[0, :2], labels[1], labels[2, :1]]))
    torch.testing.assert_close(reference.masked_cross_entropy(logits, labels, lengths), wanted)


def some_texts(chance: random.Random) -> tuple[list[list[str]], list[list[str]]]:
    """A few sentences of few words, and copies with errors; now and then one is empty."""
    references = [[chance.choice("abcde") for _ in range(chance.randint(0, 9))] for _ in range(chance.randint(1, 6))]
    candidates = []
    for reference_ in references:
        copy = [word if chance.random() < 0.75 else chance.choice("abcde") for word in reference_]
        first = chance.randint(0, 3) if chance.random() < 0.3 else 0
        candidates.append(copy[first:] + [chance.choice("abcde") for _ in range(chance.randint(0, 2))])
    return candidates, references


def test_bleu_agrees_with_sacrebleu() -> None:
    chance, scores = random.Random(0), []
    for number in range(600):
        candidates, references = some_texts(chance)
        max_n = 1 + number % 5
        judge = BLEU(max_ngram_order=max_n, smooth_method="none", tokenize="none", effective_order=False, force=True)
        lines = [[" ".join(sentence) for sentence in text] for text in (candidates, references)]
        wanted = judge.corpus_score(lines[0], [lines[1]]).score / 100
        assert reference.corpus_bleu(candidates, references, max_n) == pytest.approx(wanted, abs=1e-12)
        scores.append(wanted)
    assert sum(score == 0 for score in scores) > 30
    assert sum(0 < score < 1 for score in scores) > 300


def test_bleu_clips_as_papineni_does() -> None:
    meant = ["the", "cat", "is", "on", "the", "mat"]
    assert reference.corpus_bleu([["the"] * 7], [meant], max_n=1) == pytest.approx(2 / 7)


# The decoder that the searches ask.


def log_p(tables: dict[str, Tensor], sentence: int, words: list[int]) -> list[float]:
    """The log-probability of each word after those before it, read off the tables."""
    node, found, heard = int(tables["start"][sentence]), [], BOS
    for time, word in enumerate(words):
        node = int(tables["follow"][time, node, heard])
        row = tables["scores"][time, node] + tables["bonus"][sentence, time]
        found.append(float(row.log_softmax(0)[word]))
        heard = word
    return found


def every_sentence(vocab_size: int, max_len: int) -> list[list[int]]:
    """All that can be said: sentences with their end, and those cut off at `max_len`."""
    words = [word for word in range(vocab_size) if word != EOS]
    ended = [[*said, EOS] for n in range(max_len) for said in itertools.product(words, repeat=n)]
    return ended + [list(said) for said in itertools.product(words, repeat=max_len)]


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 1.5])
def test_a_beam_as_wide_as_everything_finds_the_best_of_all_sentences(penalty: float) -> None:
    winners = set()
    for seed in range(12):
        tables = speaker(Rng(seed, "wide"), 4, 4, 2)
        one = Speaker(tables)
        for sentence, start in enumerate(one.starts()):
            scored = [(sum(log_p(tables, sentence, w)) / len(w) ** penalty, w) for w in every_sentence(4, 4)]
            score, words = max(scored)
            ids, found = reference.beam_search(one.step_all, start, BOS, EOS, 4, 1000, penalty)
            assert ids == [word for word in words if word != EOS]
            assert found == pytest.approx(score)
            winners.add(len(ids))
    assert len(winners) > 1


def test_a_beam_of_one_is_greedy() -> None:
    for seed in range(20):
        tables = speaker(Rng(seed, "greedy"), 6, 7, 3)
        one = Speaker(tables)
        rows = reference.greedy_decode(one.step, one.start(), BOS, EOS, 7, 3)
        beams = [reference.beam_search(one.step_all, start, BOS, EOS, 7, 1, 0.7) for start in one.starts()]
        assert [ids for ids, _ in beams] == rows


def test_the_score_is_that_of_the_words() -> None:
    for seed in range(20):
        tables = speaker(Rng(seed, "score"), 6, 5, 2)
        for sentence, start in enumerate(Speaker(tables, "object").starts()):
            ids, score = reference.beam_search(Speaker(tables, "object").step_all, start, BOS, EOS, 5, 3, 0.8)
            ended = [*ids, EOS]
            candidates = [ended] if len(ids) < 5 else [ids]
            assert score == pytest.approx(sum(log_p(tables, sentence, candidates[0])) / len(candidates[0]) ** 0.8)


TREES = [
    (asked.TRAP, 5, 0.6, 2), (asked.CATCH_UP, 5, 0.8, 3), (asked.FAMILY, 4, 1.0, 2), (asked.EARLY_END, 6, 0.6, 4),
    (asked.NO_ROOM, 5, 1.0, 0), (asked.CUT_OFF, 3, 1.0, 3), (asked.LONG_OR_SHORT, 5, 0.0, 0),
    (asked.LONG_OR_SHORT, 5, 0.2, 0), (asked.LONG_OR_SHORT, 5, 1.5, 3), (asked.AT_ONCE, 6, 0.5, 0),
]


@pytest.mark.parametrize(("tree", "max_len", "penalty", "num_words"), TREES)
def test_a_told_tree_has_its_best_sentence_whatever_the_seed(
    tree: Any, max_len: int, penalty: float, num_words: int
) -> None:
    for seed in range(100):
        one = Speaker(storyteller(Rng(seed, "tree"), tree, 9, max_len))
        ids, _ = reference.beam_search(one.step_all, one.starts()[0], BOS, EOS, max_len, 2, penalty)
        assert len(ids) == num_words


def test_a_told_tree_has_the_probabilities_that_it_names() -> None:
    tables = storyteller(Rng(3, "tree"), asked.FAMILY, 9, 4)
    first = (tables["scores"][0, tables["follow"][0, 0, BOS]]).softmax(0)
    assert sorted(first.tolist())[-2:] == pytest.approx([0.3, 0.5], abs=0.02)
    assert float(first.min()) > 0.01


@pytest.mark.parametrize("kind", ["tensor", "tuple", "object"])
def test_a_speaker_says_the_same_whatever_its_states_look_like(kind: str) -> None:
    tables = speaker(Rng(1, "kinds"), 5, 6, 3)
    one, plain = Speaker(tables, kind), Speaker(tables)
    state, other = one.start(), plain.start()
    for _ in range(6):
        ids = torch.randint(5, (3,))
        logits, state = one.step(ids, state)
        wanted, other = plain.step(ids, other)
        assert torch.equal(logits, wanted)


def test_another_word_and_another_past_lead_elsewhere() -> None:
    tables = speaker(Rng(2, "elsewhere"), 6, 3, 1)
    one = Speaker(tables)
    starts = one.starts() * 6
    first, states = one.step_all(torch.arange(6), starts)
    assert len({tuple(row) for row in first.tolist()}) == 6
    second, _ = one.step_all(torch.zeros(6, dtype=torch.int64), states)
    assert len({tuple(row) for row in second.tolist()}) == 6


def test_a_speaker_ends_where_it_is_told_to() -> None:
    rng = Rng(0, "ends")
    one = Speaker(ending(rng, speaker(rng, 8, 6, 4), [0, 3, None, 5], EOS))
    rows = reference.greedy_decode(one.step, one.start(), BOS, EOS, 6, 4)
    assert [len(row) for row in rows] == [0, 3, 6, 5]


def test_a_speaker_says_what_is_wrong_with_a_question() -> None:
    one = Speaker(speaker(Rng(0, "questions"), 5, 2, 3))
    good = torch.zeros(3, dtype=torch.int64)
    for ids in (good[:2], good[:, None], good.int(), [0, 0, 0], None):
        with pytest.raises(AnswerError, match=r"shape \(batch,\)"):
            one.step(ids, one.start())
    with pytest.raises(AnswerError, match="vocabulary"):
        one.step(good + 5, one.start())
    for state in (None, 3, torch.zeros(2), {"state": one.start()}):
        with pytest.raises(AnswerError, match="state"):
            one.step(good, state)
    for states in (one.start(), [], None):
        with pytest.raises(AnswerError, match="state"):
            one.step_all(good, states)
    with pytest.raises(AnswerError, match=r"shape \(n,\)"):
        one.step_all(good, one.starts()[:2])


def test_a_search_that_never_stops_is_told_so() -> None:
    def endless(step: Any, state: Any, bos_id: int, eos_id: int, max_len: int, batch: int) -> None:
        ids = torch.full((batch,), bos_id)
        while True:
            logits, state = step(ids, state)
            ids = logits.argmax(1)

    verdict = judge_answer("greedy_decode", endless)
    assert verdict.points == 0
    assert "more than max_len words" in verdict.message


# Coins.


def coins_of(probability: float, seed: int, **size: int) -> list[str]:
    batch, seq, calls = size.get("batch", 30), size.get("seq", 21), size.get("calls", 1)
    gold = torch.arange(batch * seq).reshape(batch, seq)
    given = {"gold": gold, "predicted": gold + 10_000, "probability": probability, "calls": calls}
    generator = torch.Generator().manual_seed(seed)
    ids = [reference.scheduled_inputs(gold, gold + 10_000, probability, generator) for _ in range(calls)]
    return problems_of(given, {"ids": ids})


def test_honest_coins_are_never_doubted() -> None:
    for seed in range(60):
        assert coins_of(0.25, seed) == []
        assert coins_of(0.6, seed, batch=1, seq=300) == []
        assert coins_of(0.2, seed, batch=4, seq=6, calls=30) == []


WAYS = [
    "scheduled_with_bernoulli", "scheduled_column_by_column", "scheduled_with_arithmetic", "scheduled_with_multinomial",
]


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_drawing_honestly_is_doubted(way: str) -> None:
    for seed in range(100, 115):
        assert judge_answer("scheduled_inputs", getattr(right_answers, way), seed=seed).status == "passed"


def test_coins_that_are_not_independent_are_found_out_whatever_the_seed() -> None:
    for seed in range(200, 212):
        drawn = Expectation(get("scheduled_inputs"), seed)
        for known in misconceptions_of(drawn.exercise):
            answers = zip(drawn.cases, drawn.ask(known.answer), strict=True)
            assert any(problem_of(drawn.exercise, case, None, answer) for case, answer in answers), known.name


def test_verify_never_raises_whatever_comes_back() -> None:
    one = get("scheduled_inputs")
    junk: list[Any] = [None, 3, "ids", torch.zeros(3), {"ids": [1]}, object(), [], [None], [torch.zeros(2, 2)], [[1]]]
    junk += [[torch.full((8, 13), math.nan)], [torch.zeros(8, 13, dtype=torch.int64)] * 2]
    for case in one.cases(Rng(0, one.id)):
        right = one.drive(reference.scheduled_inputs, **case.inputs)
        assert one.verify(case, right) == []
        assert one.verify(case, {})
        for value in junk:
            assert one.verify(case, dict.fromkeys(right, value))
            assert one.verify(case, right | {"ids": value})


def test_two_kinds_of_context_out_of_three_earn_two_thirds() -> None:
    def without_maximum(outputs: Tensor, lengths: Tensor, kind: str) -> Tensor:
        return outputs[:, 0] if kind == "max" else reference.context_vector(outputs, lengths, kind)

    verdict = judge_answer("context_vector", without_maximum)
    assert verdict.points == pytest.approx(verdict.max_points * 2 / 3, rel=0.06)
