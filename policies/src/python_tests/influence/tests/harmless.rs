//! Files of tests as people write them, which keep to themselves: none may cost a second run.

use super::super::influence;

/// What it is, and its text.
const FILES: &[(&str, &str)] = &[
    (
        "plain",
        "from ledger import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    ),
    (
        "a fixture that builds",
        "import pytest\nfrom ledger import Book\n\n\n@pytest.fixture\ndef book():\n    book = Book('cash')\n    book.owner = 'me'\n    return book\n\n\ndef test_book(book):\n    book.entries.append(3)\n    book.name = 'x'\n    assert book.total() == 3\n",
    ),
    (
        "a fixture that yields",
        "import pytest\nfrom ledger import connect\n\n\n@pytest.fixture()\ndef db(tmp_path):\n    db = connect(tmp_path / 'a.db')\n    yield db\n    db.close()\n\n\ndef test_db(db):\n    db.timeout = 3\n    assert db.rows() == []\n",
    ),
    (
        "files",
        "import json\nfrom ledger import load\n\n\ndef test_load(tmp_path):\n    path = tmp_path / 'a.json'\n    path.write_text(json.dumps({'a': [1]}))\n    data = load(path)\n    data['b'] = 2\n    assert sorted(data) == ['a', 'b']\n",
    ),
    (
        "monkeypatch",
        "import os\nimport sys\nimport builtins\nimport ledger\n\n\ndef test_env(monkeypatch):\n    monkeypatch.setenv('HOME', '/tmp')\n    monkeypatch.delenv('X', raising=False)\n    monkeypatch.setattr(ledger, 'total', lambda rows: 3)\n    monkeypatch.setattr(sys, 'argv', ['x'])\n    monkeypatch.setattr(builtins, 'input', lambda text: 'y')\n    monkeypatch.setitem(os.environ, 'A', '1')\n    monkeypatch.setitem(sys.modules, 'numpy', None)\n    monkeypatch.chdir('/tmp')\n    assert ledger.total([]) == 3\n",
    ),
    (
        "monkeypatch in a fixture",
        "import pytest\nimport ledger\n\n\n@pytest.fixture(autouse=True)\ndef offline(monkeypatch: pytest.MonkeyPatch) -> None:\n    monkeypatch.setattr('ledger.net.get', None)\n\n\ndef test_x():\n    assert ledger.x()\n",
    ),
    (
        "monkeypatch in a context",
        "import ledger\n\n\ndef test_x(monkeypatch):\n    with monkeypatch.context() as patches:\n        patches.setattr(ledger, 'x', 3)\n        assert ledger.x == 3\n",
    ),
    (
        "a patch as decorator",
        "from unittest.mock import patch\nimport ledger\n\n\n@patch('ledger.net.get')\n@patch.object(ledger, 'now', autospec=True)\ndef test_get(now, get):\n    now.return_value = 3\n    get.return_value.json.return_value = {'a': 1}\n    get.side_effect = [1, 2]\n    assert ledger.fetch() == 1\n",
    ),
    (
        "a patch in a class",
        "import unittest\nfrom unittest import mock\nfrom ledger import Book\n\n\n@mock.patch('ledger.now')\nclass TestBook(unittest.TestCase):\n    def setUp(self):\n        self.book = Book()\n        self.book.rows = {}\n        self.calls: list = []\n        self.book.rows['a'] = 1\n\n    @mock.patch('ledger.net')\n    def test_a(self, net, now):\n        net.get.return_value = 3\n        now.return_value = 4\n        self.calls.append(net)\n        self.assertEqual(self.book.total(), 7)\n",
    ),
    (
        "a patch in a with",
        "from unittest import mock\n\n\ndef test_get():\n    with mock.patch('ledger.get') as get, mock.patch.dict('os.environ', {'A': '1'}):\n        get.return_value = 3\n    with (\n        mock.patch('ledger.a', return_value=1) as a,\n        mock.patch('ledger.b'),\n    ):\n        a.side_effect = ValueError\n",
    ),
    (
        "a patch in a fixture",
        "import pytest\nfrom unittest.mock import patch\n\n\n@pytest.fixture\ndef get():\n    with patch('ledger.get') as get:\n        get.return_value = 1\n        yield get\n\n\ndef test_x(get):\n    get.return_value = 3\n",
    ),
    (
        "mocker",
        "import ledger\n\n\ndef test_x(mocker):\n    get = mocker.patch('ledger.get')\n    get.return_value.status = 3\n    spy = mocker.spy(ledger, 'total')\n    mocker.patch.object(ledger, 'now', return_value=3)\n    fake = mocker.MagicMock(spec=ledger.Book)\n    fake.rows.name = 3\n    assert spy.call_count == 0\n",
    ),
    (
        "mocks",
        "from unittest.mock import MagicMock, Mock\nfrom ledger import Book\n\n\ndef test_x():\n    book = Mock(spec=Book)\n    book.total.return_value = 3\n    client = MagicMock()\n    client.get.return_value.json.side_effect = [1]\n    client.headers['a'] = 'b'\n",
    ),
    (
        "unittest",
        "import unittest\nimport tempfile\nimport os\nfrom ledger import Book\n\n\nclass TestBook(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        cls.rows = [1, 2]\n        cls.rows.append(3)\n\n    def setUp(self):\n        self.dir = tempfile.mkdtemp()\n        self.book = Book(os.path.join(self.dir, 'a'))\n        self.addCleanup(self.book.close)\n\n    def test_name(self):\n        self.book.name = 'x'\n        del self.book.name\n        self.assertIn('a', self.book.names())\n",
    ),
    (
        "parameters",
        "import pytest\nfrom ledger import parse, Kind\n\n\n@pytest.mark.parametrize('text, expected', [('1', [1]), pytest.param('2', [2], id='two')])\ndef test_parse(text, expected):\n    expected.append(3)\n    assert parse(text) == expected\n\n\n@pytest.mark.parametrize('kind', [Kind.CASH, Kind.BANK])\ndef test_kind(kind):\n    assert kind.name\n",
    ),
    (
        "lists and dictionaries",
        "from ledger import rows\n\n\ndef test_rows():\n    seen = []\n    by_name = {}\n    for row in rows('a'):\n        seen.append(row.name)\n        by_name.setdefault(row.name, []).append(row)\n        by_name[row.name] = row\n    seen.sort()\n    seen += ['x']\n    del seen[0]\n    assert seen == ['x']\n",
    ),
    (
        "nested data",
        "def test_nested():\n    config = {'a': {'b': [1]}}\n    config['a']['b'].append(2)\n    config['a']['c'] = {}\n    config['a']['c']['d'] = 1\n    assert len(config['a']['b']) == 2\n",
    ),
    (
        "a data class",
        "from dataclasses import dataclass, field, replace\n\n\n@dataclass\nclass Row:\n    name: str\n    parts: list = field(default_factory=list)\n\n\ndef test_row():\n    row = Row('a')\n    row.name = 'b'\n    row.parts.append(1)\n    other = replace(row, name='c')\n    other.name = 'd'\n",
    ),
    (
        "logs",
        "import logging\nfrom ledger import run\n\n\ndef test_logs(caplog, capsys):\n    caplog.set_level(logging.INFO)\n    run()\n    caplog.clear()\n    with caplog.at_level('DEBUG', logger='ledger'):\n        run()\n    assert 'x' in caplog.text and capsys.readouterr().out == ''\n",
    ),
    (
        "arrays",
        "import numpy as np\nfrom ledger import smooth\n\n\ndef test_smooth():\n    data = np.zeros((3, 3))\n    data[1, :] = 2\n    data[data > 1] += 1\n    data.fill(3)\n    data *= 2\n    np.testing.assert_allclose(smooth(data), data)\n",
    ),
    (
        "exceptions",
        "import pytest\nfrom ledger import LedgerError, parse\n\n\ndef test_bad():\n    with pytest.raises(LedgerError, match='no') as caught:\n        parse('x')\n    assert str(caught.value) == 'no' and caught.value.__cause__ is None\n",
    ),
    (
        "a fake",
        "from ledger import send\n\n\nclass FakeClient:\n    def __init__(self, answer=None):\n        self.answer = answer\n        self.sent = []\n\n    def post(self, url, **options):\n        options['url'] = url\n        options.setdefault('a', 1)\n        self.sent.append((url, options))\n        return self.answer\n\n    def __enter__(self):\n        return self\n\n    def __exit__(self, *args):\n        pass\n\n\ndef test_send():\n    client = FakeClient()\n    client.answer = 3\n    send(client)\n    assert client.sent[0][0] == 'x'\n",
    ),
    (
        "a helper",
        "import pytest\nfrom ledger import Book\n\n\ndef make_book(name='x'):\n    book = Book(name)\n    book.owner = 'me'\n    return book\n\n\ndef test_book():\n    book = make_book()\n    book.name = 'y'\n    assert book.rows['a'] == 3\n",
    ),
    (
        "a callback",
        "from ledger import watch\n\n\ndef test_watch():\n    calls = []\n\n    def callback(event):\n        calls.append(event)\n        callback.count += 1\n\n    callback.count = 0\n    watch(callback)\n    watch(lambda event: calls.append(event))\n    assert calls == []\n",
    ),
    (
        "counting",
        "from ledger import tick\n\n\ndef test_tick():\n    count = 0\n    total = 0.0\n    text = ''\n    for value in tick(3):\n        count += 1\n        total += value\n        text += str(value)\n    assert (count, total) == (3, 6)\n",
    ),
    (
        "a command line",
        "from click.testing import CliRunner\nfrom ledger.cli import main\n\n\ndef test_main():\n    runner = CliRunner()\n    result = runner.invoke(main, ['--help'])\n    assert result.exit_code == 0, result.output\n",
    ),
    (
        "a module's functions",
        "import ledger\n\n\ndef test_add():\n    assert ledger.add(1, 2) == 3\n    assert ledger.remove('a', 'b') == []\n    assert list(map(ledger.pop, [1])) == [1]\n",
    ),
    (
        "a subprocess",
        "import os\nimport subprocess\nimport sys\n\n\ndef test_run(tmp_path):\n    env = dict(os.environ)\n    env['A'] = '1'\n    env.update(B='2')\n    copy = os.environ.copy()\n    copy['A'] = '3'\n    done = subprocess.run([sys.executable, '-m', 'ledger'], env=env, cwd=tmp_path)\n    assert done.returncode == 0\n",
    ),
    (
        "an optional module",
        "import sys\nimport pytest\n\nnumpy = pytest.importorskip('numpy')\npytestmark = pytest.mark.skipif(sys.version_info < (3, 9), reason='old')\n\n\ndef test_x():\n    data = numpy.zeros(3)\n    data[0] = 1\n",
    ),
    (
        "a copy",
        "import copy\nfrom ledger import DEFAULTS, TABLE\n\n\ndef test_copy():\n    config = copy.deepcopy(DEFAULTS)\n    config['a']['b'] = 1\n    table = dict(TABLE)\n    table['x'] = 1\n    rows = list(TABLE.values())\n    rows.append(3)\n    rows.sort()\n",
    ),
    (
        "dates",
        "from datetime import datetime, timedelta\nfrom importlib.metadata import version as known\nfrom ledger import due\n\n\ndef test_due():\n    day = datetime(2020, 1, 1)\n    day += timedelta(days=1)\n    assert due(day).year == 2020\n",
    ),
    (
        "async",
        "import asyncio\nimport pytest\nfrom ledger import Client\n\n\n@pytest.mark.asyncio\nasync def test_get():\n    async with Client('x') as client:\n        client.timeout = 3\n        answer = await client.get('/a')\n        assert answer.status == 200\n    queue = asyncio.Queue()\n    queue.limit = 3\n",
    ),
    (
        "formats",
        "from ledger import show\n\n\ndef test_show():\n    name = 'a'\n    rows = {'a': 1}\n    assert show(name) == f'{name!r:>10} {rows[\"a\"]} {{x}}'\n    print(f\"{name=}\", end='')\n",
    ),
    (
        "names that Python gives",
        "from ledger import Book\n\n\ndef test_names():\n    assert Book.__name__ == 'Book' and Book.__doc__\n    assert repr(Book()) == Book().__repr__()\n    assert Book().__class__ is Book\n    assert Book().__dict__ == {}\n\n\nif __name__ == '__main__':\n    import pytest\n    pytest.main([__file__])\n",
    ),
    (
        "a web client",
        "import pytest\nfrom ledger.web import make_app\n\n\n@pytest.fixture\ndef client():\n    app = make_app()\n    app.config['TESTING'] = True\n    return app.test_client()\n\n\ndef test_patch(client):\n    answer = client.patch('/a', json={'a': 1})\n    assert client.get('/a').json == {'a': 1}\n    assert client.delete('/a').status == 204\n    assert answer.status == 200\n",
    ),
    (
        "http",
        "import requests\n\n\ndef test_http():\n    session = requests.Session()\n    session.headers['a'] = 'b'\n    session.headers.update({'c': 'd'})\n    assert requests.patch('http://localhost').ok\n",
    ),
    (
        "sets",
        "from ledger import names\n\n\ndef test_sets():\n    known = set(names())\n    known.add('x')\n    known.discard('y')\n    known |= {'z'}\n    known.update(['q'])\n    assert len(known) > 3\n",
    ),
    (
        "trees",
        "import xml.etree.ElementTree as ET\nfrom ledger.xml import export\n\n\ndef test_tree():\n    root = ET.Element('a')\n    root.set('b', 'c')\n    child = ET.SubElement(root, 'd')\n    child.text = 'x'\n    root.append(ET.Element('e'))\n    assert export(root)\n",
    ),
    (
        "requests of pytest",
        "import pytest\n\n\n@pytest.fixture(params=['a', 'b'])\ndef kind(request):\n    request.addfinalizer(lambda: None)\n    if request.config.getoption('--slow'):\n        pytest.skip(request.node.name)\n    return request.param\n\n\ndef test_kind(kind):\n    assert kind\n",
    ),
    (
        "a base class",
        "import unittest\n\n\nclass Base(unittest.TestCase):\n    def __init__(self, *args, **kwargs):\n        super().__init__(*args, **kwargs)\n        self.seen = {}\n\n    def setUp(self):\n        super().setUp()\n        self.seen['a'] = []\n        self.seen.clear()\n\n\nclass TestA(Base):\n    limit = 3\n\n    def test_a(self):\n        self.limit += 1\n        TestA.limit = 4\n",
    ),
    (
        "threads",
        "import threading\nimport queue\nfrom ledger import work\n\n\ndef test_threads():\n    results = []\n    lock = threading.Lock()\n\n    def run():\n        with lock:\n            results.append(work())\n\n    threads = [threading.Thread(target=run) for _ in range(3)]\n    for thread in threads:\n        thread.daemon = True\n        thread.start()\n    for thread in threads:\n        thread.join()\n    jobs = queue.Queue()\n    jobs.put(3)\n",
    ),
    (
        "random numbers",
        "import random\nfrom ledger import ordered\n\n\ndef test_random():\n    rng = random.Random(3)\n    values = list(range(10))\n    rng.shuffle(values)\n    random.shuffle(values)\n    assert ordered(values) == list(range(10))\n",
    ),
    (
        "comprehensions",
        "from ledger import rows, LIMIT\n\n\ndef test_rows():\n    found = [row.name for row in rows('a') if row.size < LIMIT]\n    by_name = {row.name: [] for row in rows('b')}\n    by_name['x'] = 3\n    found.append('y')\n    assert (n := len(found)) > 0 and n == 1\n",
    ),
    (
        "text in comments",
        "import ledger\n\n# ledger.total = 3; patch('x').start()\nSAMPLE = '''\nledger.total = 3\nexec('x')\n'''\n\n\ndef test_sample():\n    assert ledger.parse(SAMPLE) == 'setattr'\n",
    ),
    (
        "properties",
        "from hypothesis import given, strategies as st\nfrom ledger import parse\n\n\n@given(st.text(), st.lists(st.integers(), max_size=3))\ndef test_parse(text, numbers):\n    assert parse(text) is not None\n    assert sum(numbers) == sum(reversed(numbers))\n",
    ),
    (
        "matches",
        "from ledger import parse\n\n\ndef test_match():\n    match parse('a'):\n        case {'kind': kind, **rest}:\n            assert kind == 1\n        case [first, *_]:\n            assert first\n        case _:\n            assert False\n",
    ),
    (
        "attributes of its own objects",
        "from types import SimpleNamespace\nfrom ledger import Order\n\n\ndef test_order():\n    order = Order(lines=[1, 2])\n    order.lines[0] = 3\n    order.address.street = 'x'\n    setattr(order, 'name', 'y')\n    args = SimpleNamespace(verbose=True)\n    args.verbose = False\n    first, second = Order(), Order()\n    first.next = second\n",
    ),
];

#[test]
fn files_that_keep_to_themselves_do_not_count() {
    for (what, text) in FILES {
        assert_eq!(influence(text, &[]), None, "{what}\n{text}");
    }
    assert!(FILES.len() >= 40);
}
