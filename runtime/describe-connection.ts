import path from 'node:path';
import { namesOf } from './adapters/certificates/certificate-pair';
import { readCertificate } from './adapters/certificates/file-certificates';
import { readServed } from './adapters/certificates/served';
import type { Config } from './config/config';
import { variables } from './config/variables';
import { certificateFiles, everywhere, fetchOf } from './open-certificates';
import type { SheetFacts } from './operator/connection-sheet';
import { OperatorError } from './operator/operator-error';

/** What clients must know of a server, for the connection sheet: of one with this configuration, and of one that runs elsewhere. */

/** @throws OperatorError when the server does not answer, as it does to nobody who comes from elsewhere than partners may. */
export async function describeDeployedCertificate(config: Config, host: string) {
  const { cert, fingerprint, notAfter } = await readServed(host, config.implicitPort).catch((error: Error) => {
    throw new OperatorError(`${host} does not show its certificate on port ${config.implicitPort}: ${error.message}`, 'failed', {
      cause: error,
    });
  });
  return { hostIsNamed: namesOf(cert).include(host), fingerprint, notAfter };
}

/** The same of a server that runs elsewhere: what it shows is what clients will see. */
export async function describeDeployed(config: Config, host: string, stack: string) {
  const unseen = (error: OperatorError) => ({ hostIsNamed: true, fingerprint: undefined, notAfter: undefined, unseen: error.message });
  const certificate = await describeDeployedCertificate(config, host).catch(unseen);
  const { explicitPort, implicitPort, passivePorts } = config;
  return { host, explicitPort, implicitPort, passivePorts, certificateFile: undefined, dataFolder: undefined, stack, ...certificate };
}

/** What clients must know of a server with this configuration; the ports come extra, because 0 stands for one that is chosen at start. */
export async function describeConnection(
  config: Config,
  ports: Pick<SheetFacts, 'explicitPort' | 'implicitPort' | 'passivePorts'>,
  host?: string,
) {
  const selfSigned = config.certificate.kind === 'self-signed';
  const files = certificateFiles(config);
  const certificate = await (fetchOf(config)?.() ?? readCertificate(files));
  const names = namesOf(certificate.cert);
  // A certificate of somebody's own is made for the name that his partners use; one of ours for this machine.
  const local = everywhere.includes(config.host) ? ((selfSigned ? undefined : names.first) ?? 'localhost') : config.host;
  const named = host ?? local;
  return {
    host: named,
    hostIsNamed: names.include(named),
    explicitPort: ports.explicitPort,
    implicitPort: ports.implicitPort,
    passivePorts: ports.passivePorts,
    fingerprint: certificate.fingerprint,
    notAfter: certificate.notAfter,
    certificateFile: selfSigned ? path.resolve(files.certificate) : undefined,
    dataFolder: config.data === variables.CAUSEWAY_DATA.default ? undefined : path.resolve(config.data),
    stack: undefined,
  };
}
