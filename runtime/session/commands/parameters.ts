import { Failure } from '../../model/failure';
import type { SubCommand, TransferType } from '../../protocol/arguments';
import { selectFacts } from '../../protocol/listing';
import * as replies from '../../protocol/replies';
import type { Result } from '../command';
import type { Context } from '../context';

/** TYPE, STRU, MODE, REST, ALLO, OPTS, LANG, CLNT. */

export function setType(type: TransferType, { state }: Context): Result {
  state.type = type;
  return replies.typeSet(type);
}

export function setStructure(): Result {
  return replies.structureSet;
}

export function setMode(): Result {
  return replies.modeSet;
}

export function markRestart(offset: number, { state }: Context): Result {
  state.restart = offset === 0 ? undefined : offset;
  return replies.restartMarked(offset);
}

/** A size that can never be stored is refused at once, before the client has sent anything. */
export function noteAllocation(size: number, { state, user }: Context): Result {
  const { maxFileBytes } = user;
  if (maxFileBytes !== undefined && size > maxFileBytes)
    throw new Failure('too-large', `File too large: this account may store at most ${maxFileBytes} bytes a file.`);
  state.announced = size;
  return replies.allocationNoted;
}

/** UTF8 ON is always true; clients fail their login on anything else (Go, .NET). */
export function setOption({ word, rest }: SubCommand, { state }: Context): Result {
  const value = rest?.toString('latin1') ?? '';
  if (word === 'UTF8' || word === 'UTF-8') return /^(on)?$/i.test(value.trim()) ? replies.utf8Always : replies.unknownOption;
  if (word === 'MLST') {
    const facts = selectFacts(value);
    if (!facts) return replies.unknownOption;
    state.facts = facts;
    return replies.factsSet(facts);
  }
  // Known and not served, as the verb itself.
  return word === 'HASH' ? replies.notImplemented : replies.unknownOption;
}

export function setLanguage(): Result {
  return replies.languageSet;
}

const longestClientName = 64;

export function noteClient(name: string, { state }: Context): Result {
  state.client = name.replace(/[^\x20-\x7e]/g, '?').slice(0, longestClientName);
  return replies.clientNoted;
}
