import { Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Causeway, type CausewayProps } from './causeway';

/** The stack of an operator who has no CDK app: the bridge, and as outputs what people and the command line need of it. */
export class CausewayStack extends Stack {
  readonly causeway: Causeway;

  constructor(scope: Construct, id: string, props: StackProps & CausewayProps = {}) {
    super(scope, id, { description: 'Causeway: FTPS in, whole and verified objects out', ...props });
    this.causeway = new Causeway(this, 'Causeway', props);
    this.causeway.addOutputs();
  }
}
