//! What is taken to be loaded, and what is not.

use super::*;
use crate::policy::parse;

/// Whether each of these is among what was found.
fn assert_found(found: &BTreeSet<RepoPath>, yes: &[&str], no: &[&str], what: &str) {
    for one in yes {
        assert!(
            found.contains(&RepoPath::from(*one)),
            "{what}: {one}: {found:?}"
        );
    }
    for one in no {
        assert!(!found.contains(&RepoPath::from(*one)), "{what}: {one}");
    }
}

#[test]
fn what_a_runner_loads_is_found_by_the_words_of_its_configuration() {
    for (path, text, yes, no) in [
        (
            "jest.config.js",
            "module.exports = { setupFilesAfterEnv: [\n  '<rootDir>/conf/a.js',\n  \"./conf/b\",\n], roots: ['src'] };",
            &["conf/a.js", "conf/b.js"][..],
            &["src/index.js"][..],
        ),
        (
            "web/vitest.config.ts",
            "export default { test: { globalSetup: './c.ts', include: ['src/d.ts'] } }",
            &["web/c.ts"],
            &["src/d.ts", "web/src/d.ts"],
        ),
        (
            "package.json",
            "{ \"main\": \"a.js\", \"jest\": { \"testEnvironment\": \"./env\" } }",
            &["env.js"],
            &["a.js"],
        ),
        (
            "jest.config.js",
            "// don't\n/* it's */ const files = ['./a.js'];\nmodule.exports = { ...require('./base'), setupFiles: files };",
            &["a.js", "base.js"],
            &[],
        ),
        (
            "jest.config.ts",
            "const config: Config = { transform: { '^.+\\\\.[jt]sx?$': ['./conf/t', { a: ['b'] }] }, setupFiles: [[`${__dirname}/conf/a.js`]] };",
            &["conf/t.js", "conf/a.js"],
            &[],
        ),
        (
            "jest.config.js",
            "module.exports = { testRegex: /['\"]x/, moduleNameMapper: { '^assert$': '<rootDir>/conf/assert.js', '^lib$': '<rootDir>/src/index.js' }, collectCoverageFrom: ['src/x.js'] }",
            &["conf/assert.js"],
            &["src/index.js", "src/x.js"],
        ),
        (
            "vite.config.ts",
            "import own from './conf/own';\nexport default defineConfig({ plugins: [own()], build: { lib: { entry: 'src/d.ts' } }, resolve: { alias: { '@': './src' } } })",
            &["conf/own.ts"],
            &["src/d.ts", "src/index.ts"],
        ),
        (
            ".mocharc.yml",
            "require:\n  - ./conf/a\n  - conf/b.js # why\nspec: lib/c.js\nfile: conf/d.js\n",
            &["conf/a.js", "conf/b.js", "conf/d.js"],
            &["lib/c.js"],
        ),
        (
            ".mocharc.yaml",
            "require: [conf/a, \"conf/b\"]",
            &["conf/a.js", "conf/b.js"],
            &[],
        ),
        (
            ".mocharc.json",
            "{ \"require\": \"conf\" }",
            &["conf/index.js"],
            &[],
        ),
        (
            "package.json",
            "{ \"scripts\": { \"test\": \"mocha --require ./conf/a\", \"build\": \"node lib/b.js\", \"unit:test\": \"node -r ./conf/c x\" } }",
            &["conf/a.js", "conf/c.js"],
            &["lib/b.js"],
        ),
        (
            "web/package.json",
            "{ \"scripts\": { \"test\": \"node a.js\" } }",
            &["web/a.js"],
            &["a.js", "src/a.js"],
        ),
        (
            "conftest.py",
            "pytest_plugins = [\"help.one\",\n    'help.two']\nx = \"help.three\"\n",
            &["help/one.py", "help/two.py"],
            &["help/three.py"],
        ),
        (
            "test_a.py",
            "pytest_plugins = \"one\"",
            &["src/one.py"],
            &[],
        ),
        (
            "conftest.py",
            "pytest_plugins: tuple[str, ...] = (\n  'help.one',  # it's ]\n  # \"\n  'help.two',)\n",
            &["help/one.py", "help/two.py"],
            &[],
        ),
        (
            "conftest.py",
            "pytest_plugins = []\npytest_plugins += ['help.one']\npytest_plugins.append('help.two')",
            &["help/one.py", "help/two.py"],
            &[],
        ),
        (
            "conftest.py",
            "PLUGINS = ['help.one']\npytest_plugins = PLUGINS\nOTHER = ['help.three']",
            &["help/one.py"],
            &["help/three.py"],
        ),
        (
            "conftest.py",
            "def pytest_configure(config):\n    config.pluginmanager.import_plugin('help.one')\n",
            &["help/one.py"],
            &[],
        ),
        (
            "conftest.py",
            "pytest_plugins = ['help.one']\n'no end",
            &["help/one.py"],
            &[],
        ),
        (
            "test_a.py",
            "import x\nmock.patch('help.one.f')\n",
            &[],
            &["help/one.py"],
        ),
        (
            "pytest.ini",
            "[pytest]\naddopts = -q -p help.one -pno:cacheprovider\n",
            &["help/one.py"],
            &["no.py"],
        ),
        (
            "pytest.ini",
            "[pytest]\naddopts =\n    -q\n    -p help.one\n    --cov=help.two --ignore help/three.py\ntestpaths = help/four.py\nenv =\n    PYTEST_PLUGINS=help.five\n",
            &["help/one.py", "help/five.py"],
            &["help/two.py", "help/three.py", "help/four.py"],
        ),
        (
            "tox.ini",
            "[testenv]\ncommands = pytest -p help.one\n[testenv:lint]\ndeps = help.two\n[other]\ncommands = pytest -p help.three",
            &["help/one.py"],
            &["help/two.py", "help/three.py"],
        ),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\naddopts = [\"-p\", \"help\"]",
            &["help/__init__.py"],
            &[],
        ),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\naddopts = [\n  \"-p\",\n  \"help.one\",\n]\nfilterwarnings = [\"error::help.two\"]\n[project.scripts]\nx = \"help.three:main\"\n[tool.hatch.version]\npath = \"help/four.py\"",
            &["help/one.py"],
            &["help/two.py", "help/three.py", "help/four.py"],
        ),
        (
            "setup.cfg",
            "[tool:pytest]\nDJANGO_SETTINGS_MODULE = help.one\n[options]\npackages = help.two",
            &["help/one.py"],
            &["help/two.py"],
        ),
        (
            "vite.config.ts",
            "build: { lib: { entry: 'src/d.ts' } }",
            &[],
            &["src/d.ts"],
        ),
    ] {
        assert_found(
            &loaded(&path.into(), text, &[]),
            yes,
            no,
            &format!("{path}: {text}"),
        );
    }
}

#[test]
fn modules_are_looked_for_where_pytest_is_told() {
    for (path, text) in [
        ("pytest.ini", "[pytest]\npythonpath = conf other\n"),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\npythonpath = [\"conf\"]\n",
        ),
        ("setup.cfg", "[tool:pytest]\npythonpath =\n  ./conf/\n"),
    ] {
        let roots = roots(&path.into(), text);
        assert!(roots.contains(&"conf".to_owned()), "{path}");
        let found = loaded(&"conftest.py".into(), "pytest_plugins = 'help'", &roots);
        assert_found(&found, &["conf/help.py"], &[], path);
    }
}

#[test]
fn a_command_and_its_environment_load_as_configuration_does() {
    for (run, env, yes, no) in [
        (
            "'python', '-m', 'pytest', '-p', 'help.one'",
            "",
            &["help/one.py"][..],
            &["pytest.py"][..],
        ),
        (
            "'python', '-m', 'pytest', '--cov=pkg', '--cov', 'pkg.a', 'tests'",
            "",
            &[],
            &["pkg/__init__.py", "pkg/a.py", "tests/__init__.py"],
        ),
        ("'python', '-m', 'help.one'", "", &["help/one.py"], &[]),
        (
            "'pytest', '-o', 'addopts=-p help.one'",
            "",
            &["help/one.py"],
            &[],
        ),
        (
            "'pytest'",
            "PYTEST_PLUGINS = 'help, help.two'",
            &["help/__init__.py", "help/two.py"],
            &[],
        ),
        (
            "'pytest'",
            "PYTEST_ADDOPTS = '-p help'\nPYTHONPATH = 'conf'",
            &["conf/help.py"],
            &[],
        ),
        (
            "'npx', 'jest', '--setupFilesAfterEnv', './conf/a', '--config=conf/b.js'",
            "",
            &["conf/a.js", "conf/b.js"],
            &[],
        ),
        (
            "'npx', 'vitest', 'run', '--config', './conf/v.mts', '--root', 'lib/a.js'",
            "",
            &["conf/v.mts"],
            &["lib/a.js"],
        ),
        (
            "'npx', 'mocha', '--require', 'conf/a', '-r', './conf/b', '--file', 'conf/c'",
            "",
            &["conf/a.js", "conf/b.js", "conf/c.js"],
            &[],
        ),
        (
            "'node', '--import', './conf/a.mjs', '--require=./conf/b', '--test'",
            "",
            &["conf/a.mjs", "conf/b.js"],
            &[],
        ),
        (
            "'node', '--test'",
            "NODE_OPTIONS = '--require /sandbox/tree/conf/a --import=./conf/b.mjs'",
            &["conf/a.js", "conf/b.mjs"],
            &[],
        ),
        (
            "'sh', '-c', 'node -r ./conf/a --test; true'",
            "",
            &["conf/a.js"],
            &[],
        ),
        (
            "'node', '--test', 'src'",
            "",
            &[],
            &["src/index.js", "src.js"],
        ),
    ] {
        let text = format!(
            "version = 1\n[[check]]\nname = 't'\nkind = 'test'\nframework = 'pytest'\nrun = [{run}]\n[check.env]\n{env}\n"
        );
        let policy = parse(&text, "policy").unwrap();
        let check = &policy.check[0];
        let found = loaded_by_command(check, &roots_of_environment(check));
        assert_found(&found, yes, no, &text);
    }
}

#[test]
fn a_command_names_its_configuration_which_may_have_any_name() {
    let text = "version = 1\n[[check]]\nname = 't'\nkind = 'test'\nframework = 'jest'\ncwd = 'web'\nrun = ['jest', '--config', 'conf/mine.js', '-c=other.js']\n";
    let policy = parse(text, "policy").unwrap();
    let found = configurations(&policy.check[0]);
    assert_found(&found, &["web/conf/mine.js", "web/other.js"], &[], text);
    let found = loaded(
        &"web/conf/mine.js".into(),
        "module.exports = { setupFiles: ['./a'] }",
        &[],
    );
    assert_found(&found, &["web/conf/a.js"], &[], "mine");
}
