"""Lesson 04's trained exercises: baselines fail, oracles pass, and nothing a learner sends can break the judge."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autograder import pairs
from autograder.drive import perform
from autograder.exercise import Case, Rng, get, reference_of
from autograder.exercises.encoder_decoder_trained import (
    EOS,
    Opposites,
    Translation,
    Translator,
    habit,
    shows_its_pattern,
)
from autograder.judge.expect import judge_answer
from autograder.misconceptions.encoder_decoder_trained import _right, _said
from benchmarks.baselines import BASELINES

IDS = ("opposites", "translator")


def exercise_of(exercise_id: str) -> Translation:
    one = get(exercise_id)
    assert isinstance(one, Translation)
    return one


def cases_of(exercise_id: str, seed: int = 1) -> list[Case]:
    return list(get(exercise_id).cases(Rng(seed, exercise_id)))


def weights_of(exercise_id: str, d_target: int = 5, num_layers: int = 1) -> dict[str, Tensor]:
    """Weights of an untrained model."""
    torch.manual_seed(0)
    sizes = {"d_embed": 5, "d_hidden": 7, "num_layers": num_layers, "d_embed of the decoder": d_target}
    known = cases_of(exercise_id)[0].inputs["sizes"]
    model = exercise_of(exercise_id).build(reference_of(get(exercise_id)), {**sizes, **known})
    return dict(model.state_dict())


def ask(exercise_id: str, weights: dict[str, Tensor], answer: Any = None) -> Any:
    exercise = get(exercise_id)
    case = cases_of(exercise_id)[0]
    return perform(exercise, answer or reference_of(exercise), {**case.inputs, "weights": weights})


def oracle(case: Case) -> dict[str, Any]:
    steps = Opposites.max_steps if "answers" in case.truth else Translator.max_steps
    return _said(_right(case), steps)


@pytest.mark.parametrize("exercise_id", IDS)
def test_an_oracle_passes_every_bar_and_shows_no_symptom(exercise_id: str) -> None:
    exercise = exercise_of(exercise_id)
    for case in cases_of(exercise_id):
        assert exercise.verify(case, oracle(case)) == []
        assert exercise.symptom(case, oracle(case)) is None
        assert exercise.measure(case, oracle(case)) == pytest.approx(1.0, abs=0.01)


def test_word_by_word_fails_every_bar_of_the_translator() -> None:
    _, baseline = BASELINES["translator"]
    for seed in range(4):
        for case in cases_of("translator", seed):
            assert exercise_of("translator").verify(case, baseline(case))


def test_a_table_of_the_words_gets_the_points_for_memory_alone() -> None:
    _, baseline = BASELINES["opposites"]
    exercise = exercise_of("opposites")
    passed = [exercise.verify(case, baseline(case)) == [] for case in cases_of("opposites")]
    assert passed == [True, True, False]
    assert exercise.measure(cases_of("opposites")[-1], baseline(cases_of("opposites")[-1])) == 0.0


@pytest.mark.parametrize("exercise_id", IDS)
def test_an_untrained_model_is_told_its_quality_and_the_bar(exercise_id: str) -> None:
    response = ask(exercise_id, weights_of(exercise_id))
    for case in cases_of(exercise_id):
        problems = exercise_of(exercise_id).verify(case, response.outputs)
        assert re.search(r"(held-out BLEU 0|% of the lesson's words right).*; this case asks for", problems[0])


@pytest.mark.parametrize("exercise_id", IDS)
def test_what_is_right_is_not_among_the_inputs(exercise_id: str) -> None:
    for case in cases_of(exercise_id):
        assert case.inputs.keys() == {"bar", "ids", "lengths", "sizes"}


def test_the_lessons_words_and_new_ones_come_mixed() -> None:
    case = cases_of("opposites")[0]
    known = case.truth["lesson"]
    assert sum(known) == Opposites.LESSON_WORDS
    assert 10 < sum(known[: len(known) // 2]) < sum(known) - 10


def test_only_new_words_are_asked_for_that_show_their_pattern() -> None:
    words = {pair.word for pair in pairs.held_out_opposites() if shows_its_pattern(pair)}
    assert {"unclear", "upload", "policeman", "policewoman", "cheerful"} <= words
    assert not {"clear", "polite", "trust", "baron"} & words
    assert all(pair.pattern != "none" for pair in pairs.held_out_opposites() if pair.word in words)


def test_no_sentence_of_the_translator_was_in_training() -> None:
    seen = {pair.source for pair in pairs.translation("fra")}
    vocabulary = pairs.source_vocabulary("fra")
    for row in cases_of("translator")[0].inputs["ids"].tolist():
        assert tuple(vocabulary.decode(row[: row.index(EOS)])) not in seen


@pytest.mark.parametrize("exercise_id", IDS)
@pytest.mark.parametrize(("d_target", "num_layers"), [(5, 1), (6, 1), (5, 3)])
def test_sizes_are_read_off_the_weights(exercise_id: str, d_target: int, num_layers: int) -> None:
    response = ask(exercise_id, weights_of(exercise_id, d_target, num_layers))
    assert response.failure is None
    assert exercise_of(exercise_id).malformed(cases_of(exercise_id)[0], response.outputs) is None


def test_greedy_decoding_is_that_of_the_reference() -> None:
    from autograder.reference.encoder_decoder import context_vector, greedy_decode

    exercise, case = exercise_of("opposites"), cases_of("opposites")[0]
    weights = weights_of("opposites", num_layers=2)
    weights["decoder.output.bias"][EOS] += 0.3
    sizes = {"d_embed": 5, "d_hidden": 7, "num_layers": 2, **case.inputs["sizes"]}
    model = exercise.build(reference_of(exercise), sizes)
    model.load_state_dict(weights)
    ids, lengths = case.inputs["ids"], case.inputs["lengths"]
    outputs, state = model["encoder"](ids, lengths)
    context = context_vector(outputs, lengths, "last")

    def step(words: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        logits, state = model["decoder"](words[:, None], context, state)
        return logits[:, 0], state

    expected = greedy_decode(step, state, 1, EOS, exercise.max_steps, len(ids))
    rows = ask("opposites", weights).outputs["ids"].tolist()
    assert [row[: row.index(EOS)] if EOS in row else row for row in rows] == expected
    assert len({len(row) for row in expected}) > 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoder.output.weight": None}, "no tensor 'decoder.output.weight'"),
        ({"encoder.rnn.weight_hh_l0": None}, "no tensor 'encoder.rnn.weight_hh_l0'"),
        ({"encoder.embedding.weight": torch.zeros(9, 5)}, r"expected \(source_vocab = 30, d_embed\)"),
        ({"decoder.rnn.weight_hh_l0": torch.zeros(24, 8)}, r"expected \(3 \* d_hidden = 21, d_hidden = 7\)"),
        ({"decoder.rnn.weight_hh_l1": torch.zeros(21, 7)}, "no parameter called 'decoder.rnn.weight_hh_l1'"),
        ({"encoder.rnn.weight_hh_l1": torch.zeros(21, 7)}, "parameters that the exercise does not name"),
        ({"encoder.rnn.weight_hh_l0_reverse": torch.zeros(21, 7)}, "no parameter called"),
    ],
)
def test_impossible_weights_are_named(change: dict[str, Tensor | None], message: str) -> None:
    weights: dict[str, Any] = weights_of("opposites") | change
    response = ask("opposites", {name: value for name, value in weights.items() if value is not None})
    assert response.failure is not None
    assert response.failure.kind == "form"
    assert re.search(message, response.failure.message)


def test_classes_that_return_something_else_are_told() -> None:
    right = reference_of(get("opposites"))

    class NoState(right["Seq2SeqEncoder"]):  # type: ignore[misc]
        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            return super().forward(ids, lengths)[0]

    class LastLogits(right["Seq2SeqDecoder"]):  # type: ignore[misc]
        def forward(self, *given: Tensor) -> tuple[Tensor, Tensor]:
            logits, state = super().forward(*given)
            return logits[:, -1], state

    weights = weights_of("opposites")
    for name, wrong, message in (
        ("Seq2SeqEncoder", NoState, "expected 2 results"),
        ("Seq2SeqDecoder", LastLogits, "expected logits of shape"),
        ("Seq2SeqDecoder", lambda *sizes: "no module", "expected an nn.Module from Seq2SeqDecoder"),
    ):
        failure = ask("opposites", weights, right | {name: wrong}).failure
        assert failure is not None
        assert message in failure.message


@pytest.mark.parametrize("exercise_id", IDS)
def test_outputs_of_a_wrong_form_are_a_problem_and_no_crash(exercise_id: str) -> None:
    exercise, case = exercise_of(exercise_id), cases_of(exercise_id)[0]
    right = oracle(case)["ids"]
    wrong: list[Any] = [
        None, "text", 3, right.tolist(), right.float(), right[0], right[:-1], right[:, :0], right - 9, right + 10**6,
        torch.cat([right, right], dim=1),
    ]
    for ids in wrong:
        assert "expected" in (exercise.verify(case, {"ids": ids}) or [""])[0] or "ids hold" in exercise.verify(
            case, {"ids": ids}
        )[0]
        assert exercise.symptom(case, {"ids": ids}) is None
    assert exercise.verify(case, {})


def test_an_answer_that_never_ends_is_not_right() -> None:
    case = cases_of("opposites")[0]
    rows = [[*answer, *[5] * (Opposites.max_steps - len(answer))] for answer in case.truth["answers"]]
    assert exercise_of("opposites").measure(case, {"ids": torch.tensor(rows)}) == 0.0


def test_good_translations_show_no_habit() -> None:
    case = cases_of("translator")[0]
    assert habit(oracle(case)["ids"], case.inputs["ids"].tolist()) is None


def test_a_decoder_that_reads_what_it_should_say_is_recognised() -> None:
    """The labels were its inputs, so it learned to repeat what it reads: trained here, not made up."""
    exercise = exercise_of("opposites")
    case = cases_of("opposites")[0]
    torch.manual_seed(0)
    sizes = {"d_embed": 16, "d_hidden": 24, "num_layers": 1, **case.inputs["sizes"]}
    model = exercise.build(reference_of(exercise), sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    target = nn.utils.rnn.pad_sequence([torch.tensor([*row, EOS]) for row in case.truth["answers"]], batch_first=True)
    for _ in range(120):
        outputs, state = model["encoder"](case.inputs["ids"], case.inputs["lengths"])
        context = outputs[torch.arange(len(outputs)), case.inputs["lengths"] - 1]
        logits, _ = model["decoder"](target, context, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    verdict = judge_answer("opposites", reference_of(exercise), seed=1, weights=dict(model.state_dict()))
    assert "over and over" in verdict.hint


@pytest.mark.parametrize("exercise_id", IDS)
def test_the_bars_share_one_decoding(exercise_id: str) -> None:
    right, passes = reference_of(get(exercise_id)), []

    class Counting(right["Seq2SeqEncoder"]):  # type: ignore[misc]
        def forward(self, *given: Tensor) -> Any:
            passes.append(1)
            return super().forward(*given)

    weights, answer = weights_of(exercise_id), right | {"Seq2SeqEncoder": Counting}
    for case in cases_of(exercise_id):
        assert perform(get(exercise_id), answer, {**case.inputs, "weights": weights}).failure is None
    assert len(passes) == 1
