import { DeleteMessageCommand, type Message, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Hint, HintSource } from '../../ports/hint-source';
import { keysOfEvent } from './bucket-event';
import { connectTo, type QueueOptions } from './queue';

/**
 * The bucket's events from a queue. A message is taken away when its keys have been looked at; until then the queue shows it again after its visibility
 * time-out, and after too many times moves it to its dead-letter queue.
 */
export interface SqsOptions extends QueueOptions {
  readonly bucket: string;
}

/** Seconds that a request waits for a message, the longest that the service offers. */
const longPoll = 20;
const mostMessages = 10;

export class SqsHintSource implements HintSource {
  private readonly client: SQSClient;

  constructor(private readonly options: SqsOptions) {
    this.client = connectTo(options);
  }

  async next(signal: AbortSignal): Promise<readonly Hint[]> {
    const { queueUrl: QueueUrl } = this.options;
    const request = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: longPoll, MaxNumberOfMessages: mostMessages });
    const { Messages: messages = [] } = await this.client.send(request, { abortSignal: signal });
    return messages.map((message) => this.hintOf(message));
  }

  private hintOf({ Body: body = '', ReceiptHandle }: Message): Hint {
    const { queueUrl: QueueUrl, bucket } = this.options;
    return {
      keys: keysOfEvent(body, bucket),
      done: async () => {
        await this.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      },
    };
  }

  close(): void {
    this.client.destroy();
  }
}
