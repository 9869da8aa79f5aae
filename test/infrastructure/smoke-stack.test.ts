import { readOutputs, readPorts } from '../../bin/smoke-stack';

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
