import { describeRules } from './rules';
import { type Examples, examples, synthesize } from './synthesize';
import { describeTasks } from './tasks';
import { describeWayOfAConnection } from './way-of-a-connection';
import { describeWhatIsKept } from './what-is-kept';

/**
 * The stack, made once for each example and looked at from every side: making it is what costs time. The security rules run when it is made, so a finding
 * that nobody acknowledged fails everything.
 */
jest.setTimeout(60_000);
const templates: Examples = {
  trial: synthesize(examples.trial),
  whole: synthesize(examples.whole),
  guest: synthesize(examples.guest),
};

describe('rules', () => describeRules(templates));
describe('the way of a connection', () => describeWayOfAConnection(templates));
describe('tasks', () => describeTasks(templates));
describe('what is kept', () => describeWhatIsKept(templates));
