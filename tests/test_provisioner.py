"""A sandboxed kernel behind Jupyter's own client."""

import json
import shutil

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap"),
]

SPEC = {
    "argv": ["python"], "language": "python", "display_name": "Sandboxed",
    "metadata": {"kernel_provisioner": {"provisioner_name": "course-sandbox"}},
}


@pytest.fixture
def sandboxed_kernel(tmp_path, monkeypatch):
    folder = tmp_path / "share" / "kernels" / "sandboxed"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(SPEC))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    assert "sandboxed" in KernelSpecManager().find_kernel_specs()
    return "sandboxed"


def test_a_notebook_runs_in_the_sandbox_through_nbclient(sandboxed_kernel, tmp_path):
    code = ["import os, torch; x = torch.ones(2, 3)", "print(x.sum().item(), os.path.exists('/etc/passwd'))"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in code])
    NotebookClient(notebook, kernel_name=sandboxed_kernel, timeout=60).execute()
    assert notebook.cells[1].outputs[0].text == "6.0 False\n"


def test_a_kernel_that_dies_is_reported_as_dead(sandboxed_kernel):
    from nbclient.exceptions import DeadKernelError

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import os; os._exit(3)")])
    with pytest.raises(DeadKernelError):
        NotebookClient(notebook, kernel_name=sandboxed_kernel, timeout=60).execute()
