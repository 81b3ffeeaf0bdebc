import errno
import pathlib
import socket

import pytest

from limit import LIMIT


def ask(command):
    with socket.create_connection(("127.0.0.1", 6500)) as client:
        client.sendall(f"{command}\n".encode())
        return client.makefile().readline().strip()


def test_a_run_starts_with_the_seed_and_keeps_what_it_adds():
    assert ask("GET") == "1"
    assert ask("ADD") == "2"
    assert ask("GET") == "2"


def test_the_limit_is_three():
    assert LIMIT == 3


def test_the_rest_of_the_environment_cannot_be_changed():
    for path in ["/sandbox/env/new", "/sandbox/env/fixed/value"]:
        with pytest.raises(OSError) as refused:
            pathlib.Path(path).write_text("x")
        assert refused.value.errno == errno.EROFS
