"""Reversing with attention: what was trained passes; what knows no positions, or turns the order in code, fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.artifacts import read_artifact
from autograder.drive import perform
from autograder.exercise import Case, Rng, get
from autograder.exercises.self_attention_trained import MAX_LEN, SHORTEST, VOCAB_SIZE, SetOfPositions, lonely
from autograder.judge.expect import expectation, judge_answer
from autograder.reference.self_attention import Reverser
from autograder.training import save_weights
from autograder.verdict import Verdict
from benchmarks.baselines import BASELINES

ID = "set_of_positions"
SEEDS = (0, 1, 2)
Weights = dict[str, Tensor]


def cases_of(seed: int = 1) -> list[Case]:
    return list(get(ID).cases(Rng(seed, ID)))


def trained(model: nn.Module, updates: int = 300, shortest: int = SHORTEST, max_rate: float = 1e-2) -> nn.Module:
    """A few seconds of training, on sequences as long as the check's."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_rate, total_steps=updates)
    for _ in range(updates):
        length = int(torch.randint(shortest, MAX_LEN + 1, (), generator=generator))
        ids = torch.randint(VOCAB_SIZE, (64, length), generator=generator)
        loss = F.cross_entropy(model(ids).flatten(0, 1), ids.flip(1).flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model


def fresh(answer: Callable[[int, int], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return answer(VOCAB_SIZE, MAX_LEN)


def weights_of(model: nn.Module) -> Weights:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def reverser() -> nn.Module:
    return trained(fresh(Reverser))


def verdicts(answer: Any, weights: Weights) -> list[Verdict]:
    return [judge_answer(ID, answer, seed=seed, weights=weights) for seed in SEEDS]


def hint_of(name: str) -> str:
    from autograder.exercise import misconceptions_of

    return next(one.hint for one in misconceptions_of(get(ID)) if one.name == name)


def sure(ids: Tensor) -> Tensor:
    return 8.0 * F.one_hot(ids, VOCAB_SIZE).float()


def oracle(case: Case) -> dict[str, Any]:
    logits = {name: sure(ids) for name, ids in case.truth["reversed"].items()}
    return {
        "logits": logits, "alone": logits[f"length_{MAX_LEN}"][:1],
        "scrambled": torch.randn(*case.inputs["probe"].shape, VOCAB_SIZE),
    }


def test_a_few_seconds_of_attention_with_positions_pass_every_bar(reverser: nn.Module) -> None:
    for verdict in verdicts(Reverser, weights_of(reverser)):
        assert verdict.status == "passed", verdict.message


def test_the_best_guess_without_positions_fails_even_the_lowest_bar() -> None:
    exercise, (_, baseline) = SetOfPositions(), BASELINES[ID]
    for seed in SEEDS:
        cases = cases_of(seed)
        outputs = baseline(cases[0])
        assert exercise.malformed(cases[0], outputs) is None
        assert 0.1 < exercise.measure(cases[0], outputs) < min(case.inputs["bar"] for case in cases) - 0.15
        assert exercise.diagnosis(cases[0], outputs) == "places unknown"


def test_a_model_that_has_no_positions_is_told_so() -> None:
    class Placeless(Reverser):
        def forward(self, ids: Tensor) -> Tensor:
            z = self.word(ids)
            return self.output(z + self.attention(z, z, z))

    for verdict in verdicts(Placeless, weights_of(trained(fresh(Placeless), 100))):
        assert verdict.points == 0
        assert verdict.hint == hint_of("places unknown")


def test_an_untrained_model_is_told_its_quality_and_the_bar() -> None:
    for verdict in verdicts(Reverser, weights_of(fresh(Reverser))):
        assert verdict.points == 0
        assert verdict.hint == hint_of("nothing learned")
        assert "of the words right on new sequences of 6 to 16 words; this case asks for 40% or more" in verdict.message


def test_a_model_that_saw_one_length_only_is_told_so() -> None:
    for verdict in verdicts(Reverser, weights_of(trained(fresh(Reverser), 200, shortest=MAX_LEN))):
        assert verdict.status == "partial"
        assert verdict.hint == hint_of("right at one length only")


class FlippedWords(nn.Module):
    """No attention at all."""

    def __init__(self, vocab_size: int, max_len: int) -> None:
        super().__init__()
        self.word, self.output = nn.Embedding(vocab_size, 64), nn.Linear(64, vocab_size)

    def forward(self, ids: Tensor) -> Tensor:
        return self.output(self.word(ids.flip(1)))


class FlippedFirst(Reverser):
    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids.flip(1))


class FlippedLast(Reverser):
    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids).flip(1)


class Known(Reverser):
    """The answer, whatever the weights are."""

    def forward(self, ids: Tensor) -> Tensor:
        return sure(ids.flip(1))


@pytest.mark.parametrize("answer", [FlippedWords, FlippedFirst, FlippedLast, Known])
def test_an_order_that_the_code_turns_earns_nothing(answer: Any) -> None:
    model = fresh(answer)
    if answer is not Known:
        trained(model, 150)
    for verdict in verdicts(answer, weights_of(model)):
        assert verdict.points == 0
        assert verdict.hint == hint_of("turned by the code")


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_recurrent_network_is_another_exercise(kind: str) -> None:
    class Recurrent(Reverser):
        def __init__(self, vocab_size: int, max_len: int) -> None:
            super().__init__(vocab_size, max_len)
            self.reader = getattr(nn, kind)(4, 4)

    for verdict in verdicts(Recurrent, weights_of(fresh(Recurrent))):
        assert verdict.points == 0
        assert f"`reader` is an nn.{kind}" in verdict.message


def test_a_convolution_over_neighbours_is_refused_and_one_over_single_places_is_not(reverser: nn.Module) -> None:
    class Convolved(Reverser):
        width = 1

        def __init__(self, vocab_size: int, max_len: int) -> None:
            super().__init__(vocab_size, max_len)
            self.mix = nn.Conv1d(4, 4, self.width)

    weights = weights_of(reverser)
    narrow = weights | {"mix.weight": torch.zeros(4, 4, 1), "mix.bias": torch.zeros(4)}
    assert judge_answer(ID, Convolved, weights=narrow).status == "passed"
    Convolved.width = 3
    wide = weights | {"mix.weight": torch.zeros(4, 4, 3), "mix.bias": torch.zeros(4)}
    assert "nn.Conv1d" in judge_answer(ID, Convolved, weights=wide).message


class Buffered(Reverser):
    """A buffer that is saved, one that is not, a mask of minus infinities, and a dropout for training."""

    def __init__(self, vocab_size: int, max_len: int) -> None:
        super().__init__(vocab_size, max_len)
        self.register_buffer("places", torch.arange(max_len))
        self.register_buffer("hidden", torch.zeros(max_len, max_len).masked_fill(torch.eye(max_len) > 1, -torch.inf))
        self.register_buffer("zeros", torch.zeros(max_len, 64), persistent=False)
        self.dropout = nn.Dropout(0.5)

    def forward(self, ids: Tensor) -> Tensor:
        place = self.places[: ids.shape[1]]
        z = self.word(ids) + self.start(place) + self.end(place.flip(0)) + self.zeros[place]
        return self.dropout(self.output(z + self.attention(z, z, z) + self.hidden[0, 0]))


def test_buffers_and_dropout_do_no_harm(reverser: nn.Module) -> None:
    weights = weights_of(fresh(Buffered)) | weights_of(reverser)
    assert {"places", "hidden"} < set(weights)
    assert "zeros" not in weights
    for verdict in verdicts(Buffered, weights):
        assert verdict.status == "passed", verdict.message


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_any_precision_are_taken(reverser: nn.Module, dtype: torch.dtype) -> None:
    weights = {name: value.to(dtype) for name, value in weights_of(reverser).items()}
    assert judge_answer(ID, Reverser, weights=weights).status == "passed"


def test_weights_that_two_layers_share_are_saved_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Tied(Reverser):
        def __init__(self, vocab_size: int, max_len: int) -> None:
            super().__init__(vocab_size, max_len)
            self.output.weight = self.word.weight

    monkeypatch.chdir(tmp_path)
    model = trained(fresh(Tied), 300, max_rate=5e-3)
    save_weights(model, ID)
    found = read_artifact(tmp_path, f"{ID}.safetensors")
    assert torch.equal(found["output.weight"], model.word.weight)
    assert judge_answer(ID, Tied, weights=found).status == "passed"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"word.weight": None}, "has no tensor 'word.weight', which the model has"),
        ({"more": torch.zeros(2)}, "has a tensor 'more', which the model has not"),
        ({"start.weight": torch.zeros(9, 64)}, "'start.weight' has shape"),
    ],
)
def test_weights_that_do_not_fit_the_class_are_named(change: dict[str, Any], message: str) -> None:
    changed = weights_of(fresh(Reverser)) | change
    weights = {name: value for name, value in changed.items() if value is not None}
    for hidden in (False, True):
        verdict = judge_answer(ID, Reverser, weights=weights, hidden=hidden)
        assert verdict.points == 0
        assert message in verdict.message


def test_the_bars_share_one_forward_pass_for_each_length() -> None:
    passes = []

    class Counting(Reverser):
        def forward(self, ids: Tensor) -> Tensor:
            passes.append(ids.shape)
            return super().forward(ids)

    weights = weights_of(fresh(Counting))
    for _ in range(2):
        passes.clear()
        for case in cases_of():
            assert perform(get(ID), Counting, {**case.inputs, "weights": weights}).failure is None
        assert len(passes) == MAX_LEN - SHORTEST + 3
    assert sorted({shape[1] for shape in passes}) == list(range(SHORTEST, MAX_LEN + 1))


def test_an_oracle_passes_and_shows_no_symptom() -> None:
    exercise = get(ID)
    for case in cases_of():
        assert exercise.verify(case, oracle(case)) == []
        assert exercise.symptom(case, oracle(case)) is None


def junk(case: Case) -> list[dict[str, Any]]:
    right = oracle(case)
    name = f"length_{SHORTEST}"
    values = [None, "many", [1.0], torch.zeros(()), torch.zeros(3, 4), right["logits"][name].long(),
              right["logits"][name] * float("nan"), right["logits"][name][:, 1:]]
    return [
        {}, {"logits": right["logits"]}, right | {"logits": {}}, right | {"logits": torch.zeros(3)},
        *(right | {"logits": right["logits"] | {name: value}} for value in values),
        *(right | {"alone": value} for value in values), *(right | {"scrambled": value} for value in values[:5]),
    ]


def test_outputs_of_a_wrong_form_are_a_problem_and_no_crash() -> None:
    exercise, case = get(ID), cases_of()[0]
    for outputs in junk(case):
        problems = exercise.verify(case, outputs)
        assert problems
        assert "expected" in problems[0] or "NaN" in problems[0]
        assert exercise.symptom(case, outputs) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_scrambled_weights_may_overflow(value: float) -> None:
    exercise, case = get(ID), cases_of()[0]
    scrambled = torch.full((*case.inputs["probe"].shape, VOCAB_SIZE), value, dtype=torch.float64)
    assert exercise.verify(case, oracle(case) | {"scrambled": scrambled}) == []


def test_the_probe_changes_one_word_at_a_time() -> None:
    probe = cases_of()[0].inputs["probe"].reshape(8, 10, 9)
    assert (probe.sort(dim=2).values.diff(dim=2) > 0).all()
    changed = probe[:, 1:] != probe[:, :1]
    assert torch.equal(changed, torch.eye(9, dtype=torch.bool).expand(8, -1, -1))


def test_a_length_is_lonely_when_those_beside_it_are_bad() -> None:
    assert lonely([0.1, 0.2, 1.0, 0.3])
    assert lonely([0.1, 0.2, 1.0])
    assert lonely([1.0, 0.2, 0.1])
    assert not lonely([1.0, 1.0, 0.2])
    assert not lonely([0.9, 0.2, 0.9])


def test_hidden_messages_hold_no_answers() -> None:
    asked = expectation(ID, 5)
    for verdict in (judge_answer(ID, Reverser, seed=5, hidden=True, weights=weights_of(fresh(Reverser))),):
        shown = " ".join(case.message for case in verdict.cases)
        assert "tensor" not in shown
        assert len(shown) < 400 * len(asked.cases)
