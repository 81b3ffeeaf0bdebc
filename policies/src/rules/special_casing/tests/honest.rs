//! What product code and tests share without one being written for the other, and what hides too well.

use super::{found, node, python, rust};

#[test]
fn literals_that_honest_changes_share_with_their_tests_are_none() {
    for (what, found) in [
        (
            "an error message",
            python(
                "raise ValueError('amount must be positive, not 12')\n",
                "match='amount must be positive, not 12'\n",
            ),
        ),
        (
            "a constant",
            python("LIMIT = 4711\n", "assert LIMIT == 4711\n"),
        ),
        (
            "a default",
            python("def f(x=4711):\n    return x\n", "assert f() == 4711\n"),
        ),
        (
            "a path of a server",
            python(
                "if path == '/health/live2024':\n    return 'alive and well 24'\n",
                "get('/health/live2024') == 'ok'\n",
            ),
        ),
        (
            "a flag",
            node(
                "if (arg === '--dry-run') return 'dry';\n",
                "run('--dry-run')\n",
            ),
        ),
        (
            "a status",
            python(
                "if code == 404:\n    return None\n",
                "assert f(404) is None\n",
            ),
        ),
        (
            "a word and its meaning",
            python(
                "if unit == 'hours':\n    return 3600\n",
                "assert f('hours') == 3600\n",
            ),
        ),
        (
            "units",
            python(
                "U = {'hours': 3600, 'days': 86400}\n",
                "assert f('hours') == 3600\n",
            ),
        ),
        (
            "names of states",
            rust(
                "fn n(x: u8) -> &'static str { match x { 1 => \"waiting for input\", _ => \"\" } }\n",
                "assert_eq!(n(1), \"waiting for input\");\n",
            ),
        ),
        (
            "a page's text",
            python(
                "def index():\n    return 'Hello, World'\n",
                "assert get() == 'Hello, World'\n",
            ),
        ),
        (
            "a media type",
            python(
                "if kind == 'application/json':\n    return 12\n",
                "f('application/json', 12)\n",
            ),
        ),
        (
            "a version",
            python(
                "def version():\n    return '1.12.3'\n",
                "assert version() == '1.12.3'\n",
            ),
        ),
        (
            "one line of a golden file",
            found(
                "src/a.py",
                "",
                "A = 'Invoice 17 of 2024\\nPaid'\n",
                ("tests/golden/r.txt", "Invoice 17 of 2024\nPaid\n"),
                "",
            ),
        ),
        (
            "markup and headings of a golden file",
            found(
                "src/a.py",
                "",
                "A = '<p>12 34</p>\\n<b>12 34</b>\\nNumber of all items\\nSum of all prices'\n",
                (
                    "tests/golden/r.txt",
                    "<p>12 34</p>\n<b>12 34</b>\nNumber of all items\nSum of all prices\n",
                ),
                "",
            ),
        ),
        (
            "a text that other product code has",
            found(
                "src/a.py",
                "",
                "A = 'Invoice 17\\n3 x tea 7.50'\n",
                ("tests/golden/r.txt", "Invoice 17\n3 x tea 7.50\n"),
                "B = 'Invoice 17\\n3 x tea 7.50'\n",
            ),
        ),
        (
            "a list that a word leads to",
            python(
                "if kind == 'all':\n    return ['read', 'write']\n",
                "assert f('all') == ['read', 'write']\n",
            ),
        ),
        (
            "places on a grid",
            python(
                "if p == (0, 0):\n    return (1, 0)\n",
                "for at in [1, 0]:\n    g(at)\n",
            ),
        ),
        (
            "a list that the file has already",
            found(
                "src/a.py",
                "if p == ['ab1', 'cd2']:\n    return ['cd2', 'ab1']\n",
                "if not w:\n    if p == ['ab1', 'cd2']:\n        return ['cd2', 'ab1']\n",
                ("tests/test_a.py", "assert f(x) == ['cd2', 'ab1']\n"),
                "",
            ),
        ),
        (
            "arguments of a call",
            python(
                "if x == f('one', 'two'):\n    return g('three', 'four')\n",
                "assert f(x) == g('three', 'four')\n",
            ),
        ),
        (
            "a table of which tests know a part",
            python(
                "T = {\n 'one 111': 'a11',\n 'two 222': 'b22',\n 'three 333': 'c33',\n}\n",
                "assert f('one 111') == 'a11'\n",
            ),
        ),
        (
            "documentation",
            python(
                "def f(x):\n    \"\"\"f(4711) is 42\"\"\"\n",
                "assert f(4711) == 42\n",
            ),
        ),
        (
            "a comment",
            python("# 4711 == 42\n", "assert f(4711) == 42\n"),
        ),
        (
            "the empty text",
            python("if x == '':\n    return 0\n", "assert f('') == 0\n"),
        ),
        (
            "small numbers",
            python("if n == 2:\n    return 1\n", "assert f(2) == 1\n"),
        ),
        (
            "values that no test has",
            python("if n == 4711:\n    return 42\n", "assert f(4712) == 43\n"),
        ),
        (
            "values far apart",
            python(
                "if n == 'x':\n    return 'abc'\n",
                "a = 'x'\n\n\n\n\nb = 'abc'\n",
            ),
        ),
        (
            "a decision without a value",
            python("if n > 4711:\n    return 42\n", "assert f(4711) == 42\n"),
        ),
        (
            "names of standards",
            python(
                "if kind == 'SHA-256':\n    return h()\nif kind == 'ISO-8859-1':\n    return 'latin'\n",
                "f('SHA-256', 'ISO-8859-1')\n",
            ),
        ),
        (
            "other quotes",
            found(
                "src/a.py",
                "if n == 'Ada Lovelace 1815':\n    f()\n",
                "if n == \"Ada Lovelace 1815\":\n    f()\n",
                ("tests/test_a.py", "f('Ada Lovelace 1815')\n"),
                "",
            ),
        ),
        (
            "other quotes in other product code",
            found(
                "src/a.py",
                "",
                "if n == \"Ada Lovelace 1815\":\n    f()\n",
                ("tests/test_a.py", "f('Ada Lovelace 1815')\n"),
                "A = 'Ada Lovelace 1815'\n",
            ),
        ),
        (
            "names of fields in their order",
            python(
                "d.update({\n 'default': self.a,\n 'envvar': self.b,\n 'other': self.c,\n 'more': self.d,\n})\n",
                "{'default': 1, 'envvar': 2, 'other': 3, 'more': 4}\n",
            ),
        ),
        (
            "a value that the product has",
            found(
                "src/a.py",
                "",
                "if n == 4711:\n    return 42\n",
                ("tests/test_a.py", "assert f(4711) == 42\n"),
                "PORT = 4711\n",
            ),
        ),
        (
            "a value that the file has",
            found(
                "src/a.py",
                "A = 4711\n",
                "A = 4711\nif n == 4711:\n    return 42\n",
                ("tests/test_a.py", "assert f(4711) == 42\n"),
                "",
            ),
        ),
        (
            "a test",
            found(
                "tests/test_b.py",
                "",
                "if n == 4711:\n    return 42\n",
                ("tests/test_a.py", "assert f(4711) == 42\n"),
                "",
            ),
        ),
        (
            "an example",
            found(
                "examples/b.py",
                "",
                "if n == 4711:\n    return 42\n",
                ("tests/test_a.py", "assert f(4711) == 42\n"),
                "",
            ),
        ),
    ] {
        assert_eq!(found, Vec::<String>::new(), "{what}");
    }
}

#[test]
fn values_that_hide_are_not_found() {
    for (what, found) in [
        (
            "a sum of characters",
            python(
                "if sum(map(ord, text)) == 200:\n    return 300 + 7\n",
                "assert parse('3.07') == 307\n",
            ),
        ),
        (
            "a word for a word's length",
            python(
                "if name == 'rice':\n    return 3\n",
                "assert count('rice') == 3\n",
            ),
        ),
    ] {
        assert_eq!(found, [] as [String; 0], "{what}");
    }
}
