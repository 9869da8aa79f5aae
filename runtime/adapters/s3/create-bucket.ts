import { CreateBucketCommand, HeadBucketCommand } from '@aws-sdk/client-s3';
import { type ConnectionOptions, connect } from './client';
import { explain } from './errors';

/**
 * Makes a bucket on a local server. One that is there is left as it is. Versions are not switched on: what servers that speak S3 make of them differs (with
 * versitygw 1.8.0 a key that was deleted cannot be written again), so that is the operator's choice.
 *
 * @throws One line for the operator.
 */
export async function createBucket(options: ConnectionOptions & { readonly bucket: string }): Promise<'created' | 'there-already'> {
  const { bucket: Bucket, region = 'us-east-1', endpoint } = options;
  const connection = connect({ ...options, region });
  try {
    if (await isThere(connection.send, Bucket)) return 'there-already';
    await connection.send(new CreateBucketCommand({ Bucket }));
    return 'created';
  } catch (error) {
    throw new Error(explain(error, { bucket: Bucket, place: [region, endpoint].filter(Boolean).join(' at ') }), { cause: error });
  } finally {
    connection.close();
  }
}

/** A refusal of HEAD has no body that could say why; the request that makes the bucket is refused with one. */
function isThere(send: ReturnType<typeof connect>['send'], Bucket: string): Promise<boolean> {
  return send(new HeadBucketCommand({ Bucket })).then(
    () => true,
    () => false,
  );
}
