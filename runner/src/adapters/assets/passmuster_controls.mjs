// Passmuster's controls for node:test: tests whose results the runner knows, in a worker of their own with the same
// preloads. It loads the files of the real tests, one test of each runs, and then come the controls: whatever product
// code did to this process while it was loaded or called is done to them as well.
import assert from 'node:assert';
import strict from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

unlinkSync(fileURLToPath(import.meta.url)); // nobody reads here what is planted
const { files, controls } = HANDED;
const Broken = Error;
const Later = Promise;
const exit = process.exit.bind(process);

// The ways in which tests fail, each of which code under test could silence by itself.
const FAILING = [
  () => { throw new Broken('no such service'); },
  () => assert.equal(1, 2),
  () => assert.ok(false),
  () => assert.deepStrictEqual({ a: 1 }, { a: 2 }),
  () => strict.equal(1, 2),
  () => strict(false),
  () => assert.throws(() => 1),
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

setTimeout(exit, 60_000, 1).unref(); // files and tests that wait for something
after(() => setTimeout(exit, 1_000).unref()); // what they left open

let loaded = true;
for (const file of files) {
  try {
    await import(pathToFileURL(file).href);
  } catch {
    loaded = false; // then nothing is known of what it does
  }
}
for (const { name, fails, body } of controls) {
  test(name, { skip: !loaded }, (fails ? FAILING : PASSING)[body]);
}
