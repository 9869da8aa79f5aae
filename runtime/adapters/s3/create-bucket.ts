import { CreateBucketCommand, HeadBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { type ConnectionOptions, connect } from './client';
import { explain, outcomeOf } from './errors';

/**
 * Makes a bucket on a local server, with versions where it can keep them. One that is there is left as it is.
 *
 * @throws One line for the operator.
 */
export async function createBucket(options: ConnectionOptions & { readonly bucket: string }): Promise<'created' | 'there-already'> {
  const { bucket: Bucket, region = 'us-east-1', endpoint } = options;
  const connection = connect({ ...options, region });
  try {
    if (await isThere(connection.send, Bucket)) return 'there-already';
    await connection.send(new CreateBucketCommand({ Bucket }));
    // Not every server keeps versions; the check that follows says so.
    await connection
      .send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }))
      .catch(() => undefined);
    return 'created';
  } catch (error) {
    throw new Error(explain(error, { bucket: Bucket, place: [region, endpoint].filter(Boolean).join(' at ') }), { cause: error });
  } finally {
    connection.close();
  }
}

async function isThere(send: ReturnType<typeof connect>['send'], Bucket: string): Promise<boolean> {
  try {
    await send(new HeadBucketCommand({ Bucket }));
    return true;
  } catch (error) {
    if (outcomeOf(error) === 'gone') return false;
    throw error;
  }
}
