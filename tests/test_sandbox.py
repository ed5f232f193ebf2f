"""What a learner's code can see, reach, use up and leave behind, looked at from inside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autograder.errors import GradingImpossible, NoSandbox
from autograder.kernel import sandbox as outside
from autograder.kernel.limits import Limits
from autograder.kernel.sandbox import Sandbox, find_bwrap, socket_folder
from autograder.kernel.visible import PACKAGE, STUDENT_SIDE, bwrap_arguments, python_folders
from tests.judging import NEEDS_BWRAP

pytestmark = NEEDS_BWRAP
SMALL = Limits(
    memory_bytes=512 * 2**20, home_bytes=4 * 2**20, files=100, processes=24, cell_seconds=6.0, ask_seconds=5.0
)


@pytest.fixture(scope="module")
def box():
    """A sandbox whose judge holds secrets that no kernel may find."""
    before = {name: os.environ.get(name) for name in ("COURSE_SEED", "SECRET_TOKEN")}
    os.environ.update(COURSE_SEED="987654321", SECRET_TOKEN="open sesame")
    try:
        with Sandbox(SMALL) as made:
            made.wait_warm()
            yield made
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture
def kernel(box):
    with box.fork() as forked:
        yield forked
    box.forget(forked.id)


def seen(kernel, source):
    """What Python code inside prints, as JSON."""
    reply = kernel.execute("import json, os, socket, sys, pathlib\n" + textwrap.dedent(source))
    assert reply.status == "ok", (reply.status, reply.error)
    return json.loads(reply.outputs[0]["text"])


def test_there_is_no_network(kernel):
    found = seen(
        kernel,
        """
        def attempt(address):
            with socket.socket() as s:
                s.settimeout(1)
                try:
                    s.connect(address)
                    return "connected"
                except OSError as error:
                    return error.errno
        print(json.dumps({"names": [n for _, n in socket.if_nameindex()],
                          "tries": [attempt(("1.1.1.1", 80)), attempt(("127.0.0.1", 22))]}))
        """,
    )
    assert found["names"] == ["lo"]
    assert "connected" not in found["tries"]


def test_nothing_of_the_judges_is_on_disk_or_can_be_imported(kernel):
    found = seen(
        kernel,
        f"""
        package = {str(PACKAGE)!r}
        files = [os.path.relpath(os.path.join(d, f), package) for d, _, fs in os.walk(package) for f in fs]
        found = []
        for name in ("reference", "misconceptions", "judge", "nbgrader", "lesson", "kernel.sandbox", "kernel.client"):
            try:
                __import__("autograder." + name)
                found.append(name)
            except ImportError:
                pass
        loaded = [n for n in sys.modules if n.startswith("autograder.")]
        print(json.dumps({{"files": files, "imported": found, "loaded": loaded}}))
        """,
    )
    assert found["imported"] == []
    allowed = tuple(STUDENT_SIDE)
    assert all(name.startswith(allowed) for name in found["files"])
    banned = ("reference", "misconceptions", "judge", "sandbox")
    assert not [n for n in found["loaded"] if any(b in n for b in banned)]


def test_no_home_no_solution_no_gradebook_no_submission_is_on_disk(kernel):
    root = PACKAGE.parent
    found = seen(
        kernel,
        f"""
        root = pathlib.Path({str(root)!r})
        suspects = [n for d, _, fs in os.walk("/") if not d.startswith(("/usr", "/dev")) for n in fs
                    if n.endswith((".ipynb", ".db", ".sqlite"))
                    and "site-packages" not in d and "dist-packages" not in d]
        print(json.dumps({{"root": sorted(os.listdir(root)), "home": os.listdir(pathlib.Path.home()),
                           "real home": [n for h in ("/root", "/home") for n in os.listdir(h)],
                           "suspects": suspects, "tmp": os.listdir("/tmp"), "shm": os.listdir("/dev/shm")}}))
        """,
    )
    assert set(found["root"]) <= {"autograder", "data", ".venv"}
    assert found["home"] in ([], [".ipython"], [".cache"])
    assert set(found["real home"]) <= {"learner", *(Path(p).parts[2] for p in python_folders() if p.count("/") > 1)}
    assert found["suspects"] == []
    assert found["shm"] == []
    assert set(found["tmp"]) <= {"matplotlib"} or all("ipykernel" in n or "matplotlib" in n for n in found["tmp"])


def test_no_other_process_and_no_secret_can_be_seen(kernel):
    found = seen(
        kernel,
        """
        print(json.dumps({"proc": os.listdir("/proc"), "pid": os.getpid(), "parent": os.getppid(),
                          "environment": dict(os.environ), "argv": sys.argv}))
        """,
    )
    assert sorted(found["proc"]) == ["cpuinfo", "meminfo"]
    assert (found["pid"], found["parent"]) == (1, 0)
    everything = json.dumps(found)
    assert "987654321" not in everything
    assert "sesame" not in everything
    assert "COURSE_SEED" not in everything


def test_descriptors_are_the_kernels_own(kernel):
    """None leads to a file, a terminal, a pipe of the warm process or a socket outside."""
    found = seen(
        kernel,
        """
        import stat
        kinds = []
        for fd in range(256):
            try:
                info = os.fstat(fd)
            except OSError:
                continue
            if stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode) or stat.S_ISBLK(info.st_mode):
                kinds.append((fd, oct(info.st_mode)))
            if fd < 3 and not (stat.S_ISCHR(info.st_mode) and info.st_rdev == os.makedev(1, 3)):
                kinds.append((fd, "stream"))
        print(json.dumps(kinds))
        """,
    )
    assert found == []


def test_nothing_can_be_written_but_home_tmp_and_shared_memory(kernel):
    found = seen(
        kernel,
        """
        writable = []
        for folder, _, _ in os.walk("/"):
            try:
                path = os.path.join(folder, "left-behind")
                with open(path, "w"):
                    writable.append(folder)
            except OSError:
                pass
        print(json.dumps(writable))
        """,
    )
    allowed = ("/tmp", "/dev/shm", "/home/learner")
    assert all(folder.startswith(allowed) for folder in found)
    assert set(allowed) <= set(found)


LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def test_privileges_do_not_come_back(kernel):
    found = seen(
        kernel,
        LIBC
        + """
def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    return ctypes.get_errno() if result else 0

results = {
    "mount": call("mount", b"none", b"/tmp", b"tmpfs", 0, b""),
    "umount proc": call("umount2", b"/proc", 2),
    "umount s": call("umount2", b"/s", 2),
    "setuid": call("setuid", 0),
    "chroot": call("chroot", b"/tmp"),
    "sethostname": call("sethostname", b"x", 1),
    "mknod": call("mknod", b"/tmp/disk", 0o60666, os.makedev(254, 0)),
    "kill everybody": call("kill", -1, 9),
}
print(json.dumps(results))
""",
    )
    assert 0 not in found.values()


def test_a_user_namespace_inside_uncovers_nothing(kernel):
    """Where one may be made at all, everything that was covered stays covered."""
    found = seen(
        kernel,
        LIBC
        + """
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    result = {"made": libc.unshare(0x10000000 | 0x00020000 | 0x20000000) == 0, "uncovered": []}
    for place in (b"/proc", b"/s", b"/tmp", b"/dev/shm", b"/home/learner", b"/k"):
        if libc.umount2(place, 2) == 0:
            result["uncovered"].append(place.decode())
    if libc.mount(b"proc", b"/tmp", b"proc", 0, b"") == 0:
        result["uncovered"].append("a fresh proc: " + repr(os.listdir("/tmp")))
    if libc.mount(b"none", b"/k", b"", 4096 | 32, b"") == 0:
        result["uncovered"].append("k writable")
    os.write(writing, json.dumps(result).encode())
    os._exit(0)
os.waitpid(child, 0)
print(os.read(reading, 10000).decode())
""",
    )
    assert found["uncovered"] == []


def test_dangerous_system_calls_are_refused(kernel):
    found = seen(
        kernel,
        LIBC
        + """
import platform
numbers = {"x86_64": {"memfd": 319, "shmget": 29, "unshare": 272, "ptrace": 101, "bpf": 321, "io_uring": 425,
                      "userfaultfd": 323, "keyctl": 250, "perf": 298, "setns": 308},
           "aarch64": {"memfd": 279, "shmget": 194, "unshare": 97, "ptrace": 117, "bpf": 280, "io_uring": 425,
                       "userfaultfd": 282, "keyctl": 219, "perf": 241, "setns": 268}}[platform.machine()]
results = {}
for name, number in numbers.items():
    ctypes.set_errno(0)
    libc.syscall(number, 0, 0, 0, 0, 0)
    results[name] = ctypes.get_errno()
print(json.dumps(results))
""",
    )
    assert set(found.values()) == {1}


def test_a_fork_bomb_is_contained(kernel, box):
    found = seen(
        kernel,
        """
        children = []
        try:
            for _ in range(500):
                child = os.fork()
                if child == 0:
                    import time
                    time.sleep(60)
                    os._exit(0)
                children.append(child)
        except OSError as error:
            pass
        print(json.dumps(len(children)))
        """,
    )
    assert found <= SMALL.processes
    with box.fork() as other:
        assert other.execute("1 + 1").status == "ok"


@pytest.mark.parametrize(
    "bomb",
    ["x = bytearray(2**31)", "import torch\nx = torch.zeros(2**29)", "x = [bytearray(10**7) for _ in range(400)]"],
)
def test_a_memory_bomb_is_an_error_and_the_kernel_goes_on(kernel, bomb):
    reply = kernel.execute(bomb)
    assert reply.status == "error"
    assert "memory" in reply.error.lower()
    assert kernel.execute("1 + 1").status == "ok"


def test_a_full_disk_is_an_error_and_the_next_kernel_has_an_empty_one(box):
    filling = """
        def fill(folder):
            try:
                for i in range(10**4):
                    with open(f"{folder}/{i}", "wb") as file:
                        file.write(bytes(10**6))
            except OSError as error:
                return error.errno
        def crowd(folder):
            try:
                for i in range(10**5):
                    open(f"{folder}/empty-{i}", "w").close()
            except OSError as error:
                return error.errno
        print(json.dumps([fill(p) or crowd(p) for p in ("/tmp", "/dev/shm", os.environ["HOME"], "/k")]))
        """
    for _ in range(2):
        with box.fork() as full:
            assert set(seen(full, filling)) <= {27, 28, 30}


def test_what_one_kernel_leaves_the_next_does_not_find(box):
    leave = """
        for folder in ("/tmp", "/dev/shm", os.environ["HOME"], "/k", "/s", "/", "/dev"):
            try:
                pathlib.Path(folder, "left-behind").write_text("secret")
            except OSError:
                pass
        left = socket.socket(socket.AF_UNIX)
        left.bind("\\0left-behind")
        left.listen()
        import signal, threading
        os.environ["LEFT_BEHIND"] = "1"
        print(json.dumps(True))
        """
    look = """
        folders = ("/tmp", "/dev/shm", os.environ["HOME"], "/k", "/s", "/", "/dev")
        found = [f for f in folders if os.path.exists(f + "/left-behind")]
        found += ["environment"] if "LEFT_BEHIND" in os.environ else []
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect("\\0left-behind")
                found.append("abstract socket")
            except OSError:
                pass
        print(json.dumps(found))
        """
    with box.fork() as first:
        assert seen(first, leave) is True
        with box.fork() as beside:
            assert seen(beside, look) == []
    with box.fork() as after:
        assert seen(after, look) == []


def test_the_folder_of_the_sockets_can_not_be_changed(kernel):
    found = seen(
        kernel,
        """
        def attempt(act):
            try:
                act()
                return "done"
            except OSError as error:
                return error.errno
        print(json.dumps([attempt(lambda: os.unlink("/k/k-1")), attempt(lambda: os.symlink("/etc", "/k/link")),
                          attempt(lambda: os.chmod("/k", 0o777)), attempt(lambda: os.rename("/k/k-1", "/k/k-9"))]))
        """,
    )
    assert set(found) == {30}
    assert sorted(p.name for p in socket_folder(kernel).iterdir()) == ["k-1", "k-2", "k-3", "k-4", "k-5"]


def test_the_report_pipe_is_closed_before_a_learners_code_runs(kernel, box):
    """Writing lines to every descriptor tells the warm process nothing."""
    kernel.execute(
        "import os, stat\nfor fd in range(256):\n    try:\n        if stat.S_ISFIFO(os.fstat(fd).st_mode):\n"
        "            os.write(fd, b'not json\\n{\"pid\": 1}\\n{\"status\": 0}\\n')\n    except OSError: pass"
    )
    assert not box.ended(kernel.id)
    with box.fork() as other:
        assert other.execute("1 + 1").status == "ok"


def test_a_kernel_that_ends_itself_is_known_to_have_ended_and_is_forgotten(box):
    kernel = box.fork()
    assert kernel.execute("import os\nos._exit(3)").status == "died"
    assert not kernel.alive
    assert kernel.execute("1").status == "died"
    kernel.close()
    box.forget(kernel.id)
    with box.fork() as other:
        assert other.execute("1").status == "ok"
    assert not [e for e in box._seen if e.get("id") == kernel.id]


def test_a_loop_is_interrupted_and_the_kernel_keeps_what_it_had(kernel):
    kernel.execute("x = 41")
    assert kernel.execute("while True: pass", 0.3).status == "timeout"
    assert kernel.alive
    assert "42" in repr(kernel.execute("x + 1").outputs)


def test_a_loop_that_ignores_interrupts_is_ended(box):
    with box.fork() as stubborn:
        source = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
        assert stubborn.execute(source, 0.5).status == "timeout"
        assert not stubborn.alive


def test_output_is_cut_off_and_nothing_that_runs_in_a_browser_is_kept(kernel):
    reply = kernel.execute("for i in range(10**5): print('x' * 50)")
    assert sum(len(o.get("text", "")) for o in reply.outputs) <= SMALL.output_bytes + 100
    assert "cut off" in reply.outputs[-1]["text"]
    shown = kernel.execute(
        "from IPython.display import HTML, Javascript, Image, display\nimport sys\n"
        "display(HTML('<b>x</b>'), Javascript('1'))\ndisplay({'image/png': 'bm8='}, raw=True)\n"
        "display({'image/png': 5, 'text/plain': 'half'}, raw=True)\nprint('err', file=sys.stderr)\n1/0"
    )
    kinds = {t for o in shown.outputs for t in o.get("data", {})}
    assert kinds <= {"text/plain"}
    assert [o["output_type"] for o in shown.outputs][-1] == "error"
    assert any(o.get("name") == "stderr" for o in shown.outputs)


def test_figures_come_out_as_pictures(kernel):
    reply = kernel.execute("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", 20)
    assert "image/png" in reply.outputs[-1]["data"]


def test_what_a_lesson_needs_is_there(kernel):
    reply = kernel.execute(
        "import torch, numpy, jaxtyping, tqdm\nfrom autograder import check, budget, progress, data\n"
        "print(len(data.stories()) > 0, torch.randn(30, 30) @ torch.randn(30, 30) is not None, check('rnn_step'))", 20
    )
    assert reply.status == "ok"
    assert "grader's side" in reply.outputs[0]["text"]


def test_a_full_message_queue_of_a_stopped_kernel_does_not_stop_the_judge(box):
    with box.fork() as stopped:
        box.signal(stopped.id, signal.SIGSTOP)
        reply = stopped.ask({"exercise": "rnn_step", "cases": "[]"}, bytes(30 * 2**20), 0.5)
        assert reply.status in ("died", "timeout")


RAW = """
import os, socket, struct, threading
def pump(flags):
    for fd in range(3, 256):
        try:
            s = socket.socket(fileno=os.dup(fd))
            s.getpeername()
            if s.getsockname() == "/k/k-2":
                s.setblocking(True)
                body = bytes(2**20)
                for _ in range(400):
                    s.sendall(struct.pack(">BQ", flags, len(body)) + body)
        except (OSError, ValueError):
            pass
threading.Thread(target=pump, args=(FLAGS,)).start()
import time
time.sleep(1.5)
"""


@pytest.mark.parametrize("flags", [3, 6, 2], ids=["a message without end", "commands without end", "large messages"])
def test_a_flood_below_the_protocol_does_not_fill_the_judges_memory(box, flags):
    import psutil

    before = psutil.Process().memory_info().rss
    with box.fork() as flooding:
        flooding.execute(RAW.replace("FLAGS", str(flags)), 4)
        assert psutil.Process().memory_info().rss - before < 150 * 2**20


def test_the_judge_leaves_no_process_and_no_descriptor_behind(box):
    def count():
        return len(os.listdir("/proc/self/fd"))

    with box.fork() as kernel:
        kernel.execute("1")
    before = count()
    for _ in range(3):
        with box.fork() as kernel:
            kernel.execute("1")
    assert count() == before
    with box.fork() as kernel:
        kernel.execute("1")
        assert len(list(Path(outside.__file__).parent.parent.iterdir())) > 3
    root = Path(box._root)
    kernel_folders = [p.name for p in root.iterdir()]
    assert len(kernel_folders) <= 2


def test_when_its_judge_is_killed_the_sandbox_goes_too():
    source = (
        "from autograder.kernel.sandbox import Sandbox\nimport time, os\ns = Sandbox()\ns.wait_warm()\nk = s.fork()\n"
        "print(s._root.split('/')[2], flush=True)\ntime.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as judge:
        pid = int(judge.stdout.readline())
        judge.kill()
    import psutil

    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert not psutil.pid_exists(pid)


def test_a_sandbox_that_is_closed_while_it_starts_leaves_no_process():
    import psutil

    def in_group(group):
        for process in psutil.process_iter():
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    for _ in range(10):
        made = Sandbox(SMALL)
        made.close()
        assert psutil.wait_procs(list(in_group(made._process.pid)), timeout=10)[1] == []


def test_a_closed_sandbox_says_so_and_closes_twice():
    made = Sandbox(SMALL)
    made.wait_warm()
    kernel = made.fork()
    made.close()
    made.close()
    kernel.close()
    assert made.ended(kernel.id)
    with pytest.raises(GradingImpossible):
        made.fork()


def test_a_sandbox_that_can_not_start_says_why(monkeypatch, tmp_path):
    script = tmp_path / "bwrap"
    script.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Sandbox(SMALL) as made, pytest.raises(NoSandbox, match=r"No permissions.*sysctl"):
        made.wait_warm()


def test_without_bubblewrap_the_command_that_helps_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoSandbox, match=r"apt-get install bubblewrap.*conda-forge bubblewrap.*--unsafe-no-sandbox"):
        find_bwrap()
    with pytest.raises(NoSandbox):
        Sandbox(SMALL)


def test_only_the_students_side_is_bound():
    arguments = bwrap_arguments("bwrap", privileged=False)
    bound = [Path(a) for a in arguments if a.startswith(str(PACKAGE) + "/")]
    assert not [p for p in bound if p.name in ("reference", "misconceptions", "judge", "sandbox.py", "client.py")]
    assert "--unshare-all" in arguments
    assert "--unshare-net" in bwrap_arguments("bwrap", privileged=True)
