import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Fault, FaultProxy } from './fault-proxy';

/** An error of the server; with status 200 it comes in the body of a good answer. `applied`: the request has had its effect all the same. */
export interface S3Refusal {
  readonly code: string;
  readonly status: number;
  readonly applied?: boolean;
}

export type S3Fault = Fault<S3Refusal>;

export class S3FaultProxy extends FaultProxy<S3Refusal> {
  private passed = 0;
  private lastPassed = Number.POSITIVE_INFINITY;
  private diesApplied = false;

  static open(target: string): Promise<S3FaultProxy> {
    return new S3FaultProxy(target).listen();
  }

  /** The client dies with the request of this number: none after it is answered. `applied`: that one still happens. */
  dieAt(number: number, applied: boolean): void {
    this.passed = 0;
    this.lastPassed = applied ? number + 1 : number;
    this.diesApplied = applied;
  }

  /** Requests since `dieAt`. */
  get count(): number {
    return this.passed;
  }

  protected override faultOf(operation: string): S3Fault {
    const fault = super.faultOf(operation);
    const number = this.passed++;
    if (number >= this.lastPassed) return 'drop-before';
    return number === this.lastPassed - 1 && this.diesApplied ? 'drop-after' : fault;
  }

  protected override refuse(answer: ServerResponse, { code, status }: S3Refusal): void {
    const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
    answer.writeHead(status, { 'content-type': 'application/xml', date: this.date }).end(text);
  }

  protected override operationOf({ method = '', url = '', headers }: IncomingMessage): string {
    const { pathname, searchParams } = new URL(url, 'http://server');
    const hasKey = pathname.split('/').filter((segment) => segment !== '').length > 1;
    const copies = headers['x-amz-copy-source'] !== undefined;
    const upload = searchParams.has('uploadId');
    switch (method) {
      case 'PUT':
        if (upload) return copies ? 'UploadPartCopy' : 'UploadPart';
        return copies ? 'CopyObject' : hasKey ? 'PutObject' : 'CreateBucket';
      case 'POST':
        return upload ? 'CompleteMultipartUpload' : 'CreateMultipartUpload';
      case 'DELETE':
        return upload ? 'AbortMultipartUpload' : 'DeleteObject';
      case 'HEAD':
        return hasKey ? 'HeadObject' : 'HeadBucket';
      default:
        if (upload) return 'ListParts';
        if (hasKey) return 'GetObject';
        return searchParams.has('uploads') ? 'ListMultipartUploads' : searchParams.has('versions') ? 'ListObjectVersions' : 'ListObjectsV2';
    }
  }
}
