/** A partner: who may log in, what he sees, and the switches for what his client cannot do. Values only; the rules that read them are elsewhere. */

export const allRights = ['list', 'read', 'write', 'overwrite', 'delete', 'rename', 'mkdir'] as const;
export type Right = (typeof allRights)[number];

/** What "drop box" means: deliver and make folders, see nothing, change nothing. */
export const dropBoxRights: readonly Right[] = ['write', 'mkdir'];

export interface User {
  readonly name: string;
  /** First segments of the object keys, without leading or trailing slash; no home lies inside another. */
  readonly home: string;
  readonly enabled: boolean;
  /** PHC strings (argon2id), newest first, at most two: both are valid while a password is being rotated. */
  readonly passwordHashes: readonly string[];
  readonly rights: readonly Right[];
  /** Rights of directories that differ, by virtual path; the longest prefix wins. */
  readonly directories: Readonly<Record<string, readonly Right[]>>;
  /** CIDR blocks that may log in; empty means any. */
  readonly allowedAddresses: readonly string[];
  readonly maxSessions?: number;
  /** Largest file in bytes; undefined means what the store allows. */
  readonly maxFileBytes?: number;
  readonly switches: UserSwitches;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

export interface UserSwitches {
  /** What a missing TLS close_notify at the end of an upload means. RFC 4217 §12.6. */
  readonly endOfData: 'strict' | 'warn' | 'off';
  /** Whether a data connection must resume the TLS session of its control connection. */
  readonly dataTlsReuse: 'off' | 'prefer' | 'require';
  /** `address`: the peer must be the control peer; `session`: a proven TLS resumption may stand in for the address (address pools). */
  readonly dataPeer: 'address' | 'session';
  /** PROT C and CDC are allowed. */
  readonly allowClearData: boolean;
  /** Data is protected although PROT was never sent (old Tumbleweed and Axway clients). */
  readonly assumeProtP: boolean;
  /** PROT needs a PBSZ before it. */
  readonly pbszRequired: boolean;
  /** CCC is allowed. */
  readonly allowCcc: boolean;
  /** `off`: `*.tmp`, `*.part` … are ordinary names. */
  readonly temporaryNames: 'on' | 'off';
  /** Directory names (not paths) whose files are temporary, such as `tmp`. */
  readonly temporaryDirectories: readonly string[];
  /** What ALLO announced is compared with what arrived. */
  readonly announcedSize: 'check' | 'ignore';
  /** A client that closes without TLS handshake or close_notify before a first byte means an empty file (old Go clients). */
  readonly allowEmptyWithoutTls: boolean;
  /** Charset of names that are not UTF-8, both ways; undefined refuses them. */
  readonly legacyCharset?: 'windows-1252' | 'iso-8859-1';
}

export const defaultSwitches: UserSwitches = {
  endOfData: 'strict',
  dataTlsReuse: 'prefer',
  dataPeer: 'address',
  allowClearData: false,
  assumeProtP: false,
  pbszRequired: true,
  allowCcc: false,
  temporaryNames: 'on',
  temporaryDirectories: [],
  announcedSize: 'check',
  allowEmptyWithoutTls: false,
};

/** Names that may be given to a partner: they become folder names, log fields and table keys. */
export const userNamePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/i;
