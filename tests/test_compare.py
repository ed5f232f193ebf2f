"""The ladder: runs, type, shape, dtype, finite, values, gradients, inputs. The first broken rung is named."""

import math
import re

import pytest
import torch

from autograder.compare import compare, describe
from autograder.drive import Failure, Response
from autograder.exercise import Case, Exercise, Tolerance
from autograder.verdict import decide, no_answer, problem_of
from autograder.wire import Other

PLAIN = Tolerance()
X = torch.tensor([[1.5, -2.25], [3.0, 41.75]], dtype=torch.float64)


def problem(expected, got, tolerance=PLAIN):
    return compare(Response({"y": expected}), Response({"y": got}), tolerance)


def rung(expected, got, tolerance=PLAIN):
    found = problem(expected, got, tolerance)
    return None if found is None else found.rung


@pytest.mark.parametrize(
    ("expected", "got", "where"),
    [
        (X, X.clone(), None), (X, X + 1e-10, None), (X, X + 1e-6, "values"), (X, X.float(), "dtype"),
        (X, X.long(), "dtype"), (X, X[0], "shape"), (X, X.tolist(), "type"), (X, None, "type"),
        (X, Other("numpy.ndarray"), "type"), (X, X * math.nan, "finite"), (X, X / 0, "finite"),
        (X.float(), X.float() + 1e-5, None), (X.float(), X.float() + 1e-2, "values"),
        (X.bfloat16(), X.bfloat16() * 1.01, None), (X.long(), X.long() + 1, "values"), (X > 0, X > 0, None),
        (X > 0, X < 0, "values"), (torch.zeros(0), torch.zeros(0), None), (torch.zeros(0), torch.zeros(1), "shape"),
        (torch.tensor(2.0), torch.tensor(3.0), "values"), (X * math.nan, X * math.nan, None), (X / 0, X / 0, None),
        (X / 0, -X / 0, "values"), (X / 0, X, "values"),
        (3, 3, None), (3, 4, "values"), (3, True, "type"), (3, 3.0, "type"), (True, 1, "type"), ("a", "a", None),
        ("a", "b", "values"), (None, None, None), (None, 0, "type"),
        (0.5, 0.5, None), (0.5, 0.5 + 1e-9, None), (0.5, 0.6, "values"), (2.0, 2, None), (2.0, True, "type"),
        (2.0, "2.0", "type"), (2.0, 10**400, "values"), (math.nan, math.nan, None), (math.inf, math.inf, None),
        (math.inf, 1.0, "values"), (1.0, math.inf, "values"), (1.0, math.nan, "values"), (2.0, X, "type"),
        ([1, 2], [1, 2], None), ([1, 2], (1, 2), "type"), ((1, 2), [1, 2], None), ([1, 2], [1], "shape"),
        ([1, 2], [1, 3], "values"), ([1, 2], "12", "type"), ([], [], None), ({"a": 1}, {"a": 1}, None),
        ({"a": 1}, {"a": 1, "b": 2}, "type"), ({"a": 1}, {}, "type"), ({"a": 1}, [("a", 1)], "type"),
        ([1], [10**400], "values"),
    ],
)  # fmt: skip
def test_the_first_broken_rung_is_named(expected, got, where):
    assert rung(expected, got) == where


def test_one_number_that_is_off_is_found_and_shown_where_it_is():
    wrong = X.clone()
    wrong[1, 0] = 3.5
    found = problem(X, wrong)
    assert found.public == "`y`: expected 3 at [1, 0], got 3.5 (1 of 4 values differ)"


@pytest.mark.parametrize("value", [X + 1, X.float(), X[0], [1.5], X * math.nan, "3.0", Other("a.b")])
def test_a_hidden_message_holds_none_of_the_numbers(value):
    hidden = problem(X, value).hidden.replace("float64", "").replace("float32", "")
    assert not re.search(r"\d", hidden)


def test_a_tolerance_of_its_own_replaces_the_one_of_the_dtype():
    assert rung(X, X * 1.01, Tolerance(0.05)) is None
    assert rung(X, X * 1.1, Tolerance(0.05)) == "values"
    assert rung(1.0, 1.01, Tolerance(0.05)) is None


def test_a_failure_comes_before_everything():
    failed = Response(failure=Failure("error", "ValueError: got 41.75", "line 3: raise ValueError"))
    found = compare(Response({"y": X}), failed, PLAIN)
    assert found.rung == "error"
    assert found.public == "it raised ValueError: got 41.75\nline 3: raise ValueError"
    assert found.hidden == "it raised ValueError\nline 3: raise ValueError"


def test_an_error_that_is_named_after_the_numbers_does_not_carry_them_out():
    failed = Response(failure=Failure("error", "41.75 -2.25: x"))
    assert not re.search(r"\d", compare(Response({"y": X}), failed, PLAIN).hidden)


def test_a_hidden_form_message_keeps_names_and_loses_sizes():
    message = "the parameter 'rnn.weight_ih_l0' has shape (5, 7); expected (7, 5)"
    hidden = compare(Response({"y": X}), Response(failure=Failure("form", message)), PLAIN).hidden
    assert "'rnn.weight_ih_l0'" in hidden
    assert "5" not in hidden


def grads(**found):
    return Response({"y": X}, found)


@pytest.mark.parametrize(
    ("want", "have", "message"),
    [
        (X, X, None), (X, X + 1e-8, None), (X, X + 0.1, "expected 1.5"), (X, None, "no gradient reaches"),
        (X, X[0], "another shape"), (X, X.float(), "another shape or dtype"), (None, None, None),
        (None, torch.zeros_like(X), None), (None, X, "expected 0"), (torch.zeros_like(X), None, None),
        (X, X * math.nan, "expected 1.5"),
    ],
)
def test_gradients_are_compared_and_a_missing_one_counts_as_zero(want, have, message):
    found = compare(grads(w=want), grads(w=have), PLAIN)
    assert found is None if message is None else message in found.public


def test_a_gradient_that_was_not_sent_at_all_is_a_missing_one():
    assert compare(grads(w=X), grads(), PLAIN).rung == "gradients"


def test_a_changed_input_is_the_last_rung():
    changed = Response({"y": X}, changed=("x",))
    assert compare(Response({"y": X}), changed, PLAIN).public.startswith("the answer changed its input `x`")


def test_values_are_described_in_a_few_words():
    assert describe(X) == "a tensor of shape (2, 2)"
    assert describe(Other("builtins.set")) == "set"
    assert describe("a" * 1000) == ("str '" + "a" * 1000)[:80]
    assert describe((1, 2)) == "a tuple of 2"
    assert len(describe(10**5000)) < 200


class Toy(Exercise):
    id, lesson, points, answer_names = "toy", "00_toy", 6.0, ("toy",)

    def cases(self, rng):
        yield from CASES

    def drive(self, answer, **inputs):
        return {"y": answer(**inputs)}


CASES = (Case("one", {"x": 1}, weight=2), Case("two", {"x": 2}))


def judged(*got, hidden=True):
    return decide(Toy(), CASES, (Response({"y": 1}), Response({"y": 2})), got, hidden)


def test_points_follow_the_weights_of_the_cases_that_passed():
    full = judged(Response({"y": 1}), Response({"y": 2}))
    assert (full.status, full.points, full.message) == ("passed", 6.0, "")
    half = judged(Response({"y": 1}), Response({"y": 3}))
    assert (half.status, half.points) == ("partial", 4.0)
    assert half.message == "two: `y` has wrong values"
    none = judged(Response({"y": 0}), Response({"y": 0}))
    assert (none.status, none.points) == ("wrong", 0.0)


@pytest.mark.parametrize("kind", ["error", "memory", "timeout"])
def test_the_status_is_the_failure_that_all_cases_share(kind):
    failed = Response(failure=Failure(kind, "KeyError: 'x'"))
    assert judged(failed, failed).status == kind


def test_different_failures_are_simply_wrong():
    assert judged(Response(failure=Failure("error", "E: x")), Response({"y": 0})).status == "wrong"


def test_a_response_without_outputs_is_malformed_and_earns_nothing():
    verdict = judged(Response(), Response())
    assert (verdict.status, verdict.points) == ("malformed", 0.0)
    assert problem_of(Toy(), CASES[0], None, Response({"y": 1})).rung == "malformed"


def test_an_exercise_without_cases_can_not_be_passed():
    with pytest.raises(ValueError, match="no case"):
        decide(Toy(), (), (), (), hidden=True)


def test_as_many_responses_as_cases_are_needed():
    with pytest.raises(ValueError, match="zip"):
        judged(Response({"y": 1}))


def test_no_answer_earns_nothing_and_fails_every_case():
    verdict = no_answer(Toy(), "crashed", "gone", CASES)
    assert (verdict.points, [c.passed for c in verdict.cases]) == (0.0, [False, False])


def test_two_numbers_that_look_alike_are_shown_with_more_digits():
    found = compare(Response({"y": torch.tensor([-1.0], dtype=torch.float64)}),
                    Response({"y": torch.tensor([-0.99999999], dtype=torch.float64)}), Tolerance())
    assert found.public == "`y`: expected -1 at [0], got -0.99999999"


class Sorted(Exercise):
    id, lesson, points, difficulty, minutes, builds_on, answer_names = "sorted", "none", 1.0, 1, 1, (), ("sorted",)

    def cases(self, rng):
        yield Case("three", {"items": [3, 1, 2]})

    def drive(self, answer, items):
        return {"items": answer(items)}

    def verify(self, case, outputs):
        return [] if outputs["items"] == sorted(case.inputs["items"]) else ["not in order"]


def test_an_exercise_with_its_own_judgement_still_asks_for_untouched_inputs():
    case = Case("three", {"items": [3, 1, 2]})
    assert problem_of(Sorted(), case, None, Response({"items": [1, 2, 3]})) is None
    found = problem_of(Sorted(), case, None, Response({"items": [1, 2, 3]}, changed=("items",)))
    assert found.rung == "inputs"
