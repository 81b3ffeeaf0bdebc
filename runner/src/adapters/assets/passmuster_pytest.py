"""Passmuster's pytest plugin: writes what the session does to one file, a JSON object a line.

It adds no option, changes no selection, order or exit status. With xdist the controller writes, and the
workers only hand over which modules they loaded. Python 3.8 or later, pytest 7 or later.
"""
import types

import passmuster_controls as controls
import passmuster_records as records
import pytest

try:  # no public name makes an item without the suite's fixtures; without these no control answers
    from _pytest.fixtures import FuncFixtureInfo
    from _pytest.unittest import TestCaseFunction, UnitTestCase
except ImportError:
    pass

_writer, _planted = records.take_writer()


def pytest_configure(config):
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        records.restore_environment()  # an xdist controller runs no test, and its workers still need ours
    if hasattr(config, "workerinput"):
        planted = config.workerinput.get("passmuster_planted")
        if planted:
            config.pluginmanager.register(Worker(config, planted), "passmuster-worker")
    elif _writer is not None:
        config.pluginmanager.register(Session(_writer, config, _planted), "passmuster-session")
        if config.pluginmanager.hasplugin("xdist"):
            config.pluginmanager.register(Controller(_writer, _planted), "passmuster-controller")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if records.ONLY:
        others = [item for item in items if item.nodeid.split("::")[0] not in records.ONLY]
        items[:] = [item for item in items if item.nodeid.split("::")[0] in records.ONLY]
        config.hook.pytest_deselected(items=others)


class Worker:
    """In an xdist worker: says which modules were loaded, and what controls came to."""

    def __init__(self, config, planted):
        self.config = config
        self.controls = controls.Controls(planted, share=2 * config.workerinput.get("workercount", 1))
        self.answers = {}

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        yield
        if self.controls.after_test(len(item.session.items)):
            self._ask("in the middle", item.session)

    def _ask(self, place, session):
        def run(writer):
            sink = Session(writer, self.config, None)
            for plugin in self.config.pluginmanager.get_plugins():
                if type(plugin).__name__ == "WorkerInteractor":
                    plugin.channel = Outlet(self.config, sink)
                    _run(self.controls, session, writer, plugin)

        self.answers[place] = [self.controls.forms(), controls.ask(run)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session):  # before xdist's wrapper sends what is there
        self._ask("at the end", session)
        self.config.workeroutput["passmuster_answers"] = self.answers
        self.config.workeroutput["passmuster_beyond"] = _beyond(session.items)
        self.config.workeroutput["passmuster_modules"] = list(records.loaded_modules())


class Controller:
    """In the xdist controller: ids, modules and answers come from the workers."""

    def __init__(self, writer, planted):
        self.writer, self.planted = writer, planted
        self.seen = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        node.workerinput["passmuster_planted"] = self.planted

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids):
        if not self.seen:
            self.seen = True
            for nodeid in ids:
                self.writer.write(event="collected", id=nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node):
        self.writer.write(event="asked", place="%s at the end" % node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report):
        # The test that was running has failed for it; this comes after the node's end.
        self.writer.write(event="withheld", place="%s at the end" % report.node.gateway.id)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        output, name = getattr(node, "workeroutput", {}), node.gateway.id
        for place, (forms, lines) in output.get("passmuster_answers", {}).items():
            self.writer.write(event="answers", place="%s %s" % (name, place), forms=forms, lines=lines)
        if output.get("passmuster_beyond"):
            self.writer.write(event="beyond")
        modules = output.get("passmuster_modules")
        if modules:
            self.writer.write(event="modules", used=modules[0], foreign=modules[1])


class Session:
    """In the process that reports: one final state for each test."""

    def __init__(self, writer, config, planted):
        self.writer = writer
        self.config = config
        self.states = {}
        self.controls = planted and controls.Controls(planted)
        base = config.invocation_params.dir
        # The command's words, else `testpaths`, else where it was called.
        searched = [str(base / word.split("::")[0]) for word in config.args if word != str(base)]
        writer.write(event="start", root=str(config.rootpath), searched=searched)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        yield
        if self.controls.after_test(len(item.session.items)):
            self._ask("in the middle", item.session)

    def _ask(self, place, session):
        def run(writer):
            if self.config.getoption("dist", "no") != "no":
                self.config.pluginmanager.unregister(self)
                self.config.pluginmanager.register(Relay(self.config, self))
            _run(self.controls, session, writer)

        self.writer.write(event="asked", place=place)
        lines = controls.ask(run, self.writer)
        self.writer.write(event="answers", place=place, forms=self.controls.forms(), lines=lines)

    def pytest_collection_finish(self, session):
        for item in session.items:
            self.writer.write(event="collected", id=item.nodeid)
        if _beyond(session.items):
            self.writer.write(event="beyond")

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
        self._ask("at the end", session)
        yield
        used, foreign = records.loaded_modules()
        self.writer.write(event="modules", used=used, foreign=foreign)
        self.writer.write(event="finish", status=int(session.exitstatus))


def _beyond(items):
    """Whether some tests are run by other code than controls are: examples in documentation, files of data."""
    return not all(isinstance(item, pytest.Function) for item in items)


class Outlet:
    """In the copy of a worker: what would go to the controller becomes a report again as it does there."""

    def __init__(self, config, sink):
        self.config, self.sink = config, sink

    def send(self, event):
        name, sent = event
        if name == "testreport":
            data = {key: sent["data"][key] for key in sent["data"] if key not in SENT_BESIDE}
            report = self.config.hook.pytest_report_from_serializable(config=self.config, data=data)
            self.sink.pytest_runtest_logreport(report)
        elif name == "logstart":
            self.sink.pytest_runtest_logstart(sent["nodeid"])
        elif name == "logfinish":
            self.sink.pytest_runtest_logfinish(sent["nodeid"])


SENT_BESIDE = ("item_index", "worker_id", "testrun_uid")


class Relay:
    """In the copy of a controller: reports are sent and become reports again, as those of workers do."""

    def __init__(self, config, sink):
        self.outlet = Outlet(config, sink)

    def pytest_runtest_logstart(self, nodeid):
        self.outlet.send(("logstart", {"nodeid": nodeid}))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        config = self.outlet.config
        data = config.hook.pytest_report_to_serializable(config=config, report=report)
        self.outlet.send(("testreport", {"data": data}))

    def pytest_runtest_logfinish(self, nodeid):
        self.outlet.send(("logfinish", {"nodeid": nodeid}))


def _run(planted, session, writer, interactor=None):
    """In the copy: each control goes the way of any test. What fixtures hold is neither used nor torn down."""
    planted.inside = True
    session.config.option.tbstyle = "line"  # nobody reads tracebacks here, and longer ones look up every source
    _held.append(session._setupstate)  # not even as garbage
    session._setupstate = type(session._setupstate)()
    capture = session.config.pluginmanager.getplugin("capturemanager")
    if capture and getattr(capture, "_global_capturing", capture) is None:  # ended with a collection that failed
        capture.start_global_capturing()
    for item in _items(planted, session):
        if interactor is not None:
            session.items = list(session.items) + [item]
            interactor.item_index = len(session.items) - 1
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
    controls.finish(writer)


_held = []


def _items(planted, session):
    """Tests of one module beside the first real test, without the suite's automatic fixtures: those may work
    with what the copy does not have."""
    items = getattr(session, "items", None)
    place = (items[0].path if items else session.path / "x").parent
    module = pytest.Module.from_parent(session, path=place / (planted.module + ".py"))
    module.obj = types.ModuleType(planted.module)
    for test in planted.tests():
        yield (_function if test["form"] == "function" else _case)(planted, module, test)


def _function(planted, module, test):
    body = controls.function(controls.BODIES[test["kind"]], test["name"], str(module.path))
    item = pytest.Function.from_parent(module, name=test["name"], callobj=body, fixtureinfo=_no_fixtures())
    if test["kind"] == "must-error":
        item.setup = controls.broken_setup
    return item


def _case(planted, module, test):
    made = controls.case(planted, test, str(module.path.parent))
    setattr(module.obj, made.__name__, made)
    parent = UnitTestCase.from_parent(module, name=made.__name__, obj=made)
    return TestCaseFunction.from_parent(parent, name=test["name"], fixtureinfo=_no_fixtures())


def _no_fixtures():
    return FuncFixtureInfo((), (), [], {})


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
