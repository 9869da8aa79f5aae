import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Fault, FaultProxy } from './fault-proxy';

export interface DynamodbRefusal {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export type DynamodbFault = Fault<DynamodbRefusal>;

export const errorAnswer = (type: string, more: object = {}, status = 400): DynamodbRefusal => ({
  status,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: type, ...more },
});

export const cancelled = (...codes: string[]): DynamodbRefusal =>
  errorAnswer('TransactionCanceledException', {
    Message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes.join(', ')}]`,
    CancellationReasons: codes.map((Code) => ({ Code })),
  });

export class DynamodbFaultProxy extends FaultProxy<DynamodbRefusal> {
  private awaited: { write: number; fault: DynamodbFault } | undefined;

  static open(target: string): Promise<DynamodbFaultProxy> {
    return new DynamodbFaultProxy(target).listen();
  }

  /** For one write that is still to come, whichever operation it is: the first is 1. */
  planWrite(write: number, fault: DynamodbFault): void {
    this.awaited = { write, fault };
  }

  get writes(): number {
    return this.seen.filter(({ operation }) => isWrite(operation)).length;
  }

  protected override faultOf(operation: string): DynamodbFault {
    if (!this.awaited || !isWrite(operation) || --this.awaited.write > 0) return super.faultOf(operation);
    const { fault } = this.awaited;
    this.awaited = undefined;
    return fault;
  }

  protected override refuse(answer: ServerResponse, { status, body, headers }: DynamodbRefusal): void {
    answer.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', date: this.date, ...headers }).end(JSON.stringify(body));
  }

  protected override read(body: Buffer): Readonly<Record<string, unknown>> {
    return JSON.parse(body.toString());
  }

  protected override operationOf({ headers }: IncomingMessage): string {
    return String(headers['x-amz-target']).split('.')[1] as string;
  }
}

function isWrite(operation: string): boolean {
  return /^(?:Put|Update|Delete|BatchWrite|TransactWrite)/.test(operation);
}
