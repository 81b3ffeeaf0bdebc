"""Passmuster's stand-in for `python -m unittest`: the same program with a result class that also writes records.

Started by its path, so that no module of the tree can take its place. Python 3.8 or later.
"""
import os
import sys
import time
import unittest

import passmuster_controls as controls
import passmuster_records as records

_writer, _planted = records.take_writer()
_controls = _planted and controls.Controls(_planted)
records.restore_environment()
__unittest = True  # frames of this module are left out of tracebacks


class Result(unittest.TextTestResult):
    """Writes one final state for each test; all else is what unittest does."""

    collected = {}
    total = 0

    def startTest(self, test):
        super().startTest(test)
        self._state, self._account, self._began = None, {}, time.monotonic()
        if not _failed_import(test):
            _write("running", test)

    def stopTest(self, test):
        super().stopTest(test)
        if not _failed_import(test):
            self._account.setdefault("message", "")
            millis = 1000.0 * (time.monotonic() - self._began)
            _write("result", test, status=self._state or "failed", millis=millis, **self._account)
            self.collected.pop(id(test), None)
            self._ask_in_the_middle()

    def _ask_in_the_middle(self):
        if _controls.after_test(self.total):
            _ask("in the middle")

    def addSuccess(self, test):
        super().addSuccess(test)
        if self._state != "failed":
            self._settle("passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._fail(test, err, self.failures)

    def addError(self, test, err):
        super().addError(test, err)
        self._fail(test, err, self.errors)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            listed = self.failures if issubclass(err[0], test.failureException) else self.errors
            self._fail(test, err, listed, "subtest %s: " % subtest._subDescription())

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if _is_fixture(test):
            for waiting in self._of_fixture(test):
                _write("result", waiting, status="skipped", millis=0.0, message=records.first_line(reason))
        elif self._state is None:
            self._settle("skipped", message=records.first_line(reason))

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._settle("skipped", message="expected failure")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._settle("failed", message="unexpected success")

    def _settle(self, state, **account):
        self._state, self._account = state, account

    def _fail(self, test, err, listed, prefix=""):
        account = _failure(err, listed[-1][1] if listed else "", prefix)
        if _failed_import(test):
            _writer.write(event="broken", unit=test._testMethodName, **account)
        elif _is_fixture(test):
            self._fixture_failed(test, account)
        elif self._state != "failed":
            self._settle("failed", **account)

    def _fixture_failed(self, fixture, account):
        """An error in setUpClass or setUpModule fails every test that it kept from running."""
        account["message"] = "%s: %s" % (fixture.id(), account["message"])
        waiting = self._of_fixture(fixture)
        for test in waiting:
            _write("result", test, status="failed", millis=0.0, **account)
        if not waiting:
            _writer.write(event="broken", unit=fixture.id(), **account)

    def _of_fixture(self, fixture):
        word, _, scope = fixture.id().partition(" (")
        if not word.startswith("setUp"):
            return []
        scope = scope.rstrip(")")
        found = [t for t in self.collected.values() if t.id().startswith(scope + ".")]
        for test in found:
            self.collected.pop(id(test), None)
        return found


class Runner(unittest.TextTestRunner):
    resultclass = Result

    def run(self, test):
        if records.ONLY:
            test = unittest.TestSuite(case for case in _cases(test) if type(case).__module__ in records.ONLY)
        for case in _cases(test):
            if not _failed_import(case):
                Result.collected[id(case)] = case
                Result.total += 1
                _write("collected", case)
        result = super().run(test)
        _ask("at the end")
        used, foreign = records.loaded_modules()
        _writer.write(event="modules", used=used, foreign=foreign)
        _writer.write(event="finish", status=_exit_status(result))
        return result


def _ask(place):
    _writer.write(event="asked", place=place)
    _writer.write(event="answers", place=place, forms=_controls.forms(), lines=controls.ask(_plant, _writer))


def _plant(writer):
    """In the copy: each control goes the way of any test."""
    _controls.inside = True
    for test in _controls.tests():
        result = Runner(verbosity=0)._makeResult()
        unittest.TestSuite([controls.case(_controls, test, os.getcwd())(test["name"])]).run(result)
    controls.finish(writer)


def _exit_status(result):
    if sys.version_info >= (3, 12) and result.testsRun == 0 and not result.skipped:
        return 5
    return 0 if result.wasSuccessful() else 1


def _cases(suite):
    stack = [suite]
    while stack:
        item = stack.pop()
        try:
            stack.extend(reversed(list(item)))
        except TypeError:
            if item is not None:
                yield item


def _write(event, test, **more):
    file = getattr(sys.modules.get(type(test).__module__), "__file__", None)
    _writer.write(event=event, id=test.id(), module=type(test).__module__, file_of_test=file, **more)


def _failed_import(test):
    return type(test).__name__ == "_FailedTest" and type(test).__module__ == "unittest.loader"


def _is_fixture(test):
    return type(test).__name__ == "_ErrorHolder"


def _failure(err, text, prefix):
    lines = str(err[1]).strip().splitlines()
    if type(err[1]) is ImportError and len(lines) > 1:  # the loader's: the last line names the real error
        message = lines[-1]
    else:
        message = "%s: %s" % (err[0].__name__, lines[0] if lines else "")
    file, line = records.last_location(text.splitlines())
    account = {"message": records.first_line(prefix + message), "file": file, "line": line, "detail": records.cap(text)}
    sides = message[len("AssertionError: ") :].split(" != ") if message.startswith("AssertionError: ") else []
    if len(sides) == 2:
        account["actual"], account["expected"] = sides
    return account


if __name__ == "__main__":
    sys.path[0] = os.getcwd()
    _writer.write(event="start", root=os.getcwd())
    sys.argv[0] = os.path.basename(sys.executable) + " -m unittest"
    unittest.main(module=None, testRunner=Runner)
