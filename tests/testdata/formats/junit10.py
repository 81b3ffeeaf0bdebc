"""Reads JUnit XML as Jenkins' xUnit plugin demands it (its schema junit-10.xsd, retold here): prints what it counts.

The parser is Python's own (expat): a character that XML 1.0 does not know is an error to it.
"""

import json
import re
import sys
import xml.etree.ElementTree as xml

# Element: attributes that it must have, attributes that it may have, elements inside, whether it holds text.
TOLD = ((), ("type", "message"), (), True)
AGAIN = (("type",), ("message",), ("stackTrace", "system-out", "system-err"), True)
TEXT = ((), (), (), True)
ELEMENTS = {
    "testsuites": ((), ("name", "time", "tests", "failures", "errors"), ("testsuite",), False),
    "testsuite": (
        ("name", "tests", "failures", "errors"),
        ("group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"),
        ("testsuite", "properties", "testcase", "system-out", "system-err"),
        False,
    ),
    "testcase": (
        ("name",),
        ("time", "classname", "group"),
        ("skipped", "error", "failure", "rerunFailure", "rerunError", "flakyFailure", "flakyError", "system-out", "system-err"),
        False,
    ),
    "properties": ((), (), ("property",), False),
    "property": (("name", "value"), (), (), False),
    "failure": TOLD, "error": TOLD, "skipped": TOLD,
    "rerunFailure": AGAIN, "rerunError": AGAIN, "flakyFailure": AGAIN, "flakyError": AGAIN,
    "stackTrace": TEXT, "system-out": TEXT, "system-err": TEXT,
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def check(element):
    must, may, inside, text = ELEMENTS[element.tag]
    names = set(element.attrib)
    assert set(must) <= names, f"{element.tag} without {set(must) - names}"
    assert names <= set(must) | set(may), f"{element.tag} with {names}"
    if element.tag in ("testsuites", "testsuite") and "time" in names:
        assert TIME.fullmatch(element.attrib["time"]), element.attrib["time"]
    assert text or not (element.text or "").strip(), f"text in {element.tag}"
    for child in element:
        assert child.tag in inside, f"{child.tag} in {element.tag}"
        assert not (child.tail or "").strip(), f"text in {element.tag}"
        check(child)


def count(suite, tag):
    return sum(1 for case in suite.iter("testcase") if case.find(tag) is not None)


root = xml.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
check(root)
for counted in [root, *root]:
    for name, tag in [("failures", "failure"), ("errors", "error")]:
        assert int(counted.attrib[name]) == count(counted, tag), (counted.attrib, name)
    assert int(counted.attrib["tests"]) == len(list(counted.iter("testcase")))
names = [suite.attrib["name"] for suite in root]
assert len(names) == len(set(names)), names
print(json.dumps({
    "red": int(root.attrib["failures"]) + int(root.attrib["errors"]),
    "cases": [[suite.attrib["name"], case.attrib["name"]] for suite in root for case in suite.iter("testcase")],
}))
