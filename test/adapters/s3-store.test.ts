import { describeObjectCopies } from '../contracts/object-copies.contract';
import { describeObjectStore } from '../contracts/object-store.contract';
import { describeObjectUploads } from '../contracts/object-uploads.contract';
import { type BucketOptions, makeS3Store, s3Facts } from './s3-fixture';
import { describeOn, moto, versitygw } from './s3-servers';

/** The contracts of an object store on the servers of other people, each with its own personality; and with what weaker ones force upon us. */
describe.each([
  [versitygw, 'a bucket', { profile: 'versitygw' }],
  [moto, 'a bucket', { profile: 'moto' }],
  // The other server shows no object that was put after a delete.
  [moto, 'a bucket with versions', { profile: 'moto', versions: true }],
] as const)('the store', (server, name, options: BucketOptions) => {
  describeOn(server, (running) => {
    const make = () => makeS3Store(running().endpoint, options);
    const facts = { ...s3Facts, keepsVersions: options.versions === true };
    // What versions change of an upload is its confirmation, which has tests of its own (`s3-order.test.ts`).
    if (!facts.keepsVersions) describeObjectUploads(name, make, facts);
    describeObjectStore(name, make, facts);
    describeObjectCopies(name, make, facts);
  });
});
