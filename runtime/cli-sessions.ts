import type { Command } from 'commander';
import type { CommandTools } from './cli-stores';
import { openSessions } from './compose';
import { sessionsAsText } from './operator/session-text';

/** The commands that show and end sessions, of one server or of all tasks of a fleet. */
const betweenScreens = 2_000;
/** Cursor home, and everything below it cleared. */
const clearScreen = '\u001b[H\u001b[J';

export function addSessionCommands(program: Command, { configuration, print, withJson }: CommandTools): void {
  withJson(program.command('sessions'))
    .option('--watch', 'go on until interrupted; with --json, one line of JSON each time')
    .description('list sessions and transfers of the server, or of the whole fleet')
    .addHelpText('after', '\nExamples:\n  causeway sessions\n  causeway sessions --watch\n  causeway sessions --json')
    .action(async (options: { json?: boolean; watch?: boolean }) => {
      const config = configuration();
      const opened = await openSessions(config);
      try {
        if (!options.watch) {
          const rows = await opened.sessions.list();
          print(options, rows, sessionsAsText(rows, Date.now()));
          return;
        }
        for await (const seen of opened.sessions.watch(betweenScreens)) {
          if (seen === undefined) {
            process.stderr.write('causeway: the sessions cannot be read now; it is tried again\n');
            continue;
          }
          const text = options.json ? `${JSON.stringify(seen)}\n` : sessionsAsText(seen, Date.now());
          process.stdout.write(process.stdout.isTTY && !options.json ? `${clearScreen}${text}` : text);
        }
      } finally {
        await opened.close();
      }
    });
  withJson(program.command('kick <session>'))
    .description('end a session; what it was uploading is kept for its client to continue')
    .addHelpText('after', '\nExample:\n  causeway kick s-7F3K2Q\n\nExit code 1: there is no such session, or it did not end.')
    .action(async (id: string, options: { json?: boolean }) => {
      const opened = await openSessions(configuration());
      try {
        const ended = await opened.sessions.kick(id);
        print(options, ended, `session ${id} of ${ended.user ?? ended.client} ended\n`);
      } finally {
        await opened.close();
      }
    });
}
