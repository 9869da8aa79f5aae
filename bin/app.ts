import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CausewayStack } from '../lib/causeway-stack';
import { readSettings, type Settings } from '../lib/settings';
import { writtenSettings } from './written-settings';

/** Entry of `cdk synth` and `cdk deploy`: one stack from one file of settings, checked against the security rules of AWS each time. */
const app = new App();
const settings = read();
if (settings) {
  // For whoever handles events of the bucket in another way than ours.
  const indexSyncEntry: string | undefined = app.node.tryGetContext('indexSyncEntry');
  new CausewayStack(app, settings.name, { settings, ...(indexSyncEntry ? { indexSyncEntry: resolve(indexSyncEntry) } : {}) });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

/** A fault in the settings is a sentence for the operator; where it was noticed does not help him. */
function read(): Settings | undefined {
  const file = join(__dirname, '..', 'causeway.config.json');
  try {
    return readSettings(writtenSettings(existsSync(file) ? readFileSync(file, 'utf8') : undefined, app.node.tryGetContext('causeway')));
  } catch (error) {
    process.stderr.write(`causeway: ${(error as Error).message}\n`);
    process.exitCode = 1;
    return undefined;
  }
}
