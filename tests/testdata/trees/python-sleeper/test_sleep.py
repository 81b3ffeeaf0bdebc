"""Sleeps in a child process of its own session, under a marker that can be seen from outside."""

import pathlib
import subprocess


def test_sleeps():
    marker = pathlib.Path("marker.txt").read_text().strip()
    seconds = pathlib.Path("seconds.txt").read_text().strip()
    command = ["python", "-c", f"import time; time.sleep({seconds})", marker]
    subprocess.run(command, check=True, start_new_session=True)
