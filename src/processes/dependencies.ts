interface Dependent {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** Ids in the order of starting: everything after what it depends on, else by id. A cycle (the settings refuse it) is cut. */
export function startOrder(units: readonly Dependent[]): readonly string[] {
  const byId = new Map(units.map((unit) => [unit.id, unit]));
  const order = new Set<string>();
  const seen = new Set<string>();
  const visit = (id: string): void => {
    const unit = byId.get(id);
    if (unit === undefined || seen.has(id)) return;
    seen.add(id);
    for (const dependency of unit.dependsOn) visit(dependency);
    order.add(id);
  };
  for (const id of [...byId.keys()].sort()) visit(id);
  return [...order];
}

/** Ids that depend on `id` directly. */
export function dependentsOf(units: readonly Dependent[], id: string): readonly string[] {
  return units.filter((unit) => unit.dependsOn.includes(id)).map((unit) => unit.id);
}
