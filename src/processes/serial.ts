/** Runs tasks one after the other, in the order in which they came; a task that fails does not hold up the next. */
export function createSerial(): <T>(task: () => Promise<T> | T) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };
}
