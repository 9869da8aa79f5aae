import { describeObjectStore } from '../contracts/object-store.contract';
import { describeObjectUploads } from '../contracts/object-uploads.contract';
import { makeDirectoryStore } from './directory-fixture';

describe.each([
  ['directory', {}],
  ['directory without hard links', { hardLinks: false }],
])('the store', (name, options) => {
  describeObjectUploads(name, () => makeDirectoryStore(options));
  describeObjectStore(name, () => makeDirectoryStore(options));
});
