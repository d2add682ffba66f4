/** The names by which a fleet meets, all below one prefix: one place for agents and clients. */
export interface Subjects {
  /** The stream that has the events of all agents. */
  readonly eventStream: string;
  /** What that stream listens to. */
  readonly allEvents: string;
  /** Of one agent: `sboxagent.edge-1.event.process.ready`. */
  eventsOf(agent: string): string;
  event(agent: string, type: string): string;
  /** Where an agent is called: `sboxagent.edge-1.rpc.ProcessService.ListProcesses`. */
  rpc(agent: string, service: string, method: string): string;
  /** Where the caller of one call says what it has taken, or that it leaves. */
  flow(agent: string, call: string): string;
  /** The bucket with one entry an agent: how it is. */
  readonly presence: string;
  /** The bucket of what the agents have in common: who watches over them. */
  readonly common: string;
  /** The bucket of the rollouts. */
  readonly rollouts: string;
}

export function subjectsOf(prefix: string): Subjects {
  return {
    eventStream: `${prefix.toUpperCase()}_EVENTS`,
    allEvents: `${prefix}.*.event.>`,
    eventsOf: (agent) => `${prefix}.${agent}.event.>`,
    event: (agent, type) => `${prefix}.${agent}.event.${type}`,
    rpc: (agent, service, method) => `${prefix}.${agent}.rpc.${service}.${method}`,
    flow: (agent, call) => `${prefix}.${agent}.flow.${call}`,
    presence: `${prefix}_agents`,
    common: `${prefix}_fleet`,
    rollouts: `${prefix}_rollouts`,
  };
}
