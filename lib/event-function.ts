import { join } from 'node:path';
import type { Duration } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, SourceMapMode } from 'aws-cdk-lib/aws-lambda-nodejs';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { ContainerEnvironment } from './container-environment';
import { type Encryption, retainedLogGroup } from './encryption';

/** One file for any processor: the checksum that is a program of this machine's is replaced by Node's own, which is slower and the same. */
export const functionAliases = { '@node-rs/crc32': 'node:zlib' } as const;

export interface EventFunctionProps {
  readonly description: string;
  /** Source of the handler, bundled by esbuild on this machine. */
  readonly entry: string;
  readonly environment: ContainerEnvironment;
  readonly memory: number;
  readonly timeout: Duration;
  readonly logDays: number;
  readonly encryption: Encryption;
}

/** A small function with a log of its own and the rights to write that log: the managed policy of the library allows every log of the account. */
export class EventFunction extends Construct {
  readonly function: lambda.Function;
  readonly logGroup: logs.ILogGroup;

  constructor(scope: Construct, id: string, props: EventFunctionProps) {
    super(scope, id);
    this.logGroup = retainedLogGroup(this, 'Log', { days: props.logDays, encryption: props.encryption });
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(
      new iam.PolicyStatement({
        sid: 'Log',
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        // A log group's ARN ends in the streams; there is no other way to name the group for these actions.
        resources: [this.logGroup.logGroupArn],
      }),
    );
    const root = join(__dirname, '..');
    this.function = new NodejsFunction(this, 'Function', {
      description: props.description,
      entry: props.entry,
      projectRoot: root,
      depsLockFilePath: join(root, 'package-lock.json'),
      handler: 'handler',
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      memorySize: props.memory,
      timeout: props.timeout,
      role,
      logGroup: this.logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      environment: props.environment as Record<string, string>,
      ...(props.encryption.key ? { environmentEncryption: props.encryption.key } : {}),
      // The SDK goes in with the code: the one of the platform is another one every week.
      bundling: {
        target: 'node24',
        externalModules: [],
        esbuildArgs: Object.fromEntries(Object.entries(functionAliases).map(([module, other]) => [`--alias:${module}`, other])),
        minify: false,
        sourceMap: true,
        sourceMapMode: SourceMapMode.INLINE,
        sourcesContent: false,
      },
    });
  }
}
