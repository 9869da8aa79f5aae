/**
 * One budget of part buffers per process, in bytes allocated. It is the back-pressure: when it is spent, sockets are not read, whatever the store
 * does.
 */
export interface PartBuffers {
  /**
   * Admits one more upload, before its client is told to send. Throws `Failure('too-many-uploads')`: at most budget ÷ smallest part at once.
   */
  admit(partner: string): Admission;
  readonly used: number;
  readonly budget: number;
}

export interface Admission {
  /**
   * A buffer of at most `wanted` bytes: less when the budget is short or the partner holds his half. Undefined when there is none now; `available`
   * resolves when it is worth asking again.
   */
  take(wanted: number): Buffer | undefined;
  available(): Promise<void>;
  give(buffer: Buffer): void;
  /** Gives back the admission; buffers still out are given back one by one. */
  end(): void;
}
