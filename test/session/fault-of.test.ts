import { Failure, type FailureKind } from '../../runtime/model/failure';
import { faultOf } from '../../runtime/session/fault-of';
import { settle } from '../support/fake-clock';
import { startDialogue } from './dialogue';

it.each<[FailureKind, string]>([
  ['cut', 'client'],
  ['no-data-connection', 'client'],
  ['overtaken', 'client'],
  ['may-not-overwrite', 'refused'],
  ['too-large', 'refused'],
  ['store-unavailable', 'server'],
  ['disk-full', 'server'],
  ['store-refused', 'server'],
  ['not-stored', 'server'],
  ['shutdown', 'server'],
])('a transfer that failed with %s failed because of the %s', (kind, fault) => {
  expect(faultOf(new Failure(kind, 'It failed.'))).toBe(fault);
});

it('a bug is ours', () => {
  expect(faultOf(new Error('undefined is not a function'))).toBe('server');
});

describe('a session', () => {
  it('counts what failed under whose fault it was, once', async () => {
    const { say, data, counted } = await startDialogue();
    await say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR a\n< 150');
    data.last.arrive('half');
    data.last.fail(new Failure('cut', 'Upload incomplete.'));
    await settle();
    await say('< 426');
    expect([counted.get('failures.client'), counted.get('uploads.failed')]).toEqual([1, 1]);
    expect([counted.get('failures.server'), counted.get('failures.refused'), counted.get('uploads.seconds-to-226')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('tells of an upload that is there how long its receipt took', async () => {
    const { say, data, counted } = await startDialogue();
    data.uploads.push('content');
    await say('> TYPE I\n< 200\n> EPSV\n< 229\n> STOR a\n< 150\n< 226');
    expect(counted.get('uploads.seconds-to-226')).toBe(1);
    expect(counted.get('failures.client')).toBeUndefined();
  });
});
