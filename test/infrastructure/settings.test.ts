import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writtenSettings } from '../../bin/written-settings';
import { defaultOf, readSettings, settingNames } from '../../lib/settings';

describe('without a word from the operator', () => {
  it('the settings are those of a trial in two zones', () => {
    expect(readSettings({})).toMatchObject({
      name: 'causeway',
      zones: 2,
      tasks: 2,
      tasksMax: 8,
      certificate: 'self-signed',
      network: 'public',
    });
  });

  it('a host name asks for a certificate of ACM', () => {
    expect(readSettings({ hostName: 'ftps.example.com' }).certificate).toBe('acm');
  });

  it.each([
    [1, 1, 4],
    [2, 2, 8],
    [3, 3, 12],
  ])('in %i zones there are %i to %i tasks', (zones, tasks, tasksMax) => {
    expect(readSettings({ zones })).toMatchObject({ tasks, tasksMax });
  });

  it('more tasks than four a zone raise the most', () => {
    expect(readSettings({ zones: 1, tasks: 9 })).toMatchObject({ tasks: 9, tasksMax: 9 });
  });

  it('what JSON writes as null is the default', () => {
    expect(readSettings({ hostName: null, flowLogs: null })).toEqual(readSettings({}));
  });
});

const secret = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ftps-AbCdEf';
const pair = {
  id: 'vpc-0a1b2c3d',
  availabilityZones: ['eu-central-1a', 'eu-central-1b'],
  publicSubnetIds: ['subnet-0a1b2c3d', 'subnet-0a1b2c3e'],
  taskSubnetIds: ['subnet-0a1b2c3d', 'subnet-0a1b2c3e'],
};
const vpc = {
  id: 'vpc-0a1b2c3d',
  availabilityZones: ['eu-central-1a'],
  publicSubnetIds: ['subnet-0a1b2c3d'],
  taskSubnetIds: ['subnet-0a1b2c3e'],
};

describe('a fault names the bad value and what is allowed', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ name: 'Causeway' }, 'name is "Causeway", but must be up to 40 lower-case letters'],
    [{ name: 5 }, 'name is 5, but must be'],
    [{ hostName: 'FTPS.example.com' }, 'hostName is "FTPS.example.com", but must be a DNS name'],
    [{ hostName: 'localhost' }, 'hostName is "localhost", but must be a DNS name'],
    [
      { hostName: 'a.example.com', hostedZone: { id: 'Z0123456789ABC' } },
      'hostedZone is {"id":"Z0123456789ABC"}, but must be an object in which name is a DNS name in lower case such as ftps.example.com; it is missing',
    ],
    [{ hostName: 'a.example.com', hostedZone: 'Z0123456789ABC' }, 'but must be an object with id: a zone id such as Z0123456789ABC; name:'],
    [{ hostName: 'a.example.com', hostedZone: { id: 'Z0123456789ABC', name: 'example.com', x: 1 } }, 'example.com; x is none of them'],
    [{ hostName: 'a.example.org', hostedZone: { id: 'Z0123456789ABC', name: 'example.com' } }, 'must lie in hostedZone "example.com"'],
    [{ hostName: 'badexample.com', hostedZone: { id: 'Z0123456789ABC', name: 'example.com' } }, 'must lie in hostedZone "example.com"'],
    [{ hostedZone: { id: 'Z0123456789ABC', name: 'example.com' } }, 'hostedZone is set, but hostName is not'],
    [{ certificate: 'letsencrypt' }, 'certificate is "letsencrypt", but must be one of acm, secret, self-signed'],
    [{ certificate: 'acm' }, 'certificate is "acm", but hostName or certificateArn is not set'],
    [{ certificate: 'secret' }, 'certificate is "secret", but certificateSecretArn is not set'],
    [{ certificateSecretArn: secret }, 'certificateSecretArn is set, but certificate is "self-signed", and must be "secret"'],
    [
      { certificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab' },
      'certificateArn is set, but certificate is "self-signed", and must be "acm"',
    ],
    [
      { certificate: 'secret', certificateSecretArn: 'ftps' },
      'certificateSecretArn is "ftps", but must be an ARN such as arn:aws:secretsmanager',
    ],
    [{ zones: 4 }, 'zones is 4, but must be one of 1, 2, 3'],
    [{ zones: '2' }, 'zones is "2", but must be one of 1, 2, 3'],
    [{ network: 'private' }, 'network is "private", but must be one of public, isolated'],
    [{ vpcCidr: '10.0.0.0/8' }, 'vpcCidr is "10.0.0.0/8", but must be an IPv4 block'],
    [{ vpcCidr: '10.71.0.1/20' }, 'no bits set behind the prefix'],
    [{ vpc }, 'vpc.availabilityZones has 1 entries, but must have one per zone (2)'],
    [{ zones: 1, vpc: { ...vpc, id: 'main' } }, 'a VPC such as vpc-0a1b2c3d'],
    [{ zones: 1, vpc: { ...vpc, taskSubnetIds: [] } }, 'an object in which taskSubnetIds is a list of 1 to 3'],
    [
      { addresses: [{ allocationId: 'eipalloc-0a1b2c3d', address: '203.0.113.5' }] },
      'addresses has 1 entries, but must have one per zone (2)',
    ],
    [{ zones: 1, addresses: [{ allocationId: 'eipalloc-0a1b2c3d', address: '203.0.113.256' }] }, 'address: an IPv4 address'],
    [{ vpcCidr: '224.0.0.0/20' }, 'and private: within 10.0.0.0/8, 172.16.0.0/12'],
    [{ vpcCidr: '0.0.0.0/20' }, 'and private'],
    [{ vpcCidr: '172.32.0.0/20' }, 'and private'],
    [
      { zones: 2, vpc: { ...vpc, availabilityZones: ['eu-central-1a', 'eu-central-1a'] } },
      'an object in which availabilityZones is a list of 1 to 3, each a zone',
    ],
    [
      { zones: 2, vpc: { ...pair, availabilityZones: ['eu-central-1a', 'us-east-1b'] } },
      'vpc.availabilityZones are of eu-central-1 and us-east-1, but must be of one region',
    ],
    [
      { zones: 2, vpc: { ...pair, taskSubnetIds: ['subnet-0a1b2c3d', 'subnet-0a1b2c3d'] } },
      'an object in which taskSubnetIds is a list of 1 to 3',
    ],
    [{ zones: 1, vpc, vpcCidr: '10.0.0.0/20' }, 'vpcCidr is set, but with vpc none is made'],
    [
      { addresses: ['203.0.113.5', '203.0.113.6'].map((address) => ({ allocationId: 'eipalloc-0a1b2c3d', address })) },
      'addresses has the allocationId eipalloc-0a1b2c3d twice',
    ],
    [
      { addresses: ['eipalloc-0a1b2c3d', 'eipalloc-0a1b2c3e'].map((allocationId) => ({ allocationId, address: '203.0.113.5' })) },
      'addresses has the address 203.0.113.5 twice',
    ],
    [{ partnerCidrs: ['203.0.113.0/24', '203.0.113.0/24'] }, '; "203.0.113.0/24" is there twice'],
    [{ partnerCidrs: ['203.0.113.0/24', '203.0.113.5'] }, '; "203.0.113.5" is not'],
    [{ partnerCidrs: [] }, 'partnerCidrs is [], but must be a list of 1 to 50'],
    [{ partnerCidrs: ['203.0.113.5'] }, 'each an IPv4 block such as 203.0.113.0/24'],
    [{ partnerCidrs: ['203.0.113.5/24'] }, 'no bits set behind the prefix'],
    [{ partnerCidrs: Array.from({ length: 51 }, (_, index) => `203.0.113.${index}/32`) }, 'must be a list of 1 to 50'],
    [{ flowLogs: 'yes' }, 'flowLogs is "yes", but must be true or false'],
    [{ cpu: 8192 }, 'cpu is 8192, but must be one of 256, 512, 1024, 2048, 4096'],
    [{ memory: 1024 }, 'memory is 1024, but with cpu 1024 must be from 2048 to 8192 in steps of 1024'],
    [{ memory: 9216 }, 'memory is 9216, but with cpu 1024 must be from 2048 to 8192'],
    [{ memory: 2500 }, 'in steps of 1024'],
    [{ architecture: 'arm' }, 'architecture is "arm", but must be one of arm64, x86_64'],
    [{ tasks: 0 }, 'tasks is 0, but must be a whole number from 1 to 100'],
    [{ zones: 3, tasks: 2 }, 'tasks is 2, but must be at least zones (3)'],
    [{ tasks: 4, tasksMax: 3 }, 'tasksMax is 3, but must be at least tasks (4)'],
    [{ tasksMax: 101 }, 'tasksMax is 101, but must be a whole number from 1 to 100'],
    [{ scaleAtCpu: 95 }, 'scaleAtCpu is 95, but must be a whole number from 10 to 90'],
    [{ scaleAtTransfers: 0 }, 'scaleAtTransfers is 0, but must be a whole number from 1 to 1000'],
    [{ execute: 1 }, 'execute is 1, but must be true or false'],
    [{ containerInsights: 'enhanced' }, 'containerInsights is "enhanced", but must be true or false'],
    [{ bucket: 'My_Bucket' }, 'bucket is "My_Bucket", but must be the name of a bucket'],
    [{ bucket: 'a..b' }, 'bucket is "a..b", but must be the name of a bucket'],
    [{ bucket: '192.168.1.1' }, 'bucket is "192.168.1.1", but must be the name of a bucket'],
    [{ bucket: 'mine', unfinishedUploadDays: 9 }, 'unfinishedUploadDays is set, but an existing bucket has'],
    [{ bucket: 'mine', oldVersionDays: 31 }, 'oldVersionDays is set, but an existing bucket has'],
    [{ bucket: 'mine', objectLock: { mode: 'governance', days: 1 } }, 'objectLock is set, but with an existing bucket must be "off"'],
    [{ encryption: 'sse-c' }, 'encryption is "sse-c", but must be one of aws, kms'],
    [
      { keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' },
      'keyArn is set, but encryption is "aws", and must be "kms"',
    ],
    [
      { encryption: 'kms', keyArn: 'arn:aws:kms:eu-central-1:111122223333:alias/x' },
      'keyArn is "arn:aws:kms:eu-central-1:111122223333:alias/x", but must be an ARN such as arn:aws:kms:eu-central-1:111122223333:key/',
    ],
    [{ encryption: 'kms', keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/1234' }, 'keyArn is "arn:aws:kms:eu-central-1'],
    [
      { certificate: 'acm', certificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate' },
      'certificateArn is "arn:aws:acm:eu-central-1:111122223333:certificate", but must be',
    ],
    [
      { certificate: 'secret', certificateSecretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ftps' },
      'certificateSecretArn is "arn:aws:secretsmanager:eu-central-1:111122223333:secret:ftps", but must be',
    ],
    [{ encryption: 'kms', keyArn: 'alias/x' }, 'keyArn is "alias/x", but must be an ARN such as arn:aws:kms'],
    [{ objectLock: true }, 'objectLock is true, but must be one of off, or an object with mode'],
    [{ objectLock: { mode: 'legal', days: 1 } }, 'an object in which mode is one of governance, compliance'],
    [{ objectLock: { mode: 'compliance', days: 0 } }, 'an object in which days is a whole number from 1 to 36500'],
    [{ storageClass: 'DEEP_ARCHIVE' }, 'storageClass is "DEEP_ARCHIVE", but must be one of STANDARD'],
    [{ objectTags: 'from' }, 'objectTags is "from", but must be at most 10 of key=value'],
    [{ objectTags: 'aws:x=1' }, 'objectTags is "aws:x=1", but must be'],
    [{ objectTags: 'a=b&a=c' }, 'no key twice'],
    [{ objectTags: Array.from({ length: 11 }, (_, index) => `k${index}=v`).join('&') }, 'at most 10 of key=value'],
    [{ unfinishedUploadDays: 6 }, 'unfinishedUploadDays is 6, but must be a whole number from 7 to 365'],
    [{ oldVersionDays: 0 }, 'oldVersionDays is 0, but must be a whole number from 1 to 3650'],
    [{ accessLogs: null, deletionProtection: 'no' }, 'deletionProtection is "no", but must be true or false'],
    [{ logDays: 31 }, 'logDays is 31, but must be one of 1, 3, 5, 7, 14, 30, 60, 90'],
    [{ alarmEmail: 'me' }, 'alarmEmail is "me", but must be a mail address'],
    [{ server: ['x'] }, 'server is ["x"], but must be an object of CAUSEWAY_ names'],
    [{ server: { CAUSEWAY_BUCKET: 'x' } }, 'without CAUSEWAY_BUCKET, which is not among those that can be set here'],
    [{ server: { CAUSEWAY_IDLE_TIMEOUT: 600 } }, 'CAUSEWAY_IDLE_TIMEOUT is a string'],
    [{ server: { CAUSEWAY_IDLE_TIMEOUT: '5' } }, 'server: CAUSEWAY_IDLE_TIMEOUT is "5", but must be a whole number from 10 to 86400'],
    [{ server: { CAUSEWAY_TLS_MIN: '1.1' } }, 'server: CAUSEWAY_TLS_MIN is "1.1", but must be one of 1.2, 1.3'],
    [{ server: { CAUSEWAY_TLS_MIN: '1.3', CAUSEWAY_TLS_MAX: '1.2' } }, 'server: CAUSEWAY_TLS_MIN is above CAUSEWAY_TLS_MAX'],
    [{ server: { CAUSEWAY_WORKERS: '4' } }, 'server: CAUSEWAY_WORKERS is 4, but CAUSEWAY_FLEET is on'],
    [{ server: { CAUSEWAY_BUFFER_BUDGET: '1GB' } }, 'server: CAUSEWAY_BUFFER_BUDGET is "1GB", but must be a size'],
    [
      { server: { CAUSEWAY_BUFFER_BUDGET: '2GiB' } },
      'server: CAUSEWAY_BUFFER_BUDGET is "2GiB", but must be at most 1073741824, half of memory',
    ],
    [{ server: { CAUSEWAY_PART_SIZE: 'lots' } }, 'server: CAUSEWAY_PART_SIZE is "lots", but must be a size'],
    [{ server: { CAUSEWAY_LINE_LENGTH: '-1' } }, 'server: CAUSEWAY_LINE_LENGTH is "-1", but must be a size'],
    [{ server: { CAUSEWAY_SMALLEST_PART: '600MiB', CAUSEWAY_BUFFER_BUDGET: '512MiB' } }, 'CAUSEWAY_SMALLEST_PART is larger'],
    [{ toString: 1 }, 'toString is not a setting'],
    [{ constructor: 1 }, 'constructor is not a setting'],
    [{ zone: 2 }, 'zone is not a setting; settings are name, hostName'],
  ])('%j', (written, fault) => {
    expect(() => readSettings(written)).toThrow(fault);
  });

  it('and all faults are told at once', () => {
    let message = '';
    try {
      readSettings({ zones: 9, cpu: 1, colour: 'red', certificate: 'acm' });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message.split('\n')).toEqual([
      'the settings have 4 faults:',
      expect.stringMatching(/^- colour is not a setting/),
      expect.stringMatching(/^- zones is 9/),
      expect.stringMatching(/^- cpu is 1/),
      '- certificate is "acm", but hostName or certificateArn is not set',
    ]);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ zones: 0 }, 'zones is 0, but must be one of 1, 2, 3'],
    [{ tasks: 101 }, 'tasks is 101, but must be a whole number from 1 to 100'],
  ])('what follows from a fault is none: %j', (written, fault) => {
    expect(() => readSettings(written)).toThrow(new Error(`the settings have a fault:\n- ${fault}`));
  });

  it('a long list is not printed whole', () => {
    const partnerCidrs = Array.from({ length: 49 }, (_, index) => `203.0.113.${index}/32`);
    expect(() => readSettings({ partnerCidrs: [...partnerCidrs, 'x'] })).toThrow(
      /^.*\n- partnerCidrs is .{200}…, but must be .*; "x" is not$/,
    );
  });
});

describe('at the limits', () => {
  it.each<Record<string, unknown>>([
    { cpu: 256, memory: 512 },
    { cpu: 4096, memory: 30_720 },
    { encryption: 'kms', keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab' },
    { encryption: 'kms', keyArn: 'arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' },
    { certificate: 'acm', certificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab' },
    { vpcCidr: '172.31.240.0/20' },
    { zones: 2, vpc: pair },
    { objectTags: Array.from({ length: 10 }, (_, index) => `k${index}=v`).join('&') },
    { partnerCidrs: Array.from({ length: 50 }, (_, index) => `203.0.113.${index}/32`) },
    { partnerCidrs: ['0.0.0.0/0', '255.255.255.255/32'] },
    { unfinishedUploadDays: 7, oldVersionDays: 3_650 },
    { hostName: 'example.com', hostedZone: { id: 'Z0123456789ABC', name: 'example.com' } },
    { server: { CAUSEWAY_IDLE_TIMEOUT: '10', CAUSEWAY_BUFFER_BUDGET: '256MiB' } },
  ])('%j is taken', (written) => {
    expect(readSettings(written)).toMatchObject(written);
  });
});

describe('what the operator wrote', () => {
  it('is nothing where there is no file and no context', () => {
    expect(writtenSettings(undefined, undefined)).toEqual({});
  });

  it.each<[string, unknown]>([
    ['an object of cdk.json', { zones: 3 }],
    ['JSON on the command line', '{"zones":3}'],
  ])('in the context, as %s, goes over the file', (_, context) => {
    expect(writtenSettings('{"zones":1,"cpu":512}', context)).toEqual({ zones: 3, cpu: 512 });
  });

  it.each<[string | undefined, unknown, string]>([
    ['{', undefined, 'causeway.config.json is not JSON'],
    ['[]', undefined, 'causeway.config.json is [], but must be an object of settings'],
    [undefined, 'zones=3', 'the context causeway is not JSON'],
    [undefined, 3, 'the context causeway is 3, but must be an object of settings'],
  ])('is refused as %j and %j', (file, context, fault) => {
    expect(() => writtenSettings(file, context)).toThrow(fault);
  });
});

describe('docs/deploy.md', () => {
  const page = readFileSync(join(__dirname, '..', '..', 'docs', 'deploy.md'), 'utf8');

  it.each(settingNames)('has a row for %s with its default', (name) => {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    expect(row).toBeDefined();
    const value = defaultOf(name);
    if (value !== undefined) expect(row?.split('|')[2]).toContain(`\`${typeof value === 'string' ? value : JSON.stringify(value)}\``);
  });
});
