import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { slug } from '../src/index.js';

describe('slug', () => {
  it('joins words with hyphens', () => {
    assert.equal(slug('Hello World'), 'hello-world');
  });

  it('drops accents', () => {
    assert.equal(slug('Crème brûlée'), 'creme-brulee');
  });

  it('keeps letters of other scripts', () => {
    assert.equal(slug('Привет, мир'), 'привет-мир');
  });

  it('drops punctuation at both ends', () => {
    assert.equal(slug('  "Why?" -- because! '), 'why-because');
  });

  it('takes another separator', () => {
    assert.equal(slug('a b c', { separator: '_' }), 'a_b_c');
  });

  it('is cut at the given length', () => {
    assert.equal(slug('wonderful', { max: 6 }), 'wonder');
  });

  it('refuses what is not a string', () => {
    assert.throws(() => slug(42), TypeError);
  });
});
