export { slug } from './slug.js';
export { SlugRegistry } from './registry.js';
