import type { User } from '../model/user';

/** A partner as the command line shows it, to people and to programs; never with a hash. */

export function partnerAsData({ passwordHashes, ...user }: User, password?: string) {
  return { ...user, passwords: passwordHashes.length, password };
}

/** One line of a list, its columns separated by tabs. */
export function partnerAsLine(user: User): string {
  return `${user.name}\t${user.home}\t${user.enabled ? 'enabled' : 'disabled'}\t${user.rights.join(',') || 'none'}\n`;
}

export function partnerAsText(user: User): string {
  const directories = Object.entries(user.directories).map(([directory, rights]) => `  ${directory}: ${rights.join(', ') || 'none'}\n`);
  const switches = Object.entries(user.switches).map(([name, value]) => `  ${name}=${Array.isArray(value) ? value.join(',') : value}\n`);
  return `${user.name}${user.enabled ? '' : ' (disabled)'}
home: ${user.home}
rights: ${user.rights.join(', ') || 'none'}
${directories.join('')}addresses: ${user.allowedAddresses.join(', ') || 'any'}
sessions: ${user.maxSessions ?? 'the server setting'}
largest file: ${user.maxFileBytes === undefined ? 'unlimited' : `${user.maxFileBytes} bytes`}
passwords valid now: ${user.passwordHashes.length}
switches:
${switches.join('')}`;
}
