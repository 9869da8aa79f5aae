import type { LeaseStore } from '../ports/lease-store';

/** The lease store of a worker: the primary's, asked over the pipe. */
export type AskLease = (method: keyof LeaseStore, given: readonly unknown[]) => Promise<unknown>;

/** Every method there is, and nothing else: what a message names is looked up here. */
const methods: Readonly<Record<keyof LeaseStore, true>> = {
  reserve: true,
  find: true,
  release: true,
  beat: true,
  tasks: true,
  forget: true,
  takeDuty: true,
  sit: true,
  rise: true,
  seats: true,
  show: true,
  hide: true,
  sessions: true,
  kick: true,
  takeKicks: true,
  addFailure: true,
  failures: true,
  clearFailures: true,
};

export function workerLeases(ask: AskLease): LeaseStore {
  const calls = Object.keys(methods).map((method) => [method, (...given: unknown[]) => ask(method as keyof LeaseStore, given)]);
  return Object.fromEntries(calls) as LeaseStore;
}

/** The primary's side. */
export async function answerLease(leases: LeaseStore, method: keyof LeaseStore, given: readonly unknown[]): Promise<unknown> {
  if (!Object.hasOwn(methods, method)) throw new Error(`A worker asked for ${method}, which leases do not have.`);
  return (leases[method] as (...given: readonly unknown[]) => Promise<unknown>)(...given);
}
