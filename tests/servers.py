"""A Jupyter server on the loopback, for tests that ask it over HTTP."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@contextlib.contextmanager
def jupyter_server(folder, served, environment, extensions):
    """Start it in `folder`, serving `served`, with these extensions; yields its address, ends it at last."""
    enabled = dict.fromkeys(extensions, True)
    options = ["--no-browser", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token="]
    options += ["--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={served}"]
    options += [f"--ServerApp.jpserver_extensions={enabled}"]
    options += ["--allow-root"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *options], cwd=folder, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )
    lines, found, up = [], [], threading.Event()

    def read():
        for line in process.stderr:
            lines.append(line)
            match = _ADDRESS.search(line)
            if match and not found:
                found.append(match.group())
                up.set()
        up.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert up.wait(120), "".join(lines)
        assert found, "".join(lines)
        assert any(_listens(found[0]) for _ in range(300)), "".join(lines)
        yield found[0]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        reader.join(30)
        process.stderr.close()


def _listens(address):
    """Is it there yet? It tells its address a moment before it listens."""
    host, port = address.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        threading.Event().wait(0.1)
        return False
    return True
