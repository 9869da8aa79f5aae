import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CausewayStack } from '../lib/causeway-stack';
import { readSettings } from '../lib/settings';
import { writtenSettings } from './written-settings';

/** Entry of `cdk synth` and `cdk deploy`: one stack from one file of settings, checked against the security rules of AWS each time. */
const app = new App();
const file = join(__dirname, '..', 'causeway.config.json');
const settings = readSettings(
  writtenSettings(existsSync(file) ? readFileSync(file, 'utf8') : undefined, app.node.tryGetContext('causeway')),
);
// For whoever handles events of the bucket in another way than ours.
const indexSyncEntry: string | undefined = app.node.tryGetContext('indexSyncEntry');
new CausewayStack(app, settings.name, { settings, ...(indexSyncEntry ? { indexSyncEntry: resolve(indexSyncEntry) } : {}) });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
