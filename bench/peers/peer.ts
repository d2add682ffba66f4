/** What every peer does: read its input, tell its port, and end when the bench that started it is gone. */
export function input<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}

export function ready(port: number): void {
  process.once('disconnect', () => process.exit(0));
  process.send?.({ port });
}
