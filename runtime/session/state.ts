import type { RenameSource } from '../filesystem/partner-view';
import type { User, UserSwitches } from '../model/user';
import { rootPath, type VirtualPath } from '../model/virtual-path';
import type { TransferType } from '../protocol/arguments';
import { allFacts, type Fact } from '../protocol/listing';
import type { Protection } from './channels';
import type { SessionLimits } from './session-limits';

/**
 * What a session knows between two commands, grouped by concern. Whether the control connection is protected is not here: that is asked of the channel,
 * for a flag could be set by a command.
 */
export class SessionState {
  // Login
  phase: 'greeting' | 'awaitingPassword' | 'ready' | 'closing' = 'greeting';
  /** Name given with USER, until PASS. */
  claimedName = '';
  failures = 0;
  client = '';

  // Protection of data, RFC 4217 §3: buffer size, level, and whether the client ever said a level.
  pbsz = false;
  prot: Protection = 'clear';
  protSeen = false;
  /** After CCC nothing about protection can be changed any more. */
  clearedByCcc = false;

  // Transfer parameters
  type: TransferType = 'A';
  facts: readonly Fact[] = allFacts;
  extendedPassiveOnly = false;

  // Place
  cwd: VirtualPath = rootPath;

  // Slots between two commands
  /** RNFR; any other command clears it. */
  renameSource: RenameSource | undefined;
  /** REST: kept until the next transfer attempt, granted or refused. Dropping it silently would make a resuming client append a whole file. */
  restart: number | undefined;
  /** ALLO, for the next upload. */
  announced: number | undefined;

  /** AUTH, REIN: as at the beginning (RFC 959 §4.1.1, RFC 4217 §4). */
  reset(prot: Protection): void {
    this.phase = 'greeting';
    this.claimedName = '';
    this.pbsz = prot === 'private';
    this.prot = prot;
    this.protSeen = false;
    this.clearedByCcc = false;
    this.type = 'A';
    this.facts = allFacts;
    this.extendedPassiveOnly = false;
    this.cwd = rootPath;
    this.renameSource = undefined;
    this.restart = undefined;
    this.announced = undefined;
  }
}

/** Clients that protect data without ever saying PROT (old Tumbleweed and Axway) are believed where the partner's switch says so. */
export function dataProtection(state: SessionState, switches: UserSwitches): Protection {
  return !state.protSeen && switches.assumeProtP ? 'private' : state.prot;
}

export function mayTransferInClear(user: User, { protectedDataOnly }: Pick<SessionLimits, 'protectedDataOnly'>): boolean {
  return user.switches.allowClearData && !protectedDataOnly;
}
