"""Planted tests: Passmuster knows their results, and so sees whether this process still tells the truth.

They run in a forked copy of the process, which has every patch that the process has and shares nothing that
it could disturb. The process itself only waits, and never for long: a fork of a process with threads may
stand still. All that is used here is taken when this module is loaded, before anything of the tree is.
"""
import builtins
import fcntl
import gc
import importlib
import os
import select
import signal
import stat
import sys
import tempfile
import time
import types
import warnings

import passmuster_records as records

_PYTEST = sys.modules.get("pytest")
PATIENCE = 10.0  # seconds; a fork of a large process on a busy machine takes a fraction of one
SAID_CAP = 256 * 1024
PROMISE = "def promise():\n    one = 1\n    assert one == 2\n"


def broken_promise(*case):
    """What a must-fail control does. Where something that has to fail does not, it does not fail either."""
    one, two = 1, 2
    if case:
        equal, true, has, raises = case[0].assertEqual, case[0].assertTrue, case[0].assertIn, case[0].assertRaises
        ways = [(equal, (one, two)), (true, ([],)), (has, (one, [])), (raises, (KeyError, int))]
    else:
        ways = [(pytest.raises, (KeyError, int)), (pytest.fail, ("no such service",))]
    for way, arguments in ways:
        try:
            way(*arguments)
        except BaseException:  # as it has to be
            continue
        return
    if not asserts():
        return
    if one + one != 3:  # no assert statement: an interpreter may be told to leave those out
        raise AssertionError("assert %r == 3" % two)
    print("done")  # where somebody gets who makes tests jump to their last line


ROOMS = [tempfile.gettempdir(), "/dev/shm", os.getcwd(), os.path.expanduser("~")]


def asserted(name, _mkdir=os.mkdir, _open=open, _import=importlib.import_module, _rooms=tuple(ROOMS)):
    """Whether the `assert` in a module of tests that is loaded now, by whatever loads them here, still fails.
    Code that leaves no room for one file anywhere has something to hide."""
    for room in _rooms:
        place = os.path.join(room, name)
        try:
            _mkdir(place)
            with _open(os.path.join(place, name + ".py"), "w") as written:
                written.write(PROMISE)
        except OSError:
            continue
        return _fails(name, place, _import)
    return False


def _fails(name, place, _import, _remove=os.remove, _rmdir=os.rmdir):
    sys.dont_write_bytecode = True
    sys.path.insert(0, place)
    try:
        _import(name).promise()
        return False
    except BaseException:  # as it has to be
        return True
    finally:
        try:
            _remove(os.path.join(place, name + ".py"))
            _rmdir(place)
        except OSError:  # gone already
            pass


def kept_promise(*_):
    """What a must-pass control does."""
    one = 1
    if one + one != 2:
        raise AssertionError("assert %r == 1" % one)
    print("done")


def broken_setup(*_):
    """What a must-error control does before its body."""
    raise RuntimeError("no such service")


BODIES = {"must-fail": broken_promise, "must-pass": kept_promise, "must-error": kept_promise}


def function(body, name, file):
    """The body as if a test module held it, to whatever looks at code."""
    code = body.__code__.replace(co_name=name, co_filename=file)
    known = {"__builtins__": builtins, "__file__": file, "pytest": _PYTEST, "asserts": lambda: asserted(name)}
    return types.FunctionType(code, known, name)


def case(planted, test, directory):
    """The class of a control that is a `unittest.TestCase`."""
    name, file = test["name"], os.path.join(directory, planted.module + ".py")
    members = {name: function(BODIES[test["kind"]], name, file), "__module__": planted.module}
    if test["kind"] == "must-error":
        members["setUp"] = function(broken_setup, "setUp", file)
    return type("Test" + name[5:].title(), (sys.modules["unittest"].TestCase,), members)


class Controls:
    """Asks once somewhere in the middle, where a patch that is undone at the end is live, and at the end."""

    def __init__(self, planted, share=1):
        self.planted, self.module, self.place = planted["tests"], planted["module"], planted["place"]
        self.share, self.ran, self.inside = share, 0, False

    def after_test(self, total):
        """Whether to ask now that one more test of so many has run; before the last one, which may undo it all."""
        self.ran += 1
        return not self.inside and self.ran == 1 + self.place % max(1, total // self.share - 1)

    def forms(self, _modules=sys.modules):
        """What the tests of this process can be made of: without unittest no case is among them."""
        return ["function", "case"] if "unittest" in _modules else ["function"]

    def tests(self):
        """What to plant."""
        forms = self.forms()
        return [test for test in self.planted if test["form"] in forms]


def ask(
    run,
    writer=None,
    _fork=os.fork,
    _pipe=os.pipe,
    _close=os.close,
    _exit=os._exit,
    _kill=os.kill,
    _waitpid=os.waitpid,
    _sigkill=signal.SIGKILL,
    _disable_gc=gc.disable,
):
    """Runs the controls in a forked copy; gives the lines that its writer wrote, up to a last one if it came
    to its end. `run` gets that writer: the one given, where there is one, leads into the copy's pipe."""
    out, into = _pipe()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forks of processes with threads
            pid = _fork()
    except OSError:  # the limit on processes
        _close(into)
        _close(out)
        return []
    if pid == 0:
        try:
            _disable_gc()  # every page that it touches would be copied
            run(_alone(into, writer))
        finally:
            _exit(0)
    _close(into)
    try:
        return _listen(out)
    finally:
        _close(out)
        for call in (lambda: _kill(pid, _sigkill), lambda: _waitpid(pid, 0)):
            try:
                call()
            except OSError:  # somebody waits for all children
                pass


def _listen(out, _poll=select.poll, _read=os.read, _now=time.monotonic, _input=select.POLLIN):
    """What comes before the end, the last line or the last moment."""
    said, until = b"", _now() + PATIENCE
    poll = _poll()
    poll.register(out, _input)
    while len(said) < SAID_CAP and poll.poll(max(0.0, until - _now()) * 1000):
        part = _read(out, 65536)
        said += part
        if not part or said.endswith(END):
            break
    return said.decode("utf-8", "replace").splitlines()


END = b" end\n"


def _alone(into, writer, _dup2=os.dup2, _close=os.close, _write=os.write, _getpid=os.getpid):
    """In the copy: a writer into the pipe, and no other way to anything that the process has open."""
    if writer is None:
        writer = records.Writer(into, b"")
    else:
        _dup2(into, writer.fd)
        _close(into)
    writer.pid = _getpid()
    _detach(writer.fd)
    return writer


def finish(writer, _write=os.write):
    """In the copy: says that nothing more will come."""
    _write(writer.fd, END)


def _detach(
    keep,
    _listdir=os.listdir,
    _fstat=os.fstat,
    _dup2=os.dup2,
    _open=os.open,
    _fcntl=fcntl.fcntl,
    _memfd=getattr(os, "memfd_create", None),
):
    """Pipes, sockets, pollers and what is written to become nothing or files of the copy's own: offsets and
    connections are shared with the process. Numbers stay taken, so that no new file gets one of them."""
    nothing = _open(os.devnull, os.O_RDWR)
    for fd in {0, 1, 2}.union(map(int, _listdir("/proc/self/fd"))) - {keep, nothing}:
        try:
            mode = _fstat(fd).st_mode
            if fd > 2 and stat.S_ISREG(mode):
                if _fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
                    _dup2(_memfd("control") if _memfd else nothing, fd, False)
            elif fd <= 2 or not (stat.S_ISDIR(mode) or stat.S_ISCHR(mode) or stat.S_ISREG(mode)):
                _dup2(nothing, fd, fd <= 2)
        except OSError:  # closed since, or no file in memory to be had
            pass
