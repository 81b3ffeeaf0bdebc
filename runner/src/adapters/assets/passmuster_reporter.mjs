// Passmuster's reporter for node:test (node 20 or later): writes the runner's events to one file a process, a JSON
// object a line. It prints nothing; the policy's own reporters stay beside it.
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';

const CAP = 8 * 1024;
const KEPT = new Set(['test:start', 'test:pass', 'test:fail', 'test:diagnostic', 'test:stderr']);

// Children see the policy's own environment: a runner that a test starts is that test's business and reports nothing here.
const directory = process.env.PASSMUSTER_REPORT;
const own = process.env.PASSMUSTER_OWN_NODE_OPTIONS;
if (directory !== undefined) {
  delete process.env.PASSMUSTER_REPORT;
  delete process.env.PASSMUSTER_OWN_NODE_OPTIONS;
  if (own === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = own;
}

export default async function* passmuster(source) {
  if (directory === undefined) return;
  const fd = openSync(join(directory, `node-${process.pid}.jsonl`), 'ax', 0o600);
  const write = (record) => writeSync(fd, JSON.stringify(record, wellFormed) + '\n');
  write({ event: 'begin', cwd: process.cwd() });
  for await (const { type, data } of source) {
    if (KEPT.has(type)) write(record(type.slice('test:'.length), data));
  }
  write({ event: 'end' });
}

// Half a surrogate pair, from a test or from a cut, is no Unicode and would make the line unreadable.
function wellFormed(key, value) {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

function record(event, data) {
  return {
    event,
    name: data.name,
    nesting: data.nesting,
    file: data.file,
    line: data.line,
    suite: data.details?.type === 'suite',
    skip: data.skip,
    todo: data.todo,
    millis: data.details?.duration_ms,
    message: typeof data.message === 'string' ? data.message.slice(0, CAP) : undefined,
    error: data.details?.error === undefined ? undefined : account(data.details.error),
  };
}

// The runner wraps what a test threw; the cause is the test's own.
function account(error) {
  const cause = error?.cause ?? error;
  const thrown = cause !== null && typeof cause === 'object';
  const compared = thrown && ('expected' in cause || 'actual' in cause);
  return {
    kind: error?.failureType,
    message: String(thrown ? cause.message ?? inspect(cause) : cause).slice(0, CAP),
    stack: thrown && cause.stack ? String(cause.stack).slice(0, CAP) : undefined,
    expected: compared ? shown(cause.expected) : undefined,
    actual: compared ? shown(cause.actual) : undefined,
  };
}

function shown(value) {
  return inspect(value, { depth: 4, maxStringLength: 1000 }).slice(0, CAP);
}
