/** What an operator wrote: the file `causeway.config.json`, and over it the CDK context `causeway`, as an object in cdk.json or as JSON on the command line. */
export function writtenSettings(file: string | undefined, context: unknown): Record<string, unknown> {
  return {
    ...(file === undefined ? {} : parse(file, 'causeway.config.json')),
    ...(context === undefined
      ? {}
      : typeof context === 'string'
        ? parse(context, 'the context causeway')
        : object(context, 'the context causeway')),
  };
}

function parse(text: string, name: string): Record<string, unknown> {
  try {
    return object(JSON.parse(text), name);
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new Error(`${name} is not JSON: ${cause.message}`, { cause });
    throw cause;
  }
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`${name} is ${JSON.stringify(value)}, but must be an object of settings`);
}
