"""Passmuster's pytest plugin: writes what the session does to one file, a JSON object a line.

It adds no option, changes no selection, order or exit status. With xdist the controller writes, and the
workers only hand over which modules they loaded. Python 3.8 or later, pytest 7 or later.
"""
import passmuster_records as records
import pytest

_writer = records.take_writer()


def pytest_configure(config):
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        records.restore_environment()  # an xdist controller runs no test, and its workers still need ours
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Worker(config), "passmuster-worker")
    elif _writer is not None:
        config.pluginmanager.register(Session(_writer, config), "passmuster-session")
        if config.pluginmanager.hasplugin("xdist"):
            config.pluginmanager.register(Controller(_writer), "passmuster-controller")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if records.ONLY:
        others = [item for item in items if item.nodeid.split("::")[0] not in records.ONLY]
        items[:] = [item for item in items if item.nodeid.split("::")[0] in records.ONLY]
        config.hook.pytest_deselected(items=others)


class Worker:
    """In an xdist worker: says which modules were loaded."""

    def __init__(self, config):
        self.config = config

    def pytest_sessionfinish(self):  # before xdist's wrapper sends what is there
        self.config.workeroutput["passmuster_modules"] = list(records.loaded_modules())


class Controller:
    """In the xdist controller: ids and modules come from the workers."""

    def __init__(self, writer):
        self.writer = writer
        self.seen = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        if not self.seen:
            self.seen = True
            for nodeid in ids:
                self.writer.write(event="collected", id=nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        modules = getattr(node, "workeroutput", {}).get("passmuster_modules")
        if modules:
            self.writer.write(event="modules", used=modules[0], foreign=modules[1])


class Session:
    """In the process that reports: one final state for each test."""

    def __init__(self, writer, config):
        self.writer = writer
        self.states = {}
        base = config.invocation_params.dir
        # The command's words, else `testpaths`, else where it was called.
        searched = [str(base / word.split("::")[0]) for word in config.args if word != str(base)]
        writer.write(event="start", root=str(config.rootpath), searched=searched)

    def pytest_collection_finish(self, session):
        for item in session.items:
            self.writer.write(event="collected", id=item.nodeid)

    def pytest_deselected(self, items):
        for item in items:
            self.writer.write(event="deselected", id=item.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            path, line, message = _crash(report)
            self.writer.write(
                event="broken", unit=report.nodeid, file=path, line=line, message=message, detail=_detail(report)
            )

    def pytest_runtest_logstart(self, nodeid):
        self.states[nodeid] = State()
        self.writer.write(event="running", id=nodeid)

    def pytest_runtest_logreport(self, report):
        state = self.states.setdefault(report.nodeid, State())
        state.add(report)
        if report.when not in ("setup", "call", "teardown"):  # xdist: the worker died in this test
            self._finish_test(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid):
        self._finish_test(nodeid)

    def _finish_test(self, nodeid):
        state = self.states.pop(nodeid, None)
        if state is not None and state.status is not None:
            self.writer.write(event="result", id=nodeid, status=state.status, millis=state.millis, **state.account)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session):
        yield
        used, foreign = records.loaded_modules()
        self.writer.write(event="modules", used=used, foreign=foreign)
        self.writer.write(event="finish", status=int(session.exitstatus))


class State:
    """The state of one test, from the reports of its phases: failed, else skipped, else passed."""

    def __init__(self):
        self.status = None
        self.millis = 0.0
        self.account = {}

    def add(self, report):
        if report.outcome == "rerun":  # pytest-rerunfailures: another attempt follows
            self.__init__()
            return
        self.millis += 1000.0 * getattr(report, "duration", 0.0)
        if report.failed:
            if self.status != "failed":
                self.status = "failed"
                self.account = _failure(report)
        elif hasattr(report, "context"):  # a subtest that passed or was skipped says nothing about its test
            pass
        elif report.skipped:
            if self.status != "failed":
                self.status = "skipped"
                self.account = {"message": _skip_reason(report)}
        elif report.when == "call" and self.status is None:
            self.status = "passed"


def _failure(report):
    path, line, message = _crash(report)
    context = getattr(report, "context", None)
    if context is not None:
        words = [getattr(context, "msg", None) or ""]
        words += ["%s=%r" % pair for pair in sorted(dict(getattr(context, "kwargs", {})).items())]
        message = "subtest %s: %s" % (" ".join(word for word in words if word), message)
    elif report.when in ("setup", "teardown"):
        message = "%s: %s" % (report.when, message)
    expected, actual = _operands(message)
    return {
        "file": path,
        "line": line,
        "message": message,
        "expected": expected,
        "actual": actual,
        "detail": _detail(report),
    }


def _crash(report):
    """Path, line and first line of the message."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.path), crash.lineno, records.first_line(crash.message)
    lines = str(report.longrepr or "").strip().splitlines()
    errors = [line[4:] for line in lines if line.startswith("E   ") and line[4:5].strip()]
    message = records.first_line((errors or lines or [""])[0])
    return records.last_location(lines) + (message,)


def _operands(message):
    """Both sides of `assert ACTUAL == EXPECTED`, where the message is nothing but that comparison."""
    for prefix in ("AssertionError: assert ", "assert "):
        if message.startswith(prefix):
            sides = message[len(prefix) :].split(" == ")
            if len(sides) == 2:
                return sides[1], sides[0]
    return None, None


def _detail(report):
    return records.cap(str(report.longreprtext if hasattr(report, "longreprtext") else report.longrepr))


def _skip_reason(report):
    if hasattr(report, "wasxfail"):
        return records.first_line("expected failure: %s" % report.wasxfail)
    if isinstance(report.longrepr, tuple):
        return records.first_line(str(report.longrepr[2]))
    return records.first_line(str(report.longrepr))
