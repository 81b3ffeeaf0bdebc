"""What Passmuster's pytest plugin and unittest runner share: the report file and the loaded modules."""
import glob
import json
import os
import re
import sys

try:  # what hashlib has is slow to load
    from _sha256 import sha256
except ImportError:
    from hashlib import sha256

TEXT_CAP = 8 * 1024
LINE_CAP = 1024
MODULES_CAP = 50000
SEAL = 32


class Writer:
    """One JSON object a line, written at once, so that a killed process leaves what it had said.

    Each line bears a seal made with a key that only this process and Passmuster know, and that is replaced
    after every line: what was written before cannot be written again by whoever reads the key later. What
    it works with is taken when this module is loaded, before anything of the tree is.
    """

    def __init__(self, fd, key, pid=None):
        self.fd, self.key, self.pid = fd, key, pid or os.getpid()

    def write(self, _write=os.write, _sha256=sha256, _dumps=json.dumps, _getpid=os.getpid, **record):
        if _getpid() == self.pid:  # a forked child is not the session
            text = _dumps(record, ensure_ascii=False, default=str).encode("utf-8", "replace")  # lone surrogates
            seal = _sha256(self.key + _sha256(self.key + text).digest()).hexdigest()[:SEAL].encode()
            self.key = _sha256(b"next" + self.key).digest()
            _write(self.fd, seal + b" " + text + b"\n")


def take_writer():
    """The writer for the process that Passmuster launched, and what it is to plant; none in its children,
    which must not report."""
    path = os.environ.pop("PASSMUSTER_REPORT", None)
    if path is None:
        return None, None
    handed = path + ".handed"
    with open(handed) as file:
        planted = json.load(file)
    os.unlink(handed)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
    return Writer(os.open(path, flags, 0o600), bytes.fromhex(planted.pop("key"))), planted


def restore_environment():
    """Gives tests and their children the policy's own environment again."""
    if os.environ.pop("PASSMUSTER_TREE", None) is None:
        return
    os.environ.pop("PASSMUSTER_ONLY", None)
    for name in ("PYTEST_ADDOPTS", "PYTHONPATH"):
        own = os.environ.pop("PASSMUSTER_OWN_" + name, None)
        if own is not None:
            os.environ[name] = own
        else:
            os.environ.pop(name, None)


TREE = os.environ.get("PASSMUSTER_TREE", "")
# Files (pytest) or modules (unittest) of a selection; none for all.
ONLY = set(filter(None, os.environ.get("PASSMUSTER_ONLY", "").split("\n")))


def loaded_modules():
    """Files of the tree that were loaded, and modules that the tree provides but that came from elsewhere."""
    used, foreign = set(), []
    roots = _import_roots()
    for name, module in sorted(sys.modules.copy().items()):
        path = getattr(module, "__file__", None)
        if not isinstance(name, str) or not isinstance(path, str):
            continue
        path = os.path.abspath(path)
        if _inside_tree(path):
            used.add(os.path.relpath(path, TREE))
        elif "." not in name and not _standard(name, path) and _provided(name, roots):
            foreign.append("%s from %s" % (name, path))
    return sorted(used)[:MODULES_CAP], foreign[:MODULES_CAP]


def _inside_tree(path):
    return bool(TREE) and path.startswith(TREE + os.sep) and os.sep + "site-packages" + os.sep not in path


def _import_roots():
    """Directories of the tree from which its packages are usually imported."""
    if not TREE:
        return []
    places = [TREE] + [os.path.join(TREE, name) for name in ("src", "lib", "python")]
    places += glob.glob(os.path.join(glob.escape(TREE), "*", "src"))
    places += glob.glob(os.path.join(glob.escape(TREE), "*", "*", "src"))
    places += [entry for entry in map(os.path.abspath, sys.path) if _inside_tree(entry)]
    return [place for place in dict.fromkeys(places) if os.path.isdir(place)]


def _provided(name, roots):
    endings = (os.path.join(name, "__init__.py"), name + ".py")
    return any(os.path.isfile(os.path.join(root, ending)) for root in roots for ending in endings)


def _standard(name, path):
    if name in getattr(sys, "stdlib_module_names", sys.builtin_module_names):
        return True
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.dirname(path) in (here, os.path.dirname(os.__file__))


def cap(text):
    """The end of a long text: the error stands there."""
    return text if len(text) <= TEXT_CAP else "…" + text[-TEXT_CAP:]


def first_line(text):
    return (text.strip().splitlines() or [""])[0][:LINE_CAP]


def last_location(lines):
    """Path and line of the last `path:line:` or `File "path", line n` in a traceback."""
    for line in reversed(lines):
        found = re.match(r'(?:E\s)?\s*File "([^"]+)", line (\d+)', line) or re.match(r"([^\s:][^:]*):(\d+):", line)
        if found:
            return found.group(1), int(found.group(2))
    return None, None
