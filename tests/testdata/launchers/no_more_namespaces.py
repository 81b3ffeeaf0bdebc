"""Starts a program as root of a user namespace in which no further one may be created.

    no_more_namespaces.py PROGRAM [ARGUMENT...]

The machine's own limit is left alone: each user namespace has one of its own. Called by root, so that
enough ids can be mapped for root to have one to give away.
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000

ready_in, ready_out = os.pipe()
mapped_in, mapped_out = os.pipe()
child = os.fork()
if child == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(ready_out, b"x")
    os.read(mapped_in, 1)
    with open("/proc/sys/user/max_user_namespaces", "w") as limit:
        limit.write("0")
    os.execv(sys.argv[1], sys.argv[1:])
os.read(ready_in, 1)
for name in ("uid_map", "gid_map"):
    with open(f"/proc/{child}/{name}", "w") as ids:
        ids.write("0 0 65536")
os.write(mapped_out, b"x")
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
