import { explain, failureOf, outcomeOf } from '../../runtime/adapters/s3/errors';

/** What the errors of a store mean: for a request that may be repeated, and for an operator. */

it.each([
  ['PermanentRedirect', 301, /lies in another region/],
  ['AuthorizationHeaderMalformed', 400, /lies in another region/],
  ['RequestTimeTooSkewed', 403, /clock of this machine differs/],
  ['ExpiredToken', 400, /have expired/],
  ['InvalidAccessKeyId', 403, /is not known/],
  ['AccessDenied', 403, /no rights on the bucket b/],
  ['CredentialsProviderError', undefined, /no credentials .* were found/],
  ['TimeoutError', undefined, /does not answer in time/],
  ['UnknownError', 502, /cannot be used: HTTP 502$/],
])('an operator reads what %s means', (name, httpStatusCode, expected) => {
  const error = Object.assign(new Error(''), { name, $metadata: { httpStatusCode } });
  expect(explain(error, { bucket: 'b', place: 'here' })).toMatch(expected);
});

it.each([
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'self-signed certificate',
    /certificate .* is not trusted \(self-signed certificate\): .*NODE_EXTRA_CA_CERTS$/,
  ],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate', /is not trusted .*NODE_EXTRA_CA_CERTS$/],
  [
    'EPROTO',
    'write EPROTO 80:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:..:350:',
    /does not speak TLS: .* http:\/\/$/,
  ],
])('an operator reads what is wrong with TLS: %s', (code, message, expected) => {
  const error = Object.assign(new Error(message), { code });
  expect(explain(error, { bucket: 'b', place: 'https://here' })).toMatch(expected);
});

it('what is no S3 is told in one line, without what the SDK advises its users', () => {
  const message =
    "char 'D' is not expected.:1:1\n  Deserialization error: to see the raw response, inspect the hidden field {error}.$response";
  const told = explain(new Error(message), { bucket: 'b', place: 'http://127.0.0.1:8000' });
  expect(told).toBe('what answers at the endpoint of the bucket b (http://127.0.0.1:8000) does not speak S3: check CAUSEWAY_S3_ENDPOINT');
});

it.each([
  [{ name: 'PreconditionFailed' }, 'refused'],
  [{ name: '412', $metadata: { httpStatusCode: 412 } }, 'refused'],
  [{ name: 'NoSuchUpload' }, 'gone'],
  [{ name: 'Unknown', $metadata: { httpStatusCode: 404 } }, 'gone'],
  [{ name: 'SlowDown', $metadata: { httpStatusCode: 503 } }, 'not-applied'],
  [{ name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503 } }, 'unknown'],
  [{ name: 'InternalError', $metadata: { httpStatusCode: 200 } }, 'unknown'],
  [{ name: 'Error', code: 'ECONNREFUSED' }, 'not-applied'],
  [{ name: 'Error', code: 'ECONNRESET' }, 'unknown'],
  [{ name: 'TimeoutError' }, 'unknown'],
  [{ name: 'KMS.DisabledException', $metadata: { httpStatusCode: 400 } }, 'denied'],
  [{ name: 'NotImplemented', $metadata: { httpStatusCode: 501 } }, 'fault'],
  [{ name: 'InsufficientStorage', $metadata: { httpStatusCode: 507 } }, 'full'],
  [{ name: 'XMinioStorageFull', $metadata: { httpStatusCode: 507 } }, 'full'],
  [{ name: 'InvalidPart', $metadata: { httpStatusCode: 400 } }, 'fault'],
])('%j is %s', (error, outcome) => expect(outcomeOf(error)).toBe(outcome));

it.each([
  ['ObjectParentIsFile', 400, 'not-a-directory'],
  ['XMinioParentIsObject', 400, 'not-a-directory'],
  ['DirectoryObjectContainsData', 400, 'is-a-directory'],
  ['XMinioObjectExistsAsDirectory', 409, 'is-a-directory'],
  ['KeyTooLongError', 400, 'name-not-allowed'],
  ['XMinioInvalidObjectName', 400, 'name-not-allowed'],
])(
  'a name that the store cannot hold beside what is there is refused as such, whatever it calls that: %s',
  (name, httpStatusCode, kind) => {
    expect(failureOf({ name, $metadata: { httpStatusCode } })).toMatchObject({ kind });
  },
);
