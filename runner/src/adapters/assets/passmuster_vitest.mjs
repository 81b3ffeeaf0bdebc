// Passmuster's reporter for vitest (3 or later): writes one file at the end of a run, in the shape of jest's own JSON
// report, with what vitest's lacks: errors of hooks and files, expected and actual values, errors outside of tests. It
// prints nothing; the policy's own reporters stay beside it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CAP = 8 * 1024;

// Test processes are started later and see the policy's own environment.
const directory = process.env.PASSMUSTER_REPORT;
delete process.env.PASSMUSTER_REPORT;

export default class Passmuster {
  onTestRunEnd(modules, errors, reason) {
    const report = {
      // Vitest's word leaves out errors outside of tests.
      success: reason === 'passed' && errors.length === 0,
      wasInterrupted: reason === 'interrupted',
      testResults: modules.map(file),
      errors: errors.map(account),
    };
    writeFileSync(join(directory, 'report.json'), JSON.stringify(report, wellFormed), { flag: 'wx', mode: 0o600 });
  }
}

// Half a surrogate pair, from a test or from a cut, is no Unicode and would make the report unreadable.
function wellFormed(key, value) {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

function file(module) {
  const tests = [...module.children.allTests()].map(test);
  const hooks = [...module.children.allSuites()].filter((suite) => suite.errors().length > 0).map(hook);
  return {
    name: module.moduleId,
    displayName: module.project.name,
    status: module.state(),
    errors: module.errors().map(account),
    assertionResults: [...tests, ...hooks],
  };
}

// A suite is no test; it is reported where a hook of its own failed.
function hook(suite) {
  return { ...named(suite), status: 'failed', errors: suite.errors().map(account) };
}

function test(test) {
  const { state, errors, note } = test.result();
  const diagnostic = test.diagnostic();
  return {
    ...named(test),
    status: test.options.mode === 'todo' ? 'todo' : state,
    note,
    duration: diagnostic?.duration,
    invocations: (diagnostic?.retryCount ?? 0) + 1,
    errors: (errors ?? []).map(account),
  };
}

function named(task) {
  const ancestorTitles = [];
  for (let around = task.parent; around.type === 'suite'; around = around.parent) ancestorTitles.unshift(around.name);
  return { ancestorTitles, title: task.name, location: task.location };
}

function account(error) {
  return {
    message: String(error.message ?? error).slice(0, CAP),
    stack: typeof error.stack === 'string' ? error.stack.slice(0, CAP) : undefined,
    expected: shown(error.expected),
    actual: shown(error.actual),
  };
}

// Vitest has turned them into text already.
function shown(value) {
  return value === undefined || value === null ? undefined : String(value).slice(0, CAP);
}
