const MARKS = /\p{Mark}/gu;
const NOT_WORD = /[^\p{Letter}\p{Number}]+/gu;

/**
 * The words of a title in lower case, joined by a separator.
 *
 * Accents are dropped. With `max`, the slug has at most that many characters.
 */
export function slug(title, { separator = '-', max = Infinity } = {}) {
  if (typeof title !== 'string') {
    throw new TypeError(`a title is a string, not ${typeof title}`);
  }
  const plain = title.normalize('NFD').replace(MARKS, '').toLowerCase();
  const words = plain.split(NOT_WORD).filter((word) => word !== '');
  return words.join(separator).slice(0, max);
}
