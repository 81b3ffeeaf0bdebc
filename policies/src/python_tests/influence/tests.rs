//! What counts as influence, and what does not.

use super::*;

mod harmless;

#[test]
fn what_tests_do_to_their_own_is_no_influence() {
    for text in [
        "import calc\n\ndef test_half():\n    assert calc.half(4) == 2, calc.NAMES\n",
        "from calc import Money\n\ndef test_money():\n    money = Money(3)\n    money.amount = 4\n    money.parts['a'] = 1\n",
        "import pytest\n\nclass TestA:\n    def setup_method(self):\n        self.x: int = 1\n        self.y, self.z = 2, 3\n",
        "import calc\n\ndef test_patched(monkeypatch):\n    monkeypatch.setattr(calc, 'half', re.compile('x'))\n",
        "from unittest import mock\n\ndef test_mocked():\n    with mock.patch('calc.half') as half:\n        half.return_value = 3\n",
        "import calc\n# calc.half = 3\nTEXT = 'calc.half = 3'\n\"\"\"\ncalc.half = 3\n\"\"\"\n",
        "import json\n\ndef test_json():\n    json.loads('{}').update(a=1)\n    result = dict(a=json.x, b=2)\n    result['a'] = 3\n",
        "import calc\nexpected = {1: calc.half, 2: 3}\nassert calc.TABLE[1] == expected[1] and calc.half(n=1) <= 2\n",
        "import calc\n\ndef test_less():\n    assert calc.less(3, 1) == 2\n\ndef test_vain():\n    assert calc.add(0, 0) == 0\n",
        "import calc\n\ndef test(a: calc.Money = 3, *, b=calc.X) -> calc.Y:\n    pass\n",
        "import calc\n\n@pytest.mark.parametrize('n, m', [(calc.X, 1), (calc.Y, 2)])\ndef test(n, m): pass\n",
    ] {
        assert!(!may_influence(text, &[]), "{text}");
    }
}

#[test]
fn what_changes_an_imported_thing_may_influence_others() {
    for line in [
        "calc.half = lambda n: n / 2",
        "calc.half: object = print",
        "calc.TABLE[3] = 4",
        "calc.TABLE[3]['a'] += 4",
        "calc.Money.__add__ = print",
        "x, calc.half = 1, 2",
        "calc.half, x = 1, 2",
        "(x, calc.half) = 1, 2",
        "if True: calc.half = 2",
        "x = 1; calc.half = 2",
        "del calc.half",
        "for calc.half in [print]: pass",
        "with open('x') as calc.half: pass",
        "calc.TABLE.clear()",
        "calc.TABLE \\\n  .update({1: 2})",
        "calc.get().half = 3",
        "same = calc\nsame.half = 3",
        "inner = calc.inner\ninner.half = 3",
        "for one in [calc]:\n    one.half = 3",
        "half.code = 3",
        "setattr(calc, 'half', print)",
        "exec('calc.half = 3')",
        "calc.half.__code__ = print.__code__",
        "patch('calc.half', print).start()",
        "import sys\nsys.modules['calc'] = None",
        "import os\nos.environ['X'] = '1'",
        "import gc",
        "'no end",
        "f'''no end",
    ] {
        let text = format!("import calc\nfrom calc import half as half, patch\n{line}\n");
        assert!(may_influence(&text, &[]), "{line}");
    }
}

#[test]
fn a_file_that_may_patch_others_counts_however_it_is_written() {
    let rows = [
        (
            "a patch that is started",
            "from unittest import mock\npatcher = mock.patch('calc.half', print)\npatcher.start()\n",
        ),
        (
            "in a method",
            "from unittest import TestCase, mock\nclass T(TestCase):\n    def setUp(self):\n        self.p = mock.patch('calc.half')\n        self.p.start()\n",
        ),
        (
            "in a function",
            "from unittest.mock import patch\ndef setup_module():\n    patch('calc.half', print).start()\n",
        ),
        (
            "under another name",
            "from unittest.mock import patch as p\np('calc.half', print).start()\n",
        ),
        (
            "the module under another name",
            "from unittest import mock\nm = mock\nm.patch('calc.half').start()\n",
        ),
        (
            "entered by hand",
            "from unittest import mock\nmock.patch('calc.half').__enter__()\n",
        ),
        (
            "kept in a list",
            "from contextlib import ExitStack\nfrom unittest import mock\nstack = ExitStack()\nstack.enter_context(mock.patch('calc.half'))\n",
        ),
        (
            "in a with that keeps it",
            "from unittest import mock\ndef test_a():\n    with keep(mock.patch('calc.half')) as p:\n        pass\n",
        ),
        (
            "in a with that names it",
            "from unittest import mock\ndef test_a():\n    with (p := mock.patch('calc.half')):\n        p.start()\n",
        ),
        (
            "started in a with",
            "from unittest import mock\ndef test_a():\n    with open(mock.patch('calc.half').start()):\n        pass\n",
        ),
        (
            "around an import",
            "from unittest import mock\ndef test_a():\n    with mock.patch('calc.half', print):\n        import other\n",
        ),
        (
            "for a module",
            "from unittest import mock\nwith mock.patch('calc.half', print):\n    pass\n",
        ),
        (
            "a fixture for the session",
            "import pytest\nfrom unittest import mock\n@pytest.fixture(scope='session', autouse=True)\ndef patched():\n    with mock.patch('calc.half', print):\n        yield\n",
        ),
        (
            "a fixture for a module, decorated",
            "import pytest\nfrom unittest import mock\n@pytest.fixture(scope='module')\n@mock.patch('calc.half', print)\ndef patched(m):\n    yield\n",
        ),
        (
            "a generator",
            "from unittest import mock\ndef patched():\n    with mock.patch('calc.half', print):\n        yield\nkept = patched()\nnext(kept)\n",
        ),
        ("the class itself", "from unittest.mock import _patch\n"),
        (
            "a parametrized mock",
            "import pytest\nfrom unittest import mock\n@pytest.mark.parametrize('m', [mock])\ndef test_a(m):\n    m.patch('calc.half').start()\n",
        ),
        ("a parameter", "def test_a(calc):\n    calc.half = print\n"),
        (
            "a fixture",
            "import pytest\nimport calc\n@pytest.fixture\ndef c():\n    return calc\ndef test_a(c):\n    c.half = print\n",
        ),
        (
            "a fixture of a fixture",
            "import pytest\nimport calc\n@pytest.fixture\ndef c():\n    yield calc\n@pytest.fixture\ndef d(c):\n    return c\ndef test_a(d):\n    d.half = print\n",
        ),
        (
            "a helper's parameter",
            "import calc\ndef put(self):\n    self.half = print\nput(calc)\n",
        ),
        (
            "a static method",
            "import calc\nclass P:\n    @staticmethod\n    def put(self):\n        self.half = print\nP.put(calc)\n",
        ),
        (
            "a parametrized module",
            "import pytest\nimport calc\n@pytest.mark.parametrize('c', [calc])\ndef test_a(c):\n    c.half = print\n",
        ),
        (
            "a loop",
            "import calc\nfor c in [calc]:\n    c.half = print\n",
        ),
        (
            "a loop over a dictionary",
            "import calc\nfor k, v in calc.T.items():\n    v.append(1)\n",
        ),
        ("an alias", "import calc\nm = calc\nm.half = print\n"),
        (
            "an alias of an alias, backwards",
            "import calc\ndef f():\n    b.half = print\nb = c = None\nc = calc\nb = c\n",
        ),
        (
            "a choice",
            "import calc\nm = calc if calc else None\nm.half = print\n",
        ),
        ("an or", "import calc\nm = None or calc\nm.half = print\n"),
        ("a pair", "import calc\nm, n = calc, 1\nm.half = print\n"),
        (
            "a list of one",
            "import calc\n[m] = [calc]\nm.half = print\n",
        ),
        ("an element", "import calc\n[calc][0].half = print\n"),
        (
            "an element by name",
            "import calc\nd = {'c': calc}\nd['c'].half = print\n",
        ),
        (
            "put into a list",
            "import calc\nl = []\nl.append(calc)\nl[0].half = print\n",
        ),
        (
            "put into a dictionary",
            "import calc\nd = {}\nd['t'] = calc.T\nd['t'][3] = 4\n",
        ),
        (
            "in an object",
            "from types import SimpleNamespace\nimport calc\nn = SimpleNamespace(c=calc)\nn.c.half = print\n",
        ),
        (
            "in an attribute",
            "import calc\nclass TestA:\n    def test_a(self):\n        self.t = calc.T\n        self.t[3] = 4\n",
        ),
        (
            "in an attribute of a class",
            "import calc\nclass TestA:\n    t = calc.T\n    def test_a(self):\n        self.t[3] = 4\n",
        ),
        (
            "in an instance",
            "import calc\nclass P:\n    t = calc.T\np = P()\np.t[3] = 4\n",
        ),
        (
            "what a class inherits",
            "import calc\nclass P(calc.Money):\n    def go(self):\n        self.TABLE.append(3)\n",
        ),
        (
            "what an instance has of its class",
            "import calc\nm = calc.Money()\nm.TABLE.append(3)\n",
        ),
        (
            "the class of an instance",
            "import calc\nm = calc.Money()\ntype(m).half = print\n",
        ),
        (
            "the same by name",
            "import calc\nm = calc.Money()\nm.__class__.half = print\n",
        ),
        ("in brackets", "import calc\n(calc).half = print\n"),
        ("a walrus", "import calc\n(m := calc).half = print\n"),
        (
            "a walrus, then",
            "import calc\nif (m := calc):\n    m.half = print\n",
        ),
        (
            "a comprehension",
            "import calc\n[m.T.append(1) for m in [calc]]\n",
        ),
        (
            "a comprehension that assigns",
            "import calc\n[0 for calc.half in [print]]\n",
        ),
        (
            "a comprehension of another meaning",
            "import calc\ndef test_a():\n    [calc for calc in [1]]\n    calc.half = print\n",
        ),
        (
            "a class of another meaning",
            "import calc\nclass A:\n    if 0:\n        calc = dict()\n    calc.half = print\n",
        ),
        (
            "a pattern",
            "import calc\nmatch calc:\n    case m:\n        m.half = print\n",
        ),
        ("a star", "from calc import *\nT[3] = 4\n"),
        (
            "a table that is added to",
            "from calc import T\nT |= {3: 4}\n",
        ),
        ("a list that is added to", "from calc import L\nL += [3]\n"),
        (
            "an import by a call",
            "import pytest\ncalc = pytest.importorskip('calc')\ncalc.half = print\n",
        ),
        (
            "an import by importlib",
            "import importlib\nc = importlib.import_module('calc')\nc.half = print\n",
        ),
        (
            "what builtins do",
            "import calc\ndict.update(calc.T, {3: 4})\n",
        ),
        ("what a list does", "import calc\nlist.append(calc.L, 3)\n"),
        (
            "what a local class does",
            "import calc\nclass D(dict):\n    pass\nD.update(calc.T, {3: 4})\n",
        ),
        (
            "operators",
            "import calc\nimport operator\noperator.setitem(calc.T, 3, 4)\n",
        ),
        (
            "operators in place",
            "import calc\nimport operator\noperator.iadd(calc.L, [3])\n",
        ),
        (
            "a method handed on",
            "import calc\nlist(map(calc.L.append, [3]))\n",
        ),
        (
            "a method by another name",
            "import calc\nadd = calc.L.append\nadd(3)\n",
        ),
        ("setattr", "import calc\nsetattr(calc, 'half', print)\n"),
        (
            "setattr by another name",
            "import calc\nput = setattr\nput(calc, 'half', print)\n",
        ),
        ("delattr", "import calc\ndelattr(calc, 'half')\n"),
        ("getattr", "import calc\ngetattr(calc, 'T').append(3)\n"),
        ("vars", "import calc\nvars(calc)['half'] = print\n"),
        (
            "vars, updated",
            "import calc\nvars(calc).update(half=print)\n",
        ),
        (
            "globals",
            "from calc import half\nglobals()['half'].x = 3\n",
        ),
        (
            "globals of a function",
            "from calc import half\nhalf.__globals__['half'] = print\n",
        ),
        (
            "the dictionary",
            "import calc\ncalc.__dict__['half'] = print\n",
        ),
        (
            "the dictionary by another name",
            "import calc\nd = calc.__dict__\nd.update(half=print)\n",
        ),
        (
            "sys.modules",
            "import sys\nsys.modules['calc'].half = print\n",
        ),
        (
            "sys.modules, emptied",
            "import sys\nsys.modules.pop('calc')\n",
        ),
        (
            "sys.modules, by another name",
            "from sys import modules\nmodules['calc'] = None\n",
        ),
        (
            "sys by another name",
            "import sys as s\ns.settrace(print)\n",
        ),
        ("a trace", "import sys\nsys.settrace(print)\n"),
        (
            "reload",
            "import importlib\nimport calc\nimportlib.reload(calc)\n",
        ),
        (
            "reload by name",
            "from importlib import reload\nimport calc\nreload(calc)\n",
        ),
        (
            "a method by its name",
            "import calc\ncalc.T.__setitem__(3, 4)\n",
        ),
        ("an initialiser", "import calc\ncalc.M.__init__(3)\n"),
        (
            "the session",
            "def test_a(request):\n    request.session.items\n",
        ),
        (
            "the configuration",
            "def test_a(request):\n    request.config.hook\n",
        ),
        (
            "the plugins",
            "def test_a(pytestconfig):\n    pytestconfig.pluginmanager.register(1)\n",
        ),
        (
            "the node's parent",
            "def test_a(request):\n    request.node.parent\n",
        ),
        (
            "pytest's own hands",
            "def test_a(monkeypatch):\n    monkeypatch._setattr.clear()\n",
        ),
        (
            "a monkeypatch of one's own",
            "import pytest\nimport calc\npytest.MonkeyPatch().setattr(calc, 'half', print)\n",
        ),
        (
            "a monkeypatch by another name",
            "import calc\ndef test_a(monkeypatch):\n    m = monkeypatch\n    m.setattr(calc, 'half', print)\n",
        ),
        (
            "a monkeypatch for a module",
            "import calc\nimport pytest\n@pytest.fixture(scope='module')\ndef p(monkeypatch):\n    monkeypatch.setattr(calc, 'half', print)\n",
        ),
        (
            "a monkeypatch that is none",
            "import calc\nimport pytest\n@pytest.fixture\ndef monkeypatch():\n    return calc\n",
        ),
        (
            "a mocker for the session",
            "def test_a(session_mocker):\n    session_mocker.patch('calc.half')\n",
        ),
        (
            "a mocker for a module",
            "import pytest\n@pytest.fixture(scope='module')\ndef p(module_mocker):\n    module_mocker.patch('calc.half')\n",
        ),
        (
            "a mocker for a class",
            "def test_a(class_mocker):\n    class_mocker.patch('calc.half')\n",
        ),
        (
            "a mocker for a package",
            "def test_a(package_mocker):\n    package_mocker.patch('calc.half')\n",
        ),
        (
            "a carriage return",
            "import calc\n# nothing\rcalc.half = print\n",
        ),
        ("another encoding", "# coding: rot13\nvzcbeg pnyp\n"),
        ("a formatted string", "import calc\nf'{calc.L.append(3)}'\n"),
        (
            "a string within a formatted one",
            "import calc\nx = f\"{'\"'}\"; calc.half = print; y = '\"'\n",
        ),
        (
            "other letters",
            "import calc\nｓetattr(calc, 'half', print)\n",
        ),
        (
            "what a function gives",
            "import calc\ndef get():\n    return calc\nget().half = print\n",
        ),
        (
            "what a lambda gives",
            "import calc\nget = lambda: calc\nget().half = print\n",
        ),
        (
            "what a class makes",
            "import calc\nclass G:\n    def __new__(cls):\n        return calc\ng = G()\ng.half = print\n",
        ),
        (
            "what a decorator makes",
            "import calc\ndef deco(f):\n    return calc\n@deco\ndef c():\n    pass\nc.half = print\n",
        ),
        (
            "what a context gives",
            "import calc\nfrom contextlib import nullcontext\nwith nullcontext(calc) as c:\n    c.half = print\n",
        ),
        (
            "what next gives",
            "import calc\nc = next(iter([calc]))\nc.half = print\n",
        ),
        (
            "a global",
            "import calc\ndef a():\n    global c\n    c = calc\ndef b():\n    c.half = print\nc = dict()\n",
        ),
        ("a deleted key", "import calc\ndel calc.T[3]\n"),
        (
            "in place, by a module",
            "import calc\nimport random\nrandom.shuffle(calc.L)\n",
        ),
        (
            "a singledispatch",
            "from calc import half\n@half.register(int)\ndef _(n):\n    return 3\n",
        ),
        ("a path of modules", "import sys\nsys.path.insert(0, 'x')\n"),
        ("at the end", "import atexit\natexit.register(print)\n"),
        (
            "setattr of a list",
            "import calc\nsetattr(*[calc, 'half', print])\n",
        ),
        (
            "setattr of what calls itself self",
            "import calc\ndef put(self):\n    object.__setattr__(self, 'half', print)\nput(calc)\n",
        ),
        (
            "an operator by another name",
            "import calc\nfrom operator import setitem as put\nput(calc.T, 3, 4)\n",
        ),
        (
            "what writes through",
            "import calc\nfrom collections import ChainMap\nm = ChainMap(calc.T)\nm[3] = 4\n",
        ),
        (
            "a lambda's parameter",
            "import calc\nc = []\n(lambda c: c.T.append(1))(calc)\n",
        ),
        (
            "what is got",
            "import decimal\ndecimal.getcontext().prec = 1\n",
        ),
        (
            "a fixture with its scope by position",
            "import pytest\nfrom unittest import mock\n@pytest.fixture('session')\ndef patched():\n    with mock.patch('calc.half', print):\n        yield\n",
        ),
        (
            "a fixture that is none",
            "from unittest import mock\ndef fixture(f):\n    next(f())\n@fixture\ndef patched():\n    with mock.patch('calc.half', print):\n        yield\n",
        ),
        (
            "what a base class makes",
            "import calc\nclass M(type):\n    def __call__(cls):\n        return calc\nclass A(metaclass=M):\n    pass\nclass B(A):\n    pass\nb = B()\nb.half = print\n",
        ),
        (
            "a test run within",
            "def test_a(pytester):\n    pytester.runpytest()\n",
        ),
    ];
    assert!(rows.len() >= 60);
    let unseen: Vec<_> = rows
        .iter()
        .filter(|(_, text)| !may_influence(text, &[]))
        .collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
}

/// More ways, each a heading and its text: what names, calls, classes and the library hand on.
const COUNTING: &str = include_str!("tests/counting.txt");

#[test]
fn what_is_foreign_stays_so_whatever_it_goes_through() {
    let rows: Vec<(&str, &str)> = COUNTING
        .split("## ")
        .filter_map(|row| row.split_once('\n'))
        .collect();
    assert!(rows.len() > 100);
    let unseen = rows.iter().filter(|(_, text)| !may_influence(text, &[]));
    let unseen: Vec<_> = unseen.collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
}

#[test]
fn what_a_conftest_gives_each_test_is_the_test_s_own() {
    let text = "def test_a(app):\n    app.config['x'] = 1\n";
    for (conftest, expected) in [
        (
            "@pytest.fixture\ndef app():\n    app = App(__file__)\n    yield app\n",
            false,
        ),
        (
            "@pytest.fixture(scope='session')\ndef app():\n    return App()\n",
            true,
        ),
        ("@pytest.fixture\ndef app():\n    return calc.app\n", true),
        ("@pytest.fixture\ndef other():\n    return App()\n", true),
        ("def app():\n    return App()\n", true),
        ("'no end", true),
    ] {
        let conftest = format!("import pytest\nimport calc\nfrom calc import App\n{conftest}");
        assert_eq!(
            may_influence(text, std::slice::from_ref(&conftest)),
            expected,
            "{conftest}"
        );
    }
    assert!(may_influence(text, &[]));
}

#[test]
fn any_text_has_an_answer() {
    for text in [
        "",
        "\\",
        "'\\",
        "\u{feff}import a",
        ")))",
        "((((",
        "é = 1",
        "€",
        "a.",
        "import calc\ncalc.((",
    ] {
        let _answered = may_influence(text, &[]);
    }
    // Each name begins a chain of its own; brackets must not make that a square of a square.
    let deep = format!("import a\n{}", "a(".repeat(20_000));
    assert!(may_influence(&deep, &[]), "so deep is no Python");
    for (open, close) in [
        ("(lambda: ", ")"),
        ("(", ")()"),
        ("[x for x in ", "]"),
        ("f(", ").a()"),
    ] {
        let nested = format!("x = {}1{}", open.repeat(90), close.repeat(90));
        let _answered_soon = may_influence(&nested, &[]);
    }
    let many = |line: &str| format!("import a\n{}", line.repeat(1 << 13));
    for text in [
        many("class C(a.B):\n    def x(self): return a\n"),
        many("x = a; x()\n"),
        many("for "),
        many("a.x();"),
        many("def test_x(x): pass\n"),
        (1..4_000)
            .rev()
            .map(|n| format!("x{n} = x{}\n", n - 1))
            .collect(),
        (1..3_000)
            .map(|n| format!("class C{n}(C{}, C{}): pass\n", n - 1, n / 2))
            .collect(),
        (1..3_000)
            .map(|n| format!("@pytest.fixture\ndef f{n}(f{}): return f{}\n", n - 1, n - 1))
            .collect(),
    ] {
        let _answered_soon = may_influence(&text, &[]);
    }
    let wide = format!("import a\n{}", "a(a, a)\n".repeat(20_000));
    assert!(!may_influence(&wide, &[]));
}
