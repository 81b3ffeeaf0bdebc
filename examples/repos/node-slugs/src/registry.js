import { slug } from './slug.js';

/** Gives each title a slug that no other title has. */
export class SlugRegistry {
  #taken = new Map();

  /** The slug of a new title: the plain one, or with the first free number from 2. */
  add(title, options) {
    const plain = slug(title, options);
    if (plain === '') {
      throw new RangeError('a title needs at least one letter or digit');
    }
    let candidate = plain;
    for (let number = 2; this.#taken.has(candidate); number += 1) {
      candidate = `${plain}-${number}`;
    }
    this.#taken.set(candidate, title);
    return candidate;
  }

  /** The title behind a slug; undefined where there is none. */
  title(name) {
    return this.#taken.get(name);
  }

  get size() {
    return this.#taken.size;
  }
}
