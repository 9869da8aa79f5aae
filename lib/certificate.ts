import { Validations } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as route53 from 'aws-cdk-lib/aws-route53';
import { Construct } from 'constructs';
import type { ContainerEnvironment } from './container-environment';
import type { Settings } from './settings';

export interface CertificateProps {
  readonly settings: Settings;
  readonly zone: route53.IHostedZone | undefined;
}

/**
 * Where tasks get their TLS certificate. TLS ends in the task: explicit TLS starts in the middle of an FTP dialogue, which no load balancer speaks. So the
 * private key must come out: an exportable ACM certificate, a secret, or one that each task makes for itself.
 */
export class Certificate extends Construct {
  private readonly source:
    | { readonly arn: string; readonly actions: readonly string[]; readonly environment: ContainerEnvironment }
    | undefined;

  constructor(scope: Construct, id: string, { settings, zone }: CertificateProps) {
    super(scope, id);
    if (settings.certificate === 'acm') {
      const arn = settings.certificateArn ?? newCertificate(this, settings.hostName as string, zone);
      this.source = { arn, actions: ['acm:ExportCertificate'], environment: { CAUSEWAY_CERTIFICATE_ARN: arn } };
    }
    if (settings.certificate === 'secret') {
      const arn = settings.certificateSecretArn as string;
      this.source = { arn, actions: ['secretsmanager:GetSecretValue'], environment: { CAUSEWAY_CERTIFICATE_SECRET: arn } };
    }
    if (settings.certificate === 'self-signed')
      Validations.of(this).addWarning(
        'Causeway:SelfSigned',
        'each task makes a certificate of its own: partners cannot verify it. Set hostName, or certificate "secret", before anybody relies on it',
      );
  }

  environment(): ContainerEnvironment {
    return this.source?.environment ?? {};
  }

  grantRead(grantee: iam.IGrantable): void {
    if (!this.source) return;
    const { arn, actions } = this.source;
    grantee.grantPrincipal.addToPrincipalPolicy(new iam.PolicyStatement({ sid: 'Certificate', resources: [arn], actions: [...actions] }));
  }
}

/** RSA, because clients that are older than elliptic curves are exactly those that partners keep. */
function newCertificate(scope: Construct, hostName: string, zone: route53.IHostedZone | undefined): string {
  const { certificateArn } = new acm.Certificate(scope, 'Certificate', {
    domainName: hostName,
    allowExport: true,
    keyAlgorithm: acm.KeyAlgorithm.RSA_2048,
    validation: acm.CertificateValidation.fromDns(zone),
  });
  return certificateArn;
}
