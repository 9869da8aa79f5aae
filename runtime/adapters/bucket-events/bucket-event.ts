import type { ObjectKey } from '../../model/entry';

/**
 * Which keys an event of a bucket is about, in the shapes in which it arrives: straight from S3 to a queue, through EventBridge to a queue, or through a
 * topic. Only the key is taken; what happened there is looked up.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export function keysOfEvent(body: string, bucket: string): readonly ObjectKey[] {
  const event = parse(body);
  if (typeof event['Message'] === 'string') return keysOfEvent(event['Message'], bucket);
  if (Array.isArray(event['Records'])) return event['Records'].flatMap((record: unknown) => keyOfRecord(record, bucket));
  const { bucket: from, object } = asRecord(event['detail']);
  const { key } = asRecord(object);
  // EventBridge gives the key as it is.
  return asRecord(from)['name'] === bucket && typeof key === 'string' ? [key] : [];
}

/** S3 encodes the key as a form would: a space is a plus. */
function keyOfRecord(record: unknown, bucket: string): ObjectKey[] {
  const { s3 } = asRecord(record);
  const { bucket: from, object } = asRecord(s3);
  const { key } = asRecord(object);
  if (asRecord(from)['name'] !== bucket || typeof key !== 'string') return [];
  try {
    return [decodeURIComponent(key.replaceAll('+', ' '))];
  } catch {
    // No key of ours is encoded like that: there is nothing to look at.
    return [];
  }
}

/** A body that is no object, such as the test message that S3 sends when the notification is set up, is about no key. */
function parse(body: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(body));
  } catch {
    return {};
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
