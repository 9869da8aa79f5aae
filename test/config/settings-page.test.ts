import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describeVariables, settingsPage, type Variable, variables } from '../../runtime/config/variables';

it('docs/settings.md is the table of settings', () => {
  expect(readFileSync(path.join(__dirname, '../../docs/settings.md'), 'utf8')).toBe(settingsPage());
});

it.each(Object.entries(variables as Record<string, Variable>))('%s is told with its default and a sentence', (name, variable) => {
  expect(name).toMatch(/^CAUSEWAY(_[A-Z][A-Z0-9]*)+$/);
  expect(variable.help).toMatch(/^[^\n|]+\.$/);
  expect(describeVariables()).toContain(`${name}\n    ${variable.help}\n    default: ${variable.default || '(empty)'}`);
});
