/** The names by which a fleet meets, all below one prefix: one place for agents and clients. */
export interface Subjects {
  /** The stream that has the events of all agents. */
  readonly eventStream: string;
  /** What that stream listens to. */
  readonly allEvents: string;
  /** Of one agent: `sboxagent.edge-1.event.process.ready`. */
  eventsOf(agent: string): string;
  event(agent: string, type: string): string;
  /** The bucket with one entry an agent: how it is. */
  readonly presence: string;
}

export function subjectsOf(prefix: string): Subjects {
  return {
    eventStream: `${prefix.toUpperCase()}_EVENTS`,
    allEvents: `${prefix}.*.event.>`,
    eventsOf: (agent) => `${prefix}.${agent}.event.>`,
    event: (agent, type) => `${prefix}.${agent}.event.${type}`,
    presence: `${prefix}_agents`,
  };
}
