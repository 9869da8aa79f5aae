import { hasMoto, startMoto } from '../support/servers/moto';
import { hasVersitygw, startVersitygw } from '../support/servers/versitygw';
import { describeOn, type TestedServer } from './dynamodb-servers';

/** The servers that speak S3. */
export { describeOn };
export const versitygw: TestedServer = { name: 'versitygw', installed: hasVersitygw, start: startVersitygw };
export const moto: TestedServer = { name: 'moto', installed: hasMoto, start: startMoto };
