"""The trained exercises: baselines fail, oracles pass, and nothing a learner sends can break the judge."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autograder import data
from autograder.artifacts import read_artifact
from autograder.drive import perform
from autograder.errors import UnknownExercise
from autograder.exercise import Case, Rng, get, reference_of
from autograder.exercises.rnn_trained import STORIES, WINDOWS_PER_STORY, story_windows
from autograder.trained_exercise import TrainedExercise
from autograder.training import budget, progress, save_weights
from benchmarks.baselines import BASELINES

IDS = ("char_language_model", "sentiment", "entities")
SIZES = {"char_language_model": (61, 5, 7), "sentiment": (None, 5, 7, 2), "entities": (None, 5, 7, 3)}


def cases_of(exercise_id: str, seed: int = 1) -> list[Case]:
    return list(get(exercise_id).cases(Rng(seed, exercise_id)))


def model_of(exercise_id: str) -> nn.Module:
    vocab_size = cases_of(exercise_id)[0].inputs["sizes"]["vocab_size"]
    torch.manual_seed(0)
    model: nn.Module = reference_of(get(exercise_id))(*(size or vocab_size for size in SIZES[exercise_id]))
    return model


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def oracle(case: Case) -> Tensor:
    """Logits that put all weight on what is right."""
    right = case.truth["targets"] if "targets" in case.truth else case.truth["labels"]
    sizes = case.inputs["sizes"]
    classes = sizes.get("num_classes") or sizes.get("num_tags") or sizes["vocab_size"]
    return 50.0 * nn.functional.one_hot(right, classes).float()


def quality(exercise_id: str, case: Case, outputs: dict[str, Any]) -> float:
    exercise = get(exercise_id)
    assert isinstance(exercise, TrainedExercise)
    return exercise.measure(case, outputs)


@pytest.mark.parametrize("exercise_id", IDS)
def test_the_baseline_fails_even_the_lowest_bar(exercise_id: str) -> None:
    _, baseline = BASELINES[exercise_id]
    cases = cases_of(exercise_id)
    found, bars = quality(exercise_id, cases[0], baseline(cases[0])), [case.inputs["bar"] for case in cases]
    assert found > max(bars) * 1.5 if exercise_id == "char_language_model" else found < min(bars) - 0.1


@pytest.mark.parametrize("exercise_id", IDS)
def test_an_oracle_passes_every_bar(exercise_id: str) -> None:
    exercise = get(exercise_id)
    for case in cases_of(exercise_id):
        assert exercise.verify(case, {"logits": oracle(case)}) == []
        assert quality(exercise_id, case, {"logits": oracle(case)}) == pytest.approx(1.0)


@pytest.mark.parametrize("exercise_id", IDS)
def test_an_untrained_model_is_told_its_quality_and_the_bar(exercise_id: str) -> None:
    exercise, answer = get(exercise_id), reference_of(get(exercise_id))
    for case in cases_of(exercise_id):
        response = perform(exercise, answer, {**case.inputs, "weights": weights_of(model_of(exercise_id))})
        assert response.outputs is not None
        problems = exercise.verify(case, response.outputs)
        assert problems is not None
        assert re.search(r"held-out (perplexity|accuracy) \d.*asks for", problems[0])


@pytest.mark.parametrize("exercise_id", IDS)
def test_what_is_right_is_not_among_the_inputs(exercise_id: str) -> None:
    for case in cases_of(exercise_id):
        assert not set(case.truth) & set(case.inputs)
        assert case.truth


def test_the_windows_of_a_story_and_their_targets_follow_each_other_without_overlap() -> None:
    windows, targets = story_windows(seed=3)
    vocabulary = data.story_vocabulary()
    rows = ["".join(vocabulary.decode([*w, t])) for w, t in zip(windows.tolist(), targets.tolist(), strict=True)]
    assert len(rows) == STORIES * WINDOWS_PER_STORY
    for number, story in enumerate(data.held_out("stories", 3, STORIES)):
        end = 0
        for row in rows[number * WINDOWS_PER_STORY : (number + 1) * WINDOWS_PER_STORY]:
            end = story.index(row, end) + len(row)


@pytest.mark.parametrize("exercise_id", IDS)
@pytest.mark.parametrize(
    "outputs",
    [
        {}, {"logits": None}, {"logits": "many"}, {"logits": [1.0]}, {"logits": torch.zeros(())},
        {"logits": torch.zeros(3, 4)}, {"logits": torch.zeros(0)}, {"other": torch.zeros(2)},
    ],
)
def test_outputs_of_a_wrong_form_are_a_problem_and_no_crash(exercise_id: str, outputs: dict[str, Any]) -> None:
    problems = get(exercise_id).verify(cases_of(exercise_id)[0], outputs)
    assert problems
    assert "expected" in problems[0]


@pytest.mark.parametrize("exercise_id", IDS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_a_problem(exercise_id: str, value: float) -> None:
    case = cases_of(exercise_id)[0]
    logits = oracle(case)
    logits.view(-1)[0] = value
    assert get(exercise_id).verify(case, {"logits": logits}) == ["the logits hold NaN or infinite values"]


@pytest.mark.parametrize("exercise_id", IDS)
def test_integer_logits_are_a_problem(exercise_id: str) -> None:
    case = cases_of(exercise_id)[0]
    assert get(exercise_id).verify(case, {"logits": oracle(case).long()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W_hh": None}, "no tensor 'W_hh'"),
        ({"W_hh": torch.zeros(7, 8)}, r"'W_hh' has shape \(7, 8\); expected \(d_hidden = 7, d_hidden = 7\)"),
        ({"W_xh": torch.zeros(5)}, r"'W_xh' has shape \(5,\); expected \(d_embed = 5, d_hidden\)"),
        ({"embedding.weight": torch.zeros(60, 5)}, r"expected \(vocab_size = 61, d_embed\)"),
        ({"b_h": torch.zeros(0)}, r"'b_h' has shape \(0,\)"),
        ({"more": torch.zeros(2)}, "no parameter called 'more'"),
    ],
)
def test_impossible_weights_are_named(change: dict[str, Tensor | None], message: str) -> None:
    exercise = get("char_language_model")
    weights: dict[str, Any] = weights_of(model_of(exercise.id)) | change
    kept = {name: value for name, value in weights.items() if value is not None}
    case = cases_of(exercise.id)[0]
    response = perform(exercise, reference_of(exercise), {**case.inputs, "weights": kept})
    assert response.failure is not None
    assert response.failure.kind == "form"
    assert re.search(message, response.failure.message)


def test_the_bars_share_one_forward_pass_and_a_new_check_makes_its_own() -> None:
    passes = []

    class Counting(reference_of(get("sentiment"))):  # type: ignore[misc]
        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            passes.append(1)
            return super().forward(ids, lengths)

    exercise, weights = get("sentiment"), weights_of(model_of("sentiment"))
    for expected in (1, 2):
        for case in cases_of("sentiment"):
            assert perform(exercise, Counting, {**case.inputs, "weights": weights}).failure is None
        assert len(passes) == expected


def test_saved_weights_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = model_of("entities")
    save_weights(model, "entities")
    found = read_artifact(tmp_path, "entities.safetensors")
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == ["entities.safetensors"]


def test_only_trained_exercises_take_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownExercise, match="takes no weights"):
        save_weights(model_of("entities"), "rnn_step")


def test_the_budget_is_full_unless_quick_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    assert budget(full=10, quick=1) == 10
    monkeypatch.setenv("COURSE_BUDGET", "quick")
    assert budget(full=10, quick=1) == 1


def test_progress_keeps_standard_error_empty(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress(range(3), "counting")) == [0, 1, 2]
    shown = capfd.readouterr()
    assert shown.err == ""
    assert "counting" in shown.out


@pytest.mark.parametrize("exercise_id", IDS)
def test_an_oracle_shows_no_symptom_and_malformed_outputs_are_not_diagnosed(exercise_id: str) -> None:
    exercise = get(exercise_id)
    for case in cases_of(exercise_id):
        assert exercise.symptom(case, {"logits": oracle(case)}) is None
        for outputs in ({}, {"logits": None}, {"logits": torch.zeros(3, 4)}, {"logits": oracle(case) * float("nan")}):
            assert exercise.symptom(case, outputs) is None


def test_the_majority_baseline_is_told_what_it_lacks() -> None:
    exercise, case = get("entities"), cases_of("entities")[0]
    tally = torch.zeros(case.inputs["sizes"]["vocab_size"], len(data.TAGS))
    for sentence in data.apple():
        for word, tag in zip(data.apple_vocabulary().encode(sentence.words), sentence.tag_ids, strict=True):
            tally[word, tag] += 1
    assert exercise.symptom(case, {"logits": tally[case.inputs["ids"]]}) == "one sense for each word"
