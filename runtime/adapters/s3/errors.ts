import { Failure } from '../../model/failure';

/**
 * What an error of the store, of the SDK or of the network says about the request: above all, whether it may have been applied. What is not known to have
 * been refused counts as unknown.
 */
export type Outcome =
  /** A condition did not hold: nothing was changed. */
  | 'refused'
  /** Another change of the same key was under way: nothing was changed, and the same request may be sent again. */
  | 'conflict'
  /** Key, version or upload is not there. */
  | 'gone'
  /** Too many requests, or the body did not arrive: nothing was changed. */
  | 'not-applied'
  /** Credentials that have expired, or a clock that the SDK corrects with the next request. */
  | 'signature'
  /** The bytes were damaged on their way. */
  | 'damaged'
  /** No bucket, no rights, a key that cannot be used: repeating does not help. */
  | 'denied'
  /** The store has no room for the bytes: nothing was changed. */
  | 'full'
  /** The store cannot hold an object of this name. */
  | 'name'
  /** The request itself is wrong. */
  | 'fault'
  /** Time-out, connection lost, 5xx, an error in the body of a good answer: it may have been applied, and may still be. */
  | 'unknown';

interface VendorError {
  readonly name?: string;
  readonly Code?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean };
}

const byName: Readonly<Record<string, Outcome>> = {
  PreconditionFailed: 'refused',
  ConditionalRequestConflict: 'conflict',
  OperationAborted: 'conflict',
  NoSuchKey: 'gone',
  NoSuchVersion: 'gone',
  NoSuchUpload: 'gone',
  NotFound: 'gone',
  // A delete marker is the current version.
  MethodNotAllowed: 'gone',
  SlowDown: 'not-applied',
  ThrottlingException: 'not-applied',
  Throttling: 'not-applied',
  RequestLimitExceeded: 'not-applied',
  TooManyRequestsException: 'not-applied',
  'KMS.ThrottlingException': 'not-applied',
  RequestTimeout: 'not-applied',
  ExpiredToken: 'signature',
  ExpiredTokenException: 'signature',
  TokenRefreshRequired: 'signature',
  RequestTimeTooSkewed: 'signature',
  RequestExpired: 'signature',
  CredentialsProviderError: 'signature',
  BadDigest: 'damaged',
  XAmzContentSHA256Mismatch: 'damaged',
  InvalidDigest: 'damaged',
  IncompleteBody: 'damaged',
  NoSuchBucket: 'denied',
  AccessDenied: 'denied',
  AllAccessDisabled: 'denied',
  InvalidAccessKeyId: 'denied',
  // What versitygw says instead, with the status of something that is not there.
  XAdminUserNotFound: 'denied',
  SignatureDoesNotMatch: 'denied',
  PermanentRedirect: 'denied',
  AuthorizationHeaderMalformed: 'denied',
  InvalidObjectState: 'denied',
  ObjectParentIsFile: 'name',
  DirectoryObjectContainsData: 'name',
  ExistingObjectIsDirectory: 'name',
  XMinioParentIsObject: 'name',
  XMinioObjectExistsAsDirectory: 'name',
  XMinioInvalidObjectName: 'name',
  KeyTooLongError: 'name',
  KeyTooLong: 'name',
  // What others say than AWS, which has room for everything and can do everything.
  InsufficientStorage: 'full',
  QuotaExceeded: 'full',
  XMinioStorageFull: 'full',
  XMinioAdminBucketQuotaExceeded: 'full',
  NotImplemented: 'fault',
};

const byStatus: Readonly<Record<number, Outcome>> = {
  403: 'denied',
  404: 'gone',
  405: 'gone',
  409: 'conflict',
  412: 'refused',
  429: 'not-applied',
  501: 'fault',
  507: 'full',
};

/** What the SDK calls an answer to HEAD, which has no body that could say why. What ours are refused for with 400 is that their credentials have expired. */
const wordless = /^(Unknown|UnknownError|BadRequest|400|)$/;

/** Never connected, so never sent. */
const unconnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

export function nameOf(error: unknown): string {
  const { name, Code } = error as VendorError;
  return Code ?? name ?? '';
}

/** Of the network. What the SDK does not recognise as an error it wraps, and then only the text is left. */
function codeOf(error: unknown): string {
  const { code, message = '' } = error as VendorError;
  return code ?? /\bE(?:CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)\b/.exec(message)?.[0] ?? '';
}

export function statusOf(error: unknown): number | undefined {
  return (error as VendorError).$metadata?.httpStatusCode;
}

/** The SDK has learned from the answer how far the clock of this machine is off; a new client would not know it. */
export function isClockCorrected(error: unknown): boolean {
  return (error as VendorError).$metadata?.clockSkewCorrected === true;
}

export function outcomeOf(error: unknown): Outcome {
  if (isClockCorrected(error)) return 'signature';
  const known = byName[nameOf(error)];
  if (known) return known;
  if (/^KMS\./.test(nameOf(error))) return 'denied';
  if (unconnected.has(codeOf(error))) return 'not-applied';
  const status = statusOf(error);
  if (status === undefined) return 'unknown';
  if (status === 400 && wordless.test(nameOf(error))) return 'signature';
  return byStatus[status] ?? (status >= 400 && status < 500 ? 'fault' : 'unknown');
}

export function isNoSuchUpload(error: unknown): boolean {
  return nameOf(error) === 'NoSuchUpload';
}

/** For the person at the other end; the log has the cause. */
export function unavailable(cause: unknown): Failure {
  return new Failure('store-unavailable', 'Storage is not available; try again later.', { cause });
}

/** Refused again and again although what it saw is there each time: nothing was changed. */
export function changedAllTheTime(request: 'copy' | 'delete'): Failure {
  const cause = new Error(`a conditional ${request} is refused although its condition holds`);
  return new Failure('busy', 'The file is being changed from outside all the time; try again in a moment.', { cause });
}

/** What is thrown when no more attempts are made and the answer is none that the caller expects. */
export function failureOf(error: unknown): Error {
  if (error instanceof Failure) return error;
  const outcome = outcomeOf(error);
  if (outcome === 'name') return nameFailure(error);
  if (outcome === 'full') return new Failure('disk-full', 'No space left on the storage.', { cause: error });
  if (nameOf(error) === 'InvalidObjectState') return archived(error);
  // Repeated by the caller it would be wrong again, so it must not look like a store that is down.
  if (outcome === 'fault') return new WrongRequest(`the bucket refused a request as wrong: ${nameOf(error)}`, { cause: error });
  const { kind, message } = unavailable(error);
  return outcome === 'denied' ? new Denied(kind, message, { cause: error }) : unavailable(error);
}

function archived(cause: unknown): Failure {
  const text = 'The storage has put this file into an archive. Whoever runs this server has to have it restored; then try again.';
  return new Failure('not-allowed', text, { cause });
}

/** The store has answered that it does not let us. A look or a part may be asked for again later; for a change see `refusedChange`. */
class Denied extends Failure {}

/** The store has answered that what we ask is wrong: of a change it is what the settings or the partner have asked for, of all else a bug. */
class WrongRequest extends Error {}

/** Of a change that was answered with a refusal: nothing was changed, and asking again does not help. Undefined: it was something else. */
export function refusedChange(error: unknown): Failure | undefined {
  if (error instanceof Denied || error instanceof WrongRequest) {
    const text = 'Storage refuses this change, and nothing was changed. Whoever runs this server has to see to that; then try again.';
    return new Failure('store-refused', text, { cause: error.cause });
  }
  return error instanceof Failure && error.kind !== 'store-unavailable' && error.kind !== 'taken-over' ? error : undefined;
}

function nameFailure(cause: unknown): Failure {
  switch (nameOf(cause)) {
    case 'ObjectParentIsFile':
    case 'XMinioParentIsObject':
      return new Failure('not-a-directory', 'Not a directory: a file lies where a directory is needed.', { cause });
    case 'KeyTooLongError':
    case 'KeyTooLong':
      return new Failure('name-not-allowed', 'Name not allowed: too long for the storage.', { cause });
    case 'XMinioInvalidObjectName':
      return new Failure('name-not-allowed', 'Name not allowed: the storage cannot hold it.', { cause });
    default:
      return new Failure('is-a-directory', 'Is a directory: the storage holds files below this name.', { cause });
  }
}

/** What the SDK says behind it is for those who debug the SDK. */
export function firstLine(error: unknown): string {
  return (((error as VendorError).message ?? '').split('\n')[0] ?? '').trim();
}

/** What Node calls certificates that nobody it knows vouches for. */
const untrusted = /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/;

/** One line for an operator: what is wrong, and where to look. */
export function explain(error: unknown, { bucket, place }: { readonly bucket: string; readonly place: string }): string {
  const message = firstLine(error);
  const code = codeOf(error);
  const name = nameOf(error);
  const status = statusOf(error);
  if (/XML parse error|Deserialization error/.test((error as VendorError).message ?? ''))
    return `what answers at the endpoint of the bucket ${bucket} (${place}) does not speak S3: check CAUSEWAY_S3_ENDPOINT`;
  if (name === 'CredentialsProviderError')
    return `no credentials for the bucket ${bucket} were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the task a role`;
  if (name === 'ExpiredToken' || name === 'ExpiredTokenException') return `the credentials for the bucket ${bucket} have expired`;
  if (name === 'InvalidAccessKeyId' || name === 'XAdminUserNotFound')
    return `the access key for the bucket ${bucket} is not known in ${place}`;
  if (name === 'SignatureDoesNotMatch') return `the secret key for the bucket ${bucket} in ${place} is wrong`;
  if (name === 'RequestTimeTooSkewed' || name === 'RequestExpired')
    return `the clock of this machine differs from that of ${place} by more than 15 minutes: set it by NTP`;
  if (name === 'PermanentRedirect' || name === 'AuthorizationHeaderMalformed' || status === 301)
    return `the bucket ${bucket} lies in another region than ${place}: set CAUSEWAY_REGION to its own`;
  if (name === 'NoSuchBucket' || name === 'NotFound' || status === 404)
    return `there is no bucket ${bucket} in ${place}: check CAUSEWAY_BUCKET and the region`;
  if (name === 'AccessDenied' || status === 403) return `no rights on the bucket ${bucket} in ${place}: ${message || 'access denied'}`;
  if (/region is missing/i.test(message)) return `no region is set for the bucket ${bucket}: set CAUSEWAY_REGION`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `the address of the bucket ${bucket} cannot be resolved: check region and endpoint (${place})`;
  if (untrusted.test(code))
    return `the certificate of the endpoint of the bucket ${bucket} (${place}) is not trusted (${message}): name a file with its authority in NODE_EXTRA_CA_CERTS`;
  if (code === 'EPROTO')
    return `the endpoint of the bucket ${bucket} (${place}) does not speak TLS: if it is meant so, begin its address with http://`;
  if (code === 'ECONNREFUSED') return `nobody answers at the endpoint of the bucket ${bucket} (${place})`;
  if (name === 'TimeoutError')
    return `the service of the bucket ${bucket} does not answer in time (${place}): check routes and security groups`;
  return `the bucket ${bucket} in ${place} cannot be used: ${/^Unknown/.test(message || name) && status !== undefined ? `HTTP ${status}` : message || name}`;
}
