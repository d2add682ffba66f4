/** Schemas come from outside: what judging by one may cost. */
export const judgeLimits = {
  /** Of one answer. */
  violations: 100,
  /** How long a schema may take to be understood, or a document to be judged. */
  judgementMs: 1000,
  /** Memory of the thread that judges. */
  judgementMiB: 256,
  judgementsWaiting: 1000,
} as const;
