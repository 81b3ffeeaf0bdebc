"""Keeps one number in a directory of its own: GET tells it, ADD raises it, DIE ends the server."""

import pathlib
import socket
import sys

data = pathlib.Path(sys.argv[1])
if data.stat().st_mode & 0o077:
    sys.exit(f"{data} is open to others")
(data / "lock").write_text("taken")

server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", 6500))
server.listen()
print("ready", flush=True)
while True:
    client, _ = server.accept()
    with client, client.makefile("rw") as stream:
        command = stream.readline().strip()
        if command == "DIE":
            sys.exit("told to die")
        value = int((data / "value").read_text())
        if command == "ADD":
            value += 1
            (data / "value").write_text(str(value))
        stream.write(f"{value}\n")
