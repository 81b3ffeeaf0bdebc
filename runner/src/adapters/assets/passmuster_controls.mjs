// Passmuster's controls for node:test: tests whose results the runner knows, in a process for each file of tests, with
// the same preloads. It loads that file, one test of it runs, and then come the controls: whatever product code did to
// this process while it was loaded or called is done to them as well.
import assert from 'node:assert';
import strict from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

unlinkSync(fileURLToPath(import.meta.url)); // nobody reads here what is planted
const { file, controls } = HANDED;
const Broken = Error;
const Later = Promise;
const exit = process.exit.bind(process);

// The ways in which tests fail, each of which code under test could silence by itself.
const FAILING = [
  () => { throw new Broken('no such service'); },
  () => assert(false),
  () => assert.ok(false),
  () => assert.equal(1, 2),
  () => assert.notEqual(1, 1),
  () => assert.strictEqual(1, 2),
  () => assert.notStrictEqual(1, 1),
  () => assert.deepEqual({ a: 1 }, { a: 2 }),
  () => assert.notDeepEqual({ a: 1 }, { a: 1 }),
  () => assert.deepStrictEqual({ a: 1 }, { a: 2 }),
  () => assert.notDeepStrictEqual({ a: 1 }, { a: 1 }),
  () => assert.match('a', /b/),
  () => assert.doesNotMatch('a', /a/),
  () => assert.throws(() => 1),
  () => assert.doesNotThrow(() => { throw new Broken('no such service'); }),
  () => assert.rejects(async () => 1),
  () => assert.doesNotReject(async () => { throw new Broken('no such service'); }),
  () => assert.ifError(new Broken('no such service')),
  () => assert.fail(),
  () => strict(false),
  () => strict.equal(1, 2),
  () => strict.deepEqual({ a: 1 }, { a: 2 }),
  (t) => (t.assert ?? strict).equal(1, 2),
  async () => { await null; throw new Broken('no such service'); },
  () => Later.reject(new Broken('no such service')),
  (_, done) => done(new Broken('no such service')),
];
const PASSING = [
  () => {},
  () => strict.equal(1, 1),
  async () => { await null; },
  (_, done) => done(),
];

setTimeout(exit, 60_000, 1).unref(); // a file that waits for something
after(() => setTimeout(exit, 1_000).unref()); // what it left open

let loaded = true;
try {
  await import(pathToFileURL(file).href);
} catch {
  loaded = false; // then nothing is known of what it does
}
for (const { name, fails, body } of controls) {
  test(name, { skip: !loaded }, (fails ? FAILING : PASSING)[body]);
}
