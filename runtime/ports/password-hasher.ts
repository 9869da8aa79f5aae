export interface PasswordHasher {
  /** A PHC string. */
  hash(password: string): Promise<string>;
  /**
   * True when one of the hashes is of this password. An empty list costs the same time as a wrong password, so that an unknown name cannot be told
   * from a known one by the clock. Bounded: at most a few run at once, the rest wait.
   */
  verify(hashes: readonly string[], password: string): Promise<boolean>;
}
