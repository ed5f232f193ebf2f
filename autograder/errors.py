"""The errors this package raises on purpose.

CourseError
├── UnknownExercise      no exercise has that name
├── AnswerError          the learner's answer has the wrong form (said to the learner)
├── DataMissing          the course's data folder was not found, or a file in it
│   └── NoRealText       a text that people wrote lies in no folder, and no network gives it
├── NotPlainData         something that may not cross between judge and sandbox
├── LessonError          a lesson source that can't be built
├── SubmissionError      a submission that can't be read
│   └── MissingArtifact  trained weights that were not handed in
└── GradingImpossible    nothing can be graded: no such path, no sandbox
    └── NoSandbox        bubblewrap or user namespaces are missing
"""

from __future__ import annotations


class CourseError(Exception):
    """Base of every error that this package raises on purpose; its text is meant to be read."""


class UnknownExercise(CourseError):
    """No exercise has that name."""


class AnswerError(CourseError):
    """The learner's answer has the wrong form: said to the learner, never hidden."""


class DataMissing(CourseError):
    """The course's data folder was not found, or a file in it; the message says how to get it."""


class NoRealText(DataMissing):
    """A text that people wrote lies in no folder, and no network gives it; the message says what to lay where."""


class NotPlainData(CourseError):
    """A value that may not cross between judge and sandbox."""


class LessonError(CourseError):
    """A lesson source that can't be built."""


class SubmissionError(CourseError):
    """A submission that can't be read."""


class MissingArtifact(SubmissionError):
    """Trained weights that were not handed in."""


class GradingImpossible(CourseError):
    """Nothing can be graded; the message says the way out."""


class NoSandbox(GradingImpossible):
    """Bubblewrap or user namespaces are missing."""
