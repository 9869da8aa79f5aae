/** Randomness comes in through here. */
export interface Ids {
  /** `s-` and six base32 characters: short enough to read over the telephone. */
  session(): string;
  /** Unique for ever: 26 base32 characters (130 random bits). Names uploads, copies, claims and events. */
  token(): string;
  /** A whole number from 0 to `below` - 1, unpredictable. */
  random(below: number): number;
}
