/**
 * Starts to measure what this thread computes; the answer tells it in milliseconds. Unlike the time on the wall it does not grow with
 * what else the machine does, so that a bound on it holds beside any load.
 */
export function startCpuTime(): () => number {
  const before = process.threadCpuUsage();
  return () => {
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  };
}
