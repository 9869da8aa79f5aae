import { readWanted } from '../../bin/smoke';
import { explainAws, readOutputs, readPorts } from '../../bin/smoke-stack';

const values: Readonly<Record<string, string>> = {
  Host: 'ftps.example.com',
  Addresses: '203.0.113.1,203.0.113.2',
  ExplicitPort: '21',
  ImplicitPort: '990',
  PassivePorts: '8192-8239',
  Region: 'eu-central-1',
  Cluster: 'cluster',
  Service: 'service',
  Log: 'log',
};

function described(outputs: Readonly<Record<string, string>>) {
  return { Stacks: [{ Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })) }] };
}

describe('the outputs of a stack', () => {
  it('say where it is', () => {
    expect(readOutputs('causeway', described(values))).toMatchObject({
      host: 'ftps.example.com',
      addresses: ['203.0.113.1', '203.0.113.2'],
      explicitPort: 21,
      passivePorts: expect.arrayContaining([8192, 8239]),
    });
  });

  it.each(Object.keys(values))('without %s are those of another stack', (missing) => {
    const { [missing]: _gone, ...rest } = values;
    expect(() => readOutputs('other', described(rest))).toThrow(`the stack other has no output ${missing}: is it one of Causeway?`);
  });
});

describe('ports', () => {
  it.each([
    ['8192-8195', [8192, 8193, 8194, 8195]],
    ['5, 7, 5', [5, 7]],
  ])('%s', (text, ports) => {
    expect(readPorts(text)).toEqual(ports);
  });

  it.each(['', 'a', '0-5', '9-8', '65536', '1-2-3'])('%j is no list of ports', (text) => {
    expect(() => readPorts(text)).toThrow('is no list of ports');
  });
});

describe('what is wanted', () => {
  const least = ['--host', 'ftps.example.com', '--user', 'smoke', '--password-stdin'];

  it('is read with the ports that a deployment has', () => {
    expect(readWanted(least)).toMatchObject({ host: 'ftps.example.com', explicitPort: 21, implicitPort: 990, bytes: 67_108_864 });
    expect(readWanted(['--help'])).toEqual({ help: true });
  });

  it.each<[string[], string]>([
    [['--host', 'h', '--password-stdin'], '--user is missing'],
    [['--host', 'h', '--user', 'u'], '--password-stdin is missing'],
    [['--user', 'u', '--password-stdin'], 'either --stack or --host'],
    [[...least, '--stack', 's'], 'either --stack or --host'],
    [[...least, '--replace-tasks'], 'need --stack'],
    [[...least, '--loud'], '--loud'],
    [[...least, '--explicit-port', '0'], '"0" is no list of ports'],
    [[...least, '--implicit-port', '1-2'], '--implicit-port is "1-2", but must be one port'],
    [[...least, '--bytes', '1e3'], '--bytes is "1e3", but must be a whole number'],
  ])('%j is wrong usage', (parameters, fault) => {
    expect(() => readWanted(parameters)).toThrow(fault);
  });
});

it.each([
  [{ code: 'ENOENT', message: 'spawn aws ENOENT' }, 'the aws command line is not installed'],
  [{ code: 253, stderr: '\nYou must specify a region.\n', message: 'Command failed: aws' }, 'aws: You must specify a region.'],
  [{ message: 'timed out' }, 'timed out'],
])('what the aws command line says is passed on: %j', (error, text) => {
  expect(explainAws(error)).toContain(text);
});
