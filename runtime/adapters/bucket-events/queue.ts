import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';

/** The queue itself: where it is, and whether it is there. */
export interface QueueOptions {
  readonly queueUrl: string;
  readonly region?: string;
}

export function connectTo({ queueUrl, region: given }: QueueOptions): SQSClient {
  const region = regionOf(queueUrl, given);
  // Else the SDK goes to the same address, and says so every time.
  return new SQSClient({ endpoint: new URL(queueUrl).origin, ...(region !== undefined && { region }) });
}

/** The queue may lie in another region than the bucket, and its address says in which. A server of one's own does not care, but a request is signed for one. */
function regionOf(queueUrl: string, given: string | undefined): string | undefined {
  const { hostname } = new URL(queueUrl);
  if (!/\.amazonaws\.com(\.cn)?$/.test(hostname)) return given ?? 'us-east-1';
  return /(?:^|\.)sqs\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com/.exec(hostname)?.[1] ?? given;
}

interface ServiceError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
}

/** Looks at the queue without taking anything from it, in words for an operator. */
export async function checkQueue(options: QueueOptions): Promise<{ readonly level: 'good' | 'note' | 'problem'; readonly text: string }> {
  const client = connectTo(options);
  try {
    const request = new GetQueueAttributesCommand({ QueueUrl: options.queueUrl, AttributeNames: ['ApproximateNumberOfMessages'] });
    const { Attributes: { ApproximateNumberOfMessages: waiting = '0' } = {} } = await client.send(request);
    return { level: 'good', text: `is there; about ${waiting} events wait` };
  } catch (error) {
    const { name = '', message = '', code = '' } = error as ServiceError;
    // A server needs only to receive and to delete.
    if (/AccessDenied/.test(name)) return { level: 'note', text: 'cannot be looked at: no right sqs:GetQueueAttributes' };
    if (/QueueDoesNotExist|NonExistentQueue/.test(name))
      return { level: 'problem', text: 'there is no such queue: check CAUSEWAY_BUCKET_EVENTS' };
    if (code === 'ECONNREFUSED') return { level: 'problem', text: 'nobody answers there' };
    return { level: 'problem', text: `cannot be used: ${message.split('\n')[0] || name}` };
  } finally {
    client.destroy();
  }
}
