/** Tells the operator what he has to do differently; the command line prints it as it is. `usage`: it was written wrongly, whatever there is. */
export class OperatorError extends Error {
  constructor(
    message: string,
    readonly kind: 'failed' | 'usage' = 'failed',
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
