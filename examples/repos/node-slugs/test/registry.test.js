import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { SlugRegistry } from '../src/index.js';

describe('SlugRegistry', () => {
  it('gives the plain slug first', () => {
    assert.equal(new SlugRegistry().add('News'), 'news');
  });

  it('numbers the same title from two', () => {
    const registry = new SlugRegistry();
    const slugs = ['News', 'news!', 'NEWS'].map((title) => registry.add(title));
    assert.deepEqual(slugs, ['news', 'news-2', 'news-3']);
  });

  it('finds the title behind a slug', () => {
    const registry = new SlugRegistry();
    registry.add('Good Morning');
    assert.equal(registry.title('good-morning'), 'Good Morning');
  });

  it('knows nothing of other slugs', () => {
    assert.equal(new SlugRegistry().title('missing'), undefined);
  });

  it('counts what it has given', () => {
    const registry = new SlugRegistry();
    registry.add('one');
    registry.add('two');
    assert.equal(registry.size, 2);
  });

  it('refuses a title without letters', () => {
    assert.throws(() => new SlugRegistry().add('?!'), RangeError);
  });
});
