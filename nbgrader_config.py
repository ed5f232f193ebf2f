"""nbgrader, unchanged, with the judge inside.

The sources and the released notebooks are this project's; everything else (submissions, grades, feedback, gradebook)
lies in the course folder: the one that COURSE_FOLDER names, else `course/`.
"""

import os
import sys
from pathlib import Path

from autograder.lesson import release_config

root = Path(__file__).resolve().parent
course = Path(os.environ.get("COURSE_FOLDER", root / "course")).resolve()
course.mkdir(parents=True, exist_ok=True)

# nbgrader calls `alembic`, which lies beside this Python whether or not the environment is activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

c = get_config()

c.CourseDirectory.course_id = "sequence-models"
c.CourseDirectory.root = str(course)
c.CourseDirectory.source_directory = str(root / "build" / "source")
c.CourseDirectory.release_directory = str(root / "notebooks")
c.CourseDirectory.db_url = os.environ.get("COURSE_DB_URL", f"sqlite:///{course / 'gradebook.db'}")
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache"]

c.merge(release_config())

c.Autograde.exporter_class = "autograder.nbgrader.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "autograder.nbgrader.RebuildSubmission",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader.JudgeSubmission",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
