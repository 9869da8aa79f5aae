import { Failure } from '../../model/failure';

/**
 * What an error of DynamoDB, of the SDK or of the network says about the request: above all, whether it may have been applied. Everything that is not
 * known to have been refused counts as unknown.
 */
export type Outcome =
  /** A condition did not hold: nothing was written. */
  | 'refused'
  /** Somebody else's transaction had one of the items: nothing was written. */
  | 'conflict'
  /** Too many requests: nothing was written. */
  | 'throttled'
  /** Credentials that have expired, or a clock that the SDK now corrects: worth one or two more attempts. */
  | 'signature'
  /** No table, no rights: repeating does not help. */
  | 'denied'
  /** The request itself is wrong, which is a bug of ours. */
  | 'fault'
  /** Time-out, connection lost, 5xx: it may have been applied, and may still be. */
  | 'unknown';

const outcomes: Readonly<Record<string, Outcome>> = {
  ConditionalCheckFailedException: 'refused',
  ConditionalCheckFailed: 'refused',
  TransactionConflictException: 'conflict',
  TransactionConflict: 'conflict',
  ProvisionedThroughputExceededException: 'throttled',
  ProvisionedThroughputExceeded: 'throttled',
  ThrottlingException: 'throttled',
  ThrottlingError: 'throttled',
  RequestLimitExceeded: 'throttled',
  ExpiredTokenException: 'signature',
  ExpiredToken: 'signature',
  RequestExpired: 'signature',
  InvalidSignatureException: 'signature',
  RequestTimeTooSkewed: 'signature',
  CredentialsProviderError: 'signature',
  AccessDeniedException: 'denied',
  UnrecognizedClientException: 'denied',
  IncompleteSignatureException: 'denied',
  MissingAuthenticationTokenException: 'denied',
  MissingAuthenticationToken: 'denied',
  ResourceNotFoundException: 'denied',
  ValidationException: 'fault',
  ValidationError: 'fault',
  SerializationException: 'fault',
  ItemCollectionSizeLimitExceeded: 'fault',
  IdempotentParameterMismatchException: 'fault',
};

/** The worst of what the items of a cancelled transaction answered; a condition that did not hold decides, whatever else was in the way. */
const byWeight: readonly Outcome[] = ['refused', 'fault', 'throttled', 'conflict'];

interface VendorError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly CancellationReasons?: readonly { readonly Code?: string }[];
}

export function outcomeOf(error: unknown): Outcome {
  const { name = '', CancellationReasons: reasons } = error as VendorError;
  if (name === 'TransactionCanceledException') {
    const found = (reasons ?? []).map(({ Code }) => outcomes[Code ?? '']);
    return byWeight.find((outcome) => found.includes(outcome)) ?? 'conflict';
  }
  return outcomes[name] ?? 'unknown';
}

/** For the person at the other end; the log has the cause. */
export function unavailable(cause: unknown): Failure {
  return new Failure('store-unavailable', 'The index is not available; try again later.', { cause });
}

/** What is thrown when no more attempts are made. */
export function failureOf(error: unknown): Error {
  if (error instanceof Failure) return error;
  return outcomeOf(error) === 'fault' ? new Error('the table refused a request as wrong', { cause: error }) : unavailable(error);
}

/** One line for an operator: what is wrong, and where to look. */
export function explain(error: unknown, { table, place }: { readonly table: string; readonly place: string }): string {
  const { name = '', message = '' } = error as VendorError;
  // The SDK may wrap what the network said; the code then is in the text.
  const code = (error as VendorError).code ?? /\bE[A-Z_]{4,}\b/.exec(message)?.[0];
  const action = /perform: (\w+:\w+)/.exec(message)?.[1];
  switch (name) {
    case 'ResourceNotFoundException':
      return `there is no table ${table} in ${place}: check CAUSEWAY_TABLE and the region; on a local endpoint "causeway doctor --create" makes it`;
    case 'AccessDeniedException':
      return `no rights on the table ${table} in ${place}: the policy does not allow ${action ?? 'this request'}`;
    case 'CredentialsProviderError':
      return `no credentials for the table ${table} were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the task a role`;
    case 'UnrecognizedClientException':
    case 'IncompleteSignatureException':
    case 'MissingAuthenticationTokenException':
    case 'MissingAuthenticationToken':
      return `the credentials for the table ${table} in ${place} are not valid there`;
    case 'ExpiredTokenException':
    case 'ExpiredToken':
      return `the credentials for the table ${table} have expired`;
    case 'InvalidSignatureException':
    case 'RequestTimeTooSkewed':
    case 'RequestExpired':
      return /expired|not yet current|skew/i.test(message)
        ? `the clock of this machine differs from that of ${place} by more than five minutes: set it by NTP`
        : `the secret key for the table ${table} in ${place} is wrong`;
  }
  if (/Deserialization error/.test(message))
    return `what answers at the endpoint of the table ${table} (${place}) does not speak DynamoDB: check CAUSEWAY_DYNAMODB_ENDPOINT`;
  if (/region is missing/i.test(message)) return `no region is set for the table ${table}: set CAUSEWAY_REGION`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `the name of the table's service cannot be resolved: check the region or the endpoint (${place})`;
  if (/SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/.test(code ?? ''))
    return `the certificate of the endpoint of the table ${table} (${place}) is not trusted (${message}): name a file with its authority in NODE_EXTRA_CA_CERTS`;
  if (code === 'EPROTO')
    return `the endpoint of the table ${table} (${place}) does not speak TLS: if it is meant so, begin its address with http://`;
  if (code === 'ECONNREFUSED') return `nobody answers at the endpoint of the table ${table} (${place})`;
  if (name === 'TimeoutError')
    return `the service of the table ${table} does not answer in time (${place}): check routes and security groups`;
  return `the table ${table} in ${place} cannot be used: ${message || name}`;
}
