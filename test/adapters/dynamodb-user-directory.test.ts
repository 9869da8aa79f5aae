import { DynamoUserDirectory } from '../../runtime/adapters/dynamodb/dynamodb-user-directory';
import { defaultSwitches, type User } from '../../runtime/model/user';
import type { StoredUser } from '../../runtime/ports/user-directory';
import { userNamed } from '../contracts/user-directory.contract';
import { errorAnswer } from '../support/dynamodb-fault-proxy';
import { FakeClock } from '../support/fake-clock';
import { type Between, openBetween, stillClock } from './dynamodb-fixture';
import { describeOn, dynamodbLocal } from './dynamodb-servers';

/** What a live session costs when it asks for its partner before each command, and how soon a change holds. */

describeOn(dynamodbLocal, (server) => {
  let between: Between;
  let clock: FakeClock;
  let users: DynamoUserDirectory;
  let elsewhere: DynamoUserDirectory;

  beforeEach(async () => {
    clock = new FakeClock(Date.now());
    between = await openBetween(server().endpoint, { clock: stillClock(clock) });
    users = new DynamoUserDirectory(between.dynamo);
    elsewhere = new DynamoUserDirectory(between.dynamo, { cacheFor: 0 });
    await elsewhere.put(userNamed('acme'), 'absent');
    between.proxy.forget();
  });

  afterEach(() => between.close());

  const enabledFor = async (directory: DynamoUserDirectory) => (await directory.find('acme'))?.user.enabled;
  const change = async (directory: DynamoUserDirectory, changes: Partial<User>) => {
    const { revision } = (await elsewhere.find('acme')) as StoredUser;
    expect(await directory.put(userNamed('acme', changes), revision)).toBe(true);
  };

  it('reads a partner once for a thousand commands', async () => {
    await Promise.all(Array.from({ length: 500 }, () => users.find('acme')));
    for (let command = 0; command < 500; command++) await users.find('acme');
    expect(between.proxy.seen).toHaveLength(1);
  });

  it('sees a change that was made elsewhere within half a minute', async () => {
    expect(await enabledFor(users)).toBe(true);
    await change(elsewhere, { enabled: false });
    await clock.advance(29_999);
    expect(await enabledFor(users)).toBe(true);
    await clock.advance(1);
    expect(await enabledFor(users)).toBe(false);
  });

  it('sees a change of its own at once', async () => {
    await users.find('acme');
    await change(users, { enabled: false });
    expect(await enabledFor(users)).toBe(false);
    const { revision } = (await users.find('acme')) as StoredUser;
    expect(await users.remove('acme', revision)).toBe(true);
    expect(await users.find('acme')).toBeUndefined();
  });

  it('remembers nobody as unknown', async () => {
    expect(await users.find('new')).toBeUndefined();
    await elsewhere.put(userNamed('new'), 'absent');
    expect((await users.find('new'))?.user.name).toBe('new');
  });

  it('remembers no failure', async () => {
    between.proxy.plan('GetItem', errorAnswer('AccessDeniedException'));
    await expect(users.find('acme')).rejects.toMatchObject({ name: 'Failure', kind: 'store-unavailable' });
    expect(await enabledFor(users)).toBe(true);
  });

  it('remembers a thousand partners, those that were read last', async () => {
    between.proxy.keep('GetItem', {
      status: 200,
      body: { Item: { pk: { S: 'partners' }, sk: { S: 'x' }, rev: { S: 'r' }, value: { S: JSON.stringify(userNamed('x')) } } },
    });
    for (let partner = 0; partner <= 1_000; partner++) await users.find(`p${partner}`);
    between.proxy.forget();
    await users.find('p1000');
    await users.find('p1');
    expect(between.proxy.seen).toHaveLength(0);
    await users.find('p0');
    expect(between.proxy.seen).toHaveLength(1);
  });

  it('asks each time where nothing may be remembered', async () => {
    await elsewhere.find('acme');
    await elsewhere.find('acme');
    expect(between.proxy.seen).toHaveLength(2);
  });

  it.each(['', ' ', '../acme', 'acme\u0000', '{"S":"acme"}', '#pk', 'a'.repeat(65), 'a'.repeat(5_000)])(
    'asks for no name that none can have: %j',
    async (name) => {
      expect(await users.find(name)).toBeUndefined();
      expect(between.proxy.seen).toHaveLength(0);
    },
  );

  it('lists more partners than one answer holds, and reads them strongly', async () => {
    for (let partner = 0; partner < 120; partner++) await elsewhere.put(userNamed(`p${partner}`), 'absent');
    between.proxy.forget();
    const names: string[] = [];
    for await (const { user } of users.list()) names.push(user.name);
    expect(names).toHaveLength(121);
    expect(names).toEqual([...names].sort());
    for (const { body } of between.proxy.of('Query')) expect(body).toMatchObject({ ConsistentRead: true });
    expect(between.proxy.of('Query').length).toBeGreaterThan(1);
  });

  it('gives a partner from before a switch was added the switch at its default', async () => {
    const { announcedSize: _, ...older } = defaultSwitches;
    await change(elsewhere, { switches: older as User['switches'] });
    expect((await users.find('acme'))?.user.switches).toEqual(defaultSwitches);
  });

  it('removes nothing on the condition that there is nothing', async () => {
    expect(await users.remove('acme', 'absent')).toBe(false);
    expect(await enabledFor(elsewhere)).toBe(true);
  });
});
