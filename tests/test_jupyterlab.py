"""The lesson in a real JupyterLab, in a real browser: answer a cell, run its check, read the feedback.

With COURSE_SCREENSHOT set, the feedback is also saved as docs/feedback.png, for the README.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from autograder.exercise import get
from autograder.kernel import spec
from autograder.lesson import build_lesson

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 120_000
LAB_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
WITHOUT_BIAS = "    return torch.tanh(x_t @ W_xh + h_prev @ W_hh)"
RIGHT = "    return torch.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: sudo apt-get install chromium"),
]


class Lab:
    """A JupyterLab server on the loopback, in a process group of its own, with nothing of this user's settings."""

    def __init__(self, folder: Path) -> None:
        self.log: list[str] = []
        self.url = ""
        self._up = threading.Event()
        for name, setting in LAB_SETTINGS.items():
            path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(setting))
        spec.install(str(folder / "prefix"))
        (folder / "work").mkdir()
        places = {
            "HOME": "", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTER_DATA_DIR": "data",
            "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
            "JUPYTER_PATH": "prefix/share/jupyter",
        }  # fmt: skip
        environment = {**os.environ, **{name: str(folder / place) for name, place in places.items()}}
        environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        options = ["--no-browser", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token=", "--expose-app-in-browser"]
        options += ["--allow-root"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={folder / 'work'}"],
            cwd=folder / "work", env=environment, start_new_session=True, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line)
            found = re.search(r"http://127\.0\.0\.1:[1-9]\d*/", line)
            if found and not self.url:
                self.url = found[0]
                self._up.set()
        self._up.set()

    def wait(self) -> str:
        self._up.wait(PATIENCE / 1000)
        assert self.url, "JupyterLab did not start:\n" + "".join(self.log)
        return self.url

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()


class OpenLesson:
    """A lesson open in the browser; cells go by their nbgrader names."""

    def __init__(self, page: Page, notebook: Any) -> None:
        self.page = page
        self.places = {cell.id: index for index, cell in enumerate(notebook.cells)}
        self.first_code = next(cell.id for cell in notebook.cells if cell.cell_type == "code")
        self.sources = {cell.id: cell.source for cell in notebook.cells}

    def cell(self, name: str) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(self.places[name])

    def run(self, name: str) -> Locator:
        """Run a cell as a learner does and wait until the kernel has answered it."""
        prompt = self.cell(name).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        self.cell(name).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        expect(prompt).not_to_have_text(before, timeout=PATIENCE)
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=PATIENCE)
        return self.cell(name).locator(".jp-Cell-outputArea")

    def answer(self, name: str, body: str) -> None:
        """Put `body` in the place of what the cell holds below its signature and docstring, as by pasting."""
        lines = self.sources[name].split("\n")
        stub = next(i for i, line in enumerate(lines) if line.lstrip().startswith("# YOUR CODE HERE"))
        self.cell(name).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text("\n".join([*lines[:stub], body]))


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenLesson]:
    folder = tmp_path_factory.mktemp("lab")
    _, student = build_lesson(ROOT / "solutions" / "02_rnn.py")
    lab = Lab(folder)
    try:
        nbformat.write(student, folder / "work" / "02_rnn.ipynb")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"{lab.wait()}lab/tree/02_rnn.ipynb", timeout=PATIENCE)
            page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=PATIENCE)
            page.locator("#jp-main-statusbar").get_by_text(f"{spec.DISPLAY_NAME} | Idle").wait_for(timeout=PATIENCE)
            opened = OpenLesson(page, student)
            opened.run(opened.first_code)
            yield opened
            browser.close()
    finally:
        lab.close()


def points() -> str:
    return f"{get('rnn_step').points:g}"


def test_the_notebook_opens_with_the_kernel_of_the_course(lesson: OpenLesson) -> None:
    expect(lesson.page.locator(".jp-KernelName").first).to_have_text(spec.DISPLAY_NAME)


def test_an_unanswered_exercise_is_called_that(lesson: OpenLesson) -> None:
    lesson.run("rnn_step")
    expect(lesson.run("check_rnn_step")).to_contain_text(f"rnn_step: not answered yet · 0 of {points()} points")


def test_a_known_mistake_gets_its_hint(lesson: OpenLesson) -> None:
    lesson.answer("rnn_step", WITHOUT_BIAS)
    lesson.run("rnn_step")
    feedback = lesson.run("check_rnn_step")
    expect(feedback).to_contain_text("Hint. Feed an all-zero input and an all-zero state")
    if os.environ.get("COURSE_SCREENSHOT"):
        save(lesson, ROOT / "docs" / "feedback.png")


def test_a_right_answer_is_praised_with_all_its_points(lesson: OpenLesson) -> None:
    lesson.answer("rnn_step", RIGHT)
    lesson.run("rnn_step")
    expect(lesson.run("check_rnn_step")).to_contain_text(f"rnn_step: right · {points()} of {points()} points")


def test_a_check_can_be_run_but_not_changed(lesson: OpenLesson) -> None:
    lesson.cell("check_rnn_step").locator(".cm-content").click()
    lesson.page.keyboard.insert_text("forged")
    expect(lesson.cell("check_rnn_step").locator(".cm-content")).not_to_contain_text("forged")


def save(lesson: OpenLesson, path: Path) -> None:
    """A picture of the answer and what its check says."""
    top, bottom = (lesson.cell(name).bounding_box() for name in ("rnn_step", "check_rnn_step"))
    assert top is not None
    assert bottom is not None
    path.parent.mkdir(exist_ok=True)
    height = bottom["y"] + bottom["height"] - top["y"]
    lesson.page.screenshot(path=path, clip={"x": top["x"], "y": top["y"], "width": top["width"], "height": height})
