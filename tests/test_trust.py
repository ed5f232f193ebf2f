"""The trust split, read off the source and off what is imported."""

import ast
import json
import subprocess
import sys

import pytest

from autograder.kernel.visible import PACKAGE, STUDENT_SIDE

BANNED = ("autograder.reference", "autograder.misconceptions", "autograder.judge", "autograder.kernel.sandbox",
          "autograder.kernel.client", "autograder.nbgrader", "autograder.lesson")  # fmt: skip
JUDGES_SIDE = sorted(
    p for p in PACKAGE.rglob("*.py")
    if p.is_relative_to(PACKAGE / "judge") or p.name in ("wire.py", "compare.py", "artifacts.py", "nbgrader.py")
    or p.is_relative_to(PACKAGE / "kernel")
)  # fmt: skip


def student_modules():
    for name in STUDENT_SIDE:
        path = PACKAGE / name
        found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for file in found:
            parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__")


def test_the_learners_side_imports_nothing_of_the_judges():
    source = (
        f"import importlib, json, sys\nfor name in {sorted(set(student_modules()))!r}: importlib.import_module(name)\n"
        "print(json.dumps([n for n in sys.modules if n.startswith('autograder')]))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert len(loaded) > 10
    assert [n for n in loaded if n.startswith(BANNED)] == []


@pytest.mark.parametrize("name", STUDENT_SIDE)
def test_every_file_of_the_learners_side_is_there(name):
    assert (PACKAGE / name).exists()


def _calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.func.id if isinstance(node.func, ast.Name) else ""
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                yield f"{node.func.value.id}.{node.func.attr}"


def _imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", JUDGES_SIDE, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_what_reads_untrusted_data_never_unpickles_or_runs_it(path):
    tree = ast.parse(path.read_text())
    assert not {"eval", "exec", "compile", "__import__", "torch.load", "numpy.load", "np.load"} & set(_calls(tree))
    assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"} & set(_imports(tree))


def test_references_and_misconceptions_import_nothing_above_them():
    for path in sorted((PACKAGE / "reference").glob("*.py")):
        assert not [n for n in _imports(ast.parse(path.read_text())) if n.startswith("autograder")
                    and not n.startswith("autograder.reference")]  # fmt: skip
