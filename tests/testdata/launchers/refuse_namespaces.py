"""Starts a program under a system call filter that refuses new namespaces, as container engines do.

    refuse_namespaces.py [--keep-privileges] [--mounts-only] [--except PROGRAM] PROGRAM [ARGUMENT...]

clone3 is answered with ENOSYS, and clone and unshare with EPERM where they ask for a namespace:
what the default profile of Docker and Podman answers to whoever lacks CAP_SYS_ADMIN. Root may leave
out no_new_privs, as an engine does.

--mounts-only lets namespaces come into being and refuses the first mount in them, which is how it
shows that a security module took their rights away.

--except imitates a security module that allows namespaces to one program only, by its path: a
supervisor is asked for each such call, and lets it pass when the caller is that program.
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import sys

NUMBERS = {
    "x86_64": {"arch": 0xC000003E, "clone": 56, "clone3": 435, "unshare": 272, "mount": 165, "seccomp": 317},
    "aarch64": {"arch": 0xC00000B7, "clone": 220, "clone3": 435, "unshare": 97, "mount": 40, "seccomp": 277},
}[platform.machine()]
NAMESPACES = 0x7E020000
ALLOW, ERRNO, NOTIFY = 0x7FFF0000, 0x00050000, 0x7FC00000
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
PR_SET_NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER = 38, 1, 8
RECEIVE, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1

libc = ctypes.CDLL(None, use_errno=True)


def install(ask, mounts_only):
    refuse = NOTIFY if ask else ERRNO | errno.EPERM
    absent = NOTIFY if ask else ERRNO | errno.ENOSYS
    program = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, NUMBERS["arch"]),
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, 0),
        (EQUAL, 0, 1, NUMBERS["clone3"]),
        (RETURN, 0, 0, absent),
        (EQUAL, 1, 0, NUMBERS["clone"]),
        (EQUAL, 0, 3, NUMBERS["unshare"]),
        (LOAD, 0, 0, 16),
        (ANY_BIT, 0, 1, NAMESPACES),
        (RETURN, 0, 0, refuse),
        (RETURN, 0, 0, ALLOW),
    ]
    if mounts_only:
        program = [
            (LOAD, 0, 0, 0),
            (EQUAL, 0, 1, NUMBERS["mount"]),
            (RETURN, 0, 0, refuse),
            (RETURN, 0, 0, ALLOW),
        ]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    code = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    flags = NEW_LISTENER if ask else 0
    listener = libc.syscall(NUMBERS["seccomp"], SET_MODE_FILTER, flags, header)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def supervise(listener, allowed):
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    while True:
        # It hangs up once everything that it listens to has ended.
        if any(event & select.POLLHUP for _, event in waiting.poll()):
            return
        call = bytearray(80)
        try:
            fcntl.ioctl(listener, RECEIVE, call)
        except OSError as error:
            if error.errno == errno.ENOENT:
                continue
            return
        identifier, pid = struct.unpack_from("QI", call)
        number = struct.unpack_from("i", call, 16)[0]
        try:
            program = os.readlink(f"/proc/{pid}/exe")
        except OSError:
            program = None
        # What is asked for stands in memory for clone3 and cannot be trusted; nothing here does.
        refused = errno.ENOSYS if number == NUMBERS["clone3"] else errno.EPERM
        error, flags = (0, CONTINUE) if program == allowed else (-refused, 0)
        try:
            fcntl.ioctl(listener, SEND, struct.pack("QqiI", identifier, 0, error, flags))
        except OSError as gone:
            if gone.errno != errno.ENOENT:
                raise


def main():
    words = sys.argv[1:]
    keep, mounts_only, allowed = False, False, None
    while words[0].startswith("--"):
        if words[0] == "--keep-privileges":
            keep, words = True, words[1:]
        elif words[0] == "--mounts-only":
            mounts_only, words = True, words[1:]
        else:
            allowed, words = os.path.realpath(words[1]), words[2:]
    ours, theirs = socket.socketpair()
    if allowed is None:
        child = 0
    else:
        child = os.fork()
    if child == 0:
        if not keep and libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no_new_privs")
        listener = install(allowed is not None, mounts_only)
        if allowed is not None:
            socket.send_fds(theirs, [b"x"], [listener])
            os.close(listener)
        os.execv(words[0], words)
    theirs.close()
    _, listeners, _, _ = socket.recv_fds(ours, 1, 1)
    if os.fork() == 0:
        supervise(listeners[0], allowed)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


main()
