"""Holds JUnit XML against the schema of Jenkins' xUnit plugin, prints what it counts: `junit10.py SCHEMA REPORT`.

Two parsers read it: libxml2, and Python's own (expat), to which a character that XML 1.0 does not know is an error.
"""

import json
import sys
import xml.etree.ElementTree as xml

from lxml import etree


def count(suite, tag):
    return sum(1 for case in suite.iter("testcase") if case.find(tag) is not None)


schema, report = sys.argv[1:]
etree.XMLSchema(etree.parse(schema)).assertValid(etree.parse(report))
root = xml.parse(report).getroot()
assert root.tag == "testsuites", root.tag
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
