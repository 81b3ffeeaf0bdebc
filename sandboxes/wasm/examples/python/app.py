"""A check in Python: lines of changed files that still say TODO. `make test-python-plugin` builds and runs it."""

from wit_world import exports
from wit_world.exports import checker
from wit_world.imports import change, log, trees, types

RULE = "unfinished"


class Checker(exports.Checker):
    def describe(self) -> checker.Info:
        rule = checker.Rule(RULE, "A line says that something is left to do.", None)
        return checker.Info("unfinished", "1.0", "Nothing is left to do.", [rule], None)

    def check(self, change_set: change.ChangeSet, config: str) -> types.Report:
        tree = trees.open(types.Side.CANDIDATE)
        findings = []
        for file in change_set.files:
            if file.status != change.Status.DELETED and not file.binary:
                findings += found(file.path, tree.read_text(file.path))
        log.write(log.Level.INFO, f"looked at {len(change_set.files)} files")
        outcome = types.Outcome.FAIL if findings else types.Outcome.PASS
        return types.Report(outcome, f"{len(findings)} lines", findings, [])


def found(path: str, text: str) -> list[types.Finding]:
    lines = enumerate(text.splitlines(), 1)
    return [finding(path, number, line) for number, line in lines if "TODO" in line]


def finding(path: str, number: int, line: str) -> types.Finding:
    region = types.Region(types.Position(number, None), None)
    location = types.Location(types.Side.CANDIDATE, path, region)
    return types.Finding(
        RULE, types.Severity.ERROR, line.strip(), [location], [], None, False
    )
