"""The command line: `python -m autograder`."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from autograder.errors import CourseError

app = typer.Typer(
    help="A course from RNN to Transformer whose exercises grade themselves.", no_args_is_help=True,
    add_completion=False, pretty_exceptions_enable=False,
)
kernel_app = typer.Typer(help="The course's Jupyter kernel.", no_args_is_help=True)
app.add_typer(kernel_app, name="kernel")
errors = Console(stderr=True)


class Device(StrEnum):
    """Where the references run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if notebooks/ differs.")] = False,
) -> None:
    """Build notebooks/ from solutions/."""
    from autograder.lesson import build_all

    root = Path(__file__).resolve().parent.parent
    paths = build_all(root, check=check)
    typer.echo(f"{len(paths)} lesson{'' if len(paths) == 1 else 's'} {'up to date' if check else 'built'}")


@app.command()
def grade(
    paths: Annotated[list[Path], typer.Argument(help="Notebooks, or folders that hold them.")],
    lesson: Annotated[str | None, typer.Option(help="The lesson, where the file's name does not tell it.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Submissions at a time, each in a sandbox of its own.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write reports here; - prints them.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the hidden cases; your secret one, if not given.")] = None,
    device: Annotated[Device, typer.Option(help="Where the references run.")] = Device.auto,
    unsafe_no_sandbox: Annotated[bool, typer.Option("--unsafe-no-sandbox", help="Run code unprotected.")] = False,
) -> None:
    """Grade notebooks. Exit status 0 when every submission was graded, whatever the grades."""
    from autograder.kernel.sandbox import Sandbox

    console = Console(stderr=True)
    if unsafe_no_sandbox:
        console.print("[bold]Unsafe:[/bold] learners' code runs without a sandbox; every report says so.")
    # The sandbox warms up while this process imports torch.
    with Sandbox(unsafe=unsafe_no_sandbox) as sandbox:
        from autograder.judge.grade import Settings, find_submissions, grade_all
        from autograder.judge.report import as_json
        from autograder.judge.table import Progress, table

        settings = Settings(seed=seed, device=_device(device), unsafe=unsafe_no_sandbox)
        submissions = find_submissions(paths, lesson)
        with Progress(console, len(submissions)) as progress:
            reports = grade_all(submissions, settings, jobs, progress.told, sandbox)
    text = json.dumps(as_json(reports), indent=1, ensure_ascii=False)
    if json_file is not None and str(json_file) != "-":
        json_file.write_text(text + "\n", encoding="utf-8")
    elif json_file is not None:
        typer.echo(text)
    if json_file is None or str(json_file) != "-":
        Console().print(table(reports))


def _device(wanted: Device) -> str:
    import torch

    if wanted is Device.cuda and not torch.cuda.is_available():
        raise CourseError("--device cuda: torch finds no CUDA device here; use --device auto or cpu")
    if wanted is Device.auto:
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted.value


@app.command()
def demo(folder: Annotated[Path, typer.Option(help="The course folder to make.")] = Path("build/demo")) -> None:
    """A small class: released, answered, graded through nbgrader, fed back."""
    from autograder.demo import run_demo

    raise typer.Exit(run_demo(folder))


@kernel_app.command()
def install() -> None:
    """Install the kernelspec "Sequence course (GPU if present)" into this environment."""
    from autograder.kernel.spec import install as install_spec

    typer.echo(f"installed {install_spec()}")


@kernel_app.command()
def doctor() -> None:
    """What this machine has, what is missing, how to get it."""
    from autograder.doctor import main

    raise typer.Exit(main())


def main() -> None:
    """Run; an error that was raised on purpose is told in a sentence, without a traceback."""
    try:
        app()
    except CourseError as error:
        errors.print(f"[bold]Error:[/bold] {error}", highlight=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
