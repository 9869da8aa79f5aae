import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Lease, LeaseStore, LoginPair, Seat, SessionRow, TaskStatus } from '../../ports/lease-store';
import { unlessRefused, untilAnswered } from './attempts';
import { decode, encode, encodeKey } from './attributes';
import type { Dynamo, ItemKey } from './dynamo';
import { unavailable } from './errors';
import { getItem, queryItems } from './read-items';
import { removeItems } from './remove-items';

/**
 * Leases of a fleet. Every row says itself how long it is valid, and is judged by that; TTL only collects what nobody looks at any more, hours later. What
 * one writes alone is written without a condition and may be written twice; what two can race for has the race in its condition.
 */
const collectionMargin = 3_600_000;
/** Rows of a task that is alive are written again or removed long before. */
const leftoversKept = 7 * 24 * 3_600_000;
const mostListed = 10_000;
const mostKicks = 1_000;
/** Somebody else's failure of the same login may come between two looks; nobody fails this often at once. */
const countAttempts = 20;

type Stored<T> = ItemKey & { readonly value: T };

export class DynamoLeaseStore implements LeaseStore {
  constructor(private readonly dynamo: Dynamo) {}

  async reserve(lease: Lease, instead = lease.nonce): Promise<boolean> {
    const { client, table: TableName, clock } = this.dynamo;
    const { nonce, expires, cool } = lease;
    const command = new PutItemCommand({
      TableName,
      Item: encode({ ...leaseKey(lease), nonce, expires, cool, value: lease, ttl: ttlOf(cool) }),
      // The nonce is this reservation's own, so a repetition after a lost answer is granted.
      ConditionExpression: 'attribute_not_exists(pk) OR cool <= :now OR nonce IN (:nonce, :instead)',
      ExpressionAttributeValues: encode({ ':now': clock.now(), ':nonce': nonce, ':instead': instead }),
    });
    return (await unlessRefused(this.dynamo, () => client.send(command))) !== 'refused';
  }

  async find(client: string, port: number): Promise<Lease | undefined> {
    const found = await getItem<Stored<Lease> & { expires: number }>(this.dynamo, leaseKey({ client, port }));
    return found && found.expires > this.dynamo.clock.now() ? found.value : undefined;
  }

  async release(lease: Pick<Lease, 'client' | 'port' | 'nonce'>, cool = 0): Promise<void> {
    const { client, table: TableName, clock } = this.dynamo;
    const mine = { TableName, Key: encodeKey(leaseKey(lease)), ConditionExpression: 'nonce = :nonce' };
    const remove = new DeleteItemCommand({ ...mine, ExpressionAttributeValues: encode({ ':nonce': lease.nonce }) });
    const coolDown = new UpdateItemCommand({
      ...mine,
      UpdateExpression: 'SET expires = :over, cool = :cool, #ttl = :ttl',
      ExpressionAttributeNames: { '#ttl': 'ttl' },
      ExpressionAttributeValues: encode({ ':nonce': lease.nonce, ':over': 0, ':cool': cool, ':ttl': ttlOf(cool) }),
    });
    // Refused: it is somebody else's by now, or gone; both are what a release wants.
    await unlessRefused<unknown>(this.dynamo, () => (cool > clock.now() ? client.send(coolDown) : client.send(remove)));
  }

  async beat(status: TaskStatus): Promise<void> {
    const { client, table: TableName, clock } = this.dynamo;
    const command = new UpdateItemCommand({
      TableName,
      Key: encodeKey({ pk: tasksPartition, sk: status.task }),
      // After a lost answer it may count two: whoever observes looks for a change, not for a number.
      UpdateExpression: 'ADD beats :one SET #value = :status, #ttl = :ttl',
      ExpressionAttributeNames: { '#value': 'value', '#ttl': 'ttl' },
      ExpressionAttributeValues: encode({ ':one': 1, ':status': status, ':ttl': ttlOf(clock.now() + leftoversKept) }),
    });
    await untilAnswered(this.dynamo, () => client.send(command));
  }

  async tasks(): Promise<readonly (TaskStatus & { readonly counter: number })[]> {
    const rows = await this.all<Stored<TaskStatus> & { beats: number }>(tasksPartition, mostListed);
    return rows.map(({ value, beats }) => ({ ...value, counter: beats }));
  }

  async forget(task: string): Promise<void> {
    await removeItems(this.dynamo, await this.all(kicksOf(task), mostListed));
    const sessions = await this.all<Stored<SessionRow>>(sessionsOf(task), mostListed);
    // Before the sessions, which say whose they are. A session that was never listed leaves its own: whoever counts them takes them away.
    await removeItems(
      this.dynamo,
      sessions.flatMap(({ value }) => seatsOfSession(value)),
    );
    await removeItems(this.dynamo, sessions);
    // Last: what a cut leaves is found by the next who forgets it.
    await removeItems(this.dynamo, [{ pk: tasksPartition, sk: task }]);
  }

  async takeDuty(task: string, until: number): Promise<boolean> {
    const { client, table: TableName, clock } = this.dynamo;
    const command = new UpdateItemCommand({
      TableName,
      Key: encodeKey(dutyKey),
      UpdateExpression: 'SET task = :task, #until = :until, #ttl = :ttl',
      // Its own again: a repetition after a lost answer is granted.
      ConditionExpression: 'attribute_not_exists(pk) OR task = :task OR #until <= :now',
      ExpressionAttributeNames: { '#until': 'until', '#ttl': 'ttl' },
      ExpressionAttributeValues: encode({ ':task': task, ':until': until, ':ttl': ttlOf(until), ':now': clock.now() }),
    });
    return (await unlessRefused(this.dynamo, () => client.send(command))) !== 'refused';
  }

  sit(seat: Seat): Promise<void> {
    return this.write(seatKey(seat), seat);
  }

  rise(seat: Seat): Promise<void> {
    return removeItems(this.dynamo, [seatKey(seat)]);
  }

  async seats(of: Pick<Seat, 'kind' | 'name'>): Promise<readonly Seat[]> {
    return (await this.all<Stored<Seat>>(seatsOf(of), mostListed)).map(({ value }) => value);
  }

  show(session: SessionRow): Promise<void> {
    return this.write({ pk: sessionsOf(session.task), sk: session.id }, session);
  }

  hide({ task, id }: Pick<SessionRow, 'task' | 'id'>): Promise<void> {
    return removeItems(this.dynamo, [{ pk: sessionsOf(task), sk: id }]);
  }

  async sessions(task: string): Promise<readonly SessionRow[]> {
    return (await this.all<Stored<SessionRow>>(sessionsOf(task), mostListed)).map(({ value }) => value);
  }

  kick({ task, id }: Pick<SessionRow, 'task' | 'id'>): Promise<void> {
    return this.write({ pk: kicksOf(task), sk: id }, undefined);
  }

  /** Removed before they are told. Only the task itself asks, and if it dies in between its sessions end anyway. */
  async takeKicks(task: string): Promise<readonly string[]> {
    const asked = await this.all(kicksOf(task), mostKicks);
    await removeItems(this.dynamo, asked);
    return asked.map(({ sk }) => sk);
  }

  async addFailure(login: LoginPair, window: number): Promise<number> {
    const { client, table: TableName, clock } = this.dynamo;
    for (let attempt = 0; attempt < countAttempts; attempt++) {
      const now = clock.now();
      const names = { '#until': 'until', '#ttl': 'ttl' };
      const values = encode({ ':now': now, ':one': 1, ':until': now + window, ':ttl': ttlOf(now + window) });
      const change = {
        TableName,
        Key: encodeKey(failureKey(login)),
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: values,
      } as const;
      const another = new UpdateItemCommand({
        ...change,
        // After a lost answer it may count two: the lock-out comes one attempt early.
        UpdateExpression: 'SET failed = failed + :one, #until = :until, #ttl = :ttl',
        ConditionExpression: '#until > :now',
        ReturnValues: 'ALL_NEW',
      });
      const counted = await unlessRefused(this.dynamo, () => client.send(another));
      if (counted !== 'refused') return decode<{ failed: number }>(counted.Attributes ?? {}).failed;
      const first = new UpdateItemCommand({
        ...change,
        UpdateExpression: 'SET failed = :one, #until = :until, #ttl = :ttl',
        ConditionExpression: 'attribute_not_exists(pk) OR #until <= :now',
      });
      if ((await unlessRefused(this.dynamo, () => client.send(first))) !== 'refused') return 1;
    }
    throw unavailable(new Error('failed logins are counted by too many at once'));
  }

  async failures(login: LoginPair): Promise<number> {
    const row = await getItem<ItemKey & { failed: number; until: number }>(this.dynamo, failureKey(login));
    return row && row.until > this.dynamo.clock.now() ? row.failed : 0;
  }

  clearFailures(login: LoginPair): Promise<void> {
    return removeItems(this.dynamo, [failureKey(login)]);
  }

  private async write(key: ItemKey, value: unknown): Promise<void> {
    const { client, table: TableName, clock } = this.dynamo;
    const command = new PutItemCommand({ TableName, Item: encode({ ...key, value, ttl: ttlOf(clock.now() + leftoversKept) }) });
    await untilAnswered(this.dynamo, () => client.send(command));
  }

  /** In byte order; sort keys here are ids, which begin below the last point of Unicode. */
  private all<T extends ItemKey>(pk: string, limit: number): Promise<T[]> {
    return queryItems<T>(this.dynamo, pk, { from: '\u0000', to: '\u{10FFFF}', limit });
  }
}

const tasksPartition = 'tasks';
const dutyKey: ItemKey = { pk: 'duty', sk: 'duty' };
const sessionsOf = (task: string): string => `sessions#${task}`;
const kicksOf = (task: string): string => `kicks#${task}`;
const seatsOf = ({ kind, name }: Pick<Seat, 'kind' | 'name'>): string => `seats#${kind}#${name}`;
const seatKey = (seat: Seat): ItemKey => ({ pk: seatsOf(seat), sk: `${seat.session} ${seat.task}` });
const seatsOfSession = ({ id: session, task, user, client }: SessionRow): ItemKey[] => [
  seatKey({ kind: 'address', name: client, session, task }),
  ...(user === undefined ? [] : [seatKey({ kind: 'partner', name: user, session, task })]),
];
const leaseKey = ({ client, port }: Pick<Lease, 'client' | 'port'>): ItemKey => ({ pk: `L#${client}#${port}`, sk: 'lease' });
/** The address first: the name is whatever a stranger has sent. */
const failureKey = ({ user, address }: LoginPair): ItemKey => ({ pk: `failures#${address}#${user}`, sk: 'failures' });

function ttlOf(time: number): number {
  return Math.ceil((time + collectionMargin) / 1_000);
}
